# expect: SPN510@5 SPN510@6
from spine_temporal import Step, Workflow


ONE = Workflow(name="shop.daily", steps=[Step.pipeline("aggregate", "shop.aggregate")])
TWO = Workflow(name="shop.daily", steps=[Step.pipeline("normalize", "shop.normalize")])
