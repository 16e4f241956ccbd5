# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) > 0 else StepResult.fail("empty")


DAILY = Workflow(
    name="shop.daily",
    steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)],
    on_failure=[
        Step.pipeline("tell", "shop.publish", params=lambda ctx: {"rows": ctx.get_output("ingest", "row_count", 0)})
    ],
)
