# expect: SPN402@6
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.parallel(
            "both",
            [
                Step.pipeline("ingest", "shop.ingest"),
                Step.lambda_("check", check),  # what check reads is seen at its own line
            ],
        ),
    ],
)
