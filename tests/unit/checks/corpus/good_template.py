# expect: nothing
"""The page's template of a gate: no output is a fault of its own."""
from spine_temporal import Step, StepResult, Workflow


def validate(ctx, config):
    result = ctx.get_output("ingest")
    if not result:
        return StepResult.fail("No output from ingest", "STEP_ERROR")
    row_count = result.get("row_count", 0)
    if row_count < 10:
        return StepResult.fail(f"Too few records: {row_count} < 10", "QUALITY_GATE")
    return StepResult.ok(output={"validated": True, "row_count": row_count})


DAILY = Workflow(
    name="shop.daily",
    domain="shop",
    steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("validate", validate)],
)
