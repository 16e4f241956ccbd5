# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def _missing(ctx, step, *keys):
    for key in keys:
        if not isinstance(ctx.get_output(step, key), int | float):
            return StepResult.fail(f"step {step} gave no number {key}", "DATA_QUALITY")
    return None


def check(ctx, config):
    missing = _missing(ctx, "ingest", "row_count", "error_count")
    if missing:
        return missing
    if ctx.get_output("ingest", "error_count") > config.get("max_errors", 10):
        return StepResult.fail("too many errors", "DATA_QUALITY")
    return StepResult.ok()


DAILY = Workflow(
    name="shop.daily",
    steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check, {"max_errors": 10})],
)
