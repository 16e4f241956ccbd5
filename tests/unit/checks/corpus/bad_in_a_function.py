# expect: SPN504@6 SPN504@10
from spine_temporal import Step, Workflow


def build():
    return Workflow(name="shop.daily", steps=[Step.pipeline("aggregate", "shop.aggregate")])


def named(tier):
    return Workflow(name=f"shop.{tier}", steps=[Step.pipeline("aggregate", "shop.aggregate")])
