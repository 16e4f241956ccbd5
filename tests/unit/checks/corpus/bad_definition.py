# expect: SPN002@4
from spine_temporal import Step, Workflow

DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.choice("route", lambda ctx: True, then_step="nowhere"),
        Step.pipeline("aggregate", "shop.aggregate"),
    ],
)
