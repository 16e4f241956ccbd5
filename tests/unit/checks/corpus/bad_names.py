# expect: SPN505@5 SPN505@5 SPN501@5 SPN505@6
from spine_temporal import Step, Workflow


DAILY = Workflow(name="DailyRefresh", steps=[Step.pipeline("aggregate", "Aggregate")])
OTHER = Workflow(name="shop.daily", domain="prices", steps=[Step.pipeline("aggregate", "shop.aggregate")])
