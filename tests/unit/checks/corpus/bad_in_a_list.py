# expect: SPN504@6 SPN504@7 SPN504@9 SPN504@13
from spine_temporal import Step, Workflow


WORKFLOWS = [
    Workflow(name="shop.one", steps=[Step.pipeline("aggregate", "shop.aggregate")]),
    Workflow(name="shop.two", steps=[Step.pipeline("aggregate", "shop.aggregate")]),
]
BY_NAME = {tier: Workflow(name=f"shop.{tier}", steps=[Step.pipeline("a", "shop.aggregate")]) for tier in ("otc",)}


class Holder:
    three = Workflow(name="shop.three", steps=[Step.pipeline("aggregate", "shop.aggregate")])
