# expect: SPN402@6
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if ctx.get_output("normalize", "null_rate", 0) > 0.1:
        return StepResult.fail("nulls")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("check", check),
        Step.pipeline("normalize", "shop.normalize"),
    ],
)
