# expect: SPN511@7
from spine_temporal import Step, Workflow


DAILY = Workflow(
    name="shop.daily",
    steps=[Step.pipeline("publish", "shop.publish_parts", local=True)],
)
