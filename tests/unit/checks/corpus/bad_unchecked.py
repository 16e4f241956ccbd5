# expect: SPN506@8
from spine_temporal import Step, Workflow


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.pipeline("normalize", "shop.normalize"),
    ],
)
