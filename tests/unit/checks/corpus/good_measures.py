# expect: nothing
from spine_temporal import QualityCheck, QualityMetrics, Step, StepResult, Workflow


def check(ctx, config):
    rows, errors = ctx.get_output("ingest", "row_count"), ctx.get_output("ingest", "error_count")
    checks = [
        QualityCheck.at_least("row_count", rows, config.get("min_rows", 1)),
        QualityCheck.at_most("error_count", errors, config.get("max_errors", 10)),
    ]
    quality = QualityMetrics.of(*checks)
    for each in checks:
        if not each.passed:
            return StepResult.fail(f"{each.name}: {each.value}", "DATA_QUALITY", quality=quality)
    return StepResult.ok(quality=quality)


DAILY = Workflow(
    name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check, {"min_rows": 5})]
)
