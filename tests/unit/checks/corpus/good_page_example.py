# expect: nothing
"""The page's own example: ingest, check, normalize, check, aggregate."""
from spine_temporal import Step, StepResult, Workflow


def validate_ingest(ctx, config):
    result = ctx.get_output("ingest")
    if result.get("row_count", 0) < 1000:
        return StepResult.fail("Too few records ingested", "QUALITY_GATE")
    if result.get("error_count", 0) > 10:
        return StepResult.fail("Too many ingest errors", "DATA_QUALITY")
    return StepResult.ok(output={"validated": True, "row_count": result.get("row_count")})


def validate_normalize(ctx, config):
    result = ctx.get_output("normalize")
    null_rate = result.get("null_rate", 0)
    if null_rate > 0.05:
        return StepResult.fail(f"Null rate too high: {null_rate:.1%}", "DATA_QUALITY")
    return StepResult.ok()


REFRESH = Workflow(
    name="shop.refresh",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("validate_ingest", validate_ingest),
        Step.pipeline("normalize", "shop.normalize"),
        Step.lambda_("validate_normalize", validate_normalize),
        Step.pipeline("aggregate", "shop.aggregate"),
    ],
)
