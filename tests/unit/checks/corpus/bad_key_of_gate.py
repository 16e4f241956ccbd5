# expect: SPN404@11
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    rows = ctx.get_output("ingest", "row_count", 0)
    return StepResult.ok(output={"rows": rows}) if rows else StepResult.fail("none")


def compare(ctx, config):
    if ctx.get_output("check", "row_count") == 0:
        return StepResult.fail("none")
    return StepResult.ok()


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("check", check),
        Step.lambda_("compare", compare),
    ],
)
