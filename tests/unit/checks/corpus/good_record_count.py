# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def check_record_count(ctx, config):
    rows = ctx.get_output("ingest", "row_count", 0)
    if rows < 100:
        return StepResult.fail("Too few records", "QUALITY_GATE")
    return StepResult.ok(output={"validated": True})


DAILY = Workflow(
    name="shop.daily",
    steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("validate", check_record_count)],
)
