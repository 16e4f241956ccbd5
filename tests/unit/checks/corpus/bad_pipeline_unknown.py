# expect: SPN501@14 SPN501@16
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("check", check),
        Step.pipeline("normalize", "shop.normalise"),
    ],
    on_failure=[Step.pipeline("tell", "shop.tell")],
)
