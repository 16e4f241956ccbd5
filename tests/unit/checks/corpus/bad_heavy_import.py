# expect: SPN507@2
import sqlalchemy

from spine_temporal import Step, Workflow

DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("aggregate", "shop.aggregate")])
print(sqlalchemy.__version__)
