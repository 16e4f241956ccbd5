# expect: SPN201@11
from spine_temporal import Step, StepResult, Workflow




DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("check", lambda ctx, config: ctx.get_output("ingest", "row_count", 0) > 10),
    ],
)
