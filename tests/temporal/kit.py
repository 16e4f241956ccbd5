"""A workflow that takes a day on the clock, and a pipeline that nobody has but a test."""

from spine_temporal import (
    ErrorCategory,
    Pipeline,
    QualityCheck,
    QualityMetrics,
    RetryPolicy,
    SpineError,
    Step,
    StepResult,
    Workflow,
    register_pipeline,
)


@register_pipeline("kit.flaky")
class Flaky(Pipeline):
    """Fails twice."""

    def run(self):
        if self.attempt < 3:
            raise SpineError("not yet", ErrorCategory.TRANSIENT)
        return {"attempt": self.attempt}


def check(ctx, config):
    rows = ctx.get_output("load", "row_count")
    quality = QualityMetrics.of(QualityCheck.at_least("rows", rows, config["least"]))
    if not quality.passed:
        return StepResult.fail(f"too few rows: {rows}", "QUALITY_GATE", quality=quality)
    return StepResult.ok(quality=quality)


SLOW = Workflow(
    name="kit.slow",
    steps=[
        Step.pipeline("load", "kit.load", stage="LOADED"),
        Step.wait("night", 86_400),
        Step.lambda_("check", check, {"least": 2}),
        Step.pipeline("flaky", "kit.flaky", retry=RetryPolicy(initial_interval=3600, max_interval=3600)),
    ],
)
