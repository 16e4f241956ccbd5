"""A workflow whose runs have everything that a timeline shows: attempts, a hold, items."""

from spine_temporal import (
    Pipeline,
    QualityCheck,
    QualityMetrics,
    RetryPolicy,
    Step,
    StepResult,
    Workflow,
    register_pipeline,
)

TRIED = set()


@register_pipeline("drawn.flaky")
class Flaky(Pipeline):
    """Fails once."""

    def run(self):
        if self.params["test"] not in TRIED:
            TRIED.add(self.params["test"])
            raise ConnectionError("not yet")
        return {"row_count": 7}


@register_pipeline("drawn.item")
class Item(Pipeline):
    """Does nothing."""

    def run(self):
        return {"row_count": 1}


def check(ctx, config):
    quality = QualityMetrics.of(
        QualityCheck.at_least("row_count", ctx.get_output("load", "row_count"), config["min_rows"])
    )
    return StepResult.ok() if quality.passed else StepResult.fail("too few", "QUALITY_GATE", quality=quality)


ITEM = Workflow(name="drawn.each", steps=[Step.pipeline("do", "drawn.item")])
DRAWN = Workflow(
    name="drawn.all",
    steps=[
        Step.pipeline("load", "drawn.flaky", retry=RetryPolicy(initial_interval=0.3)),
        Step.lambda_("check", check, {"min_rows": 10}, on_error="HOLD"),
        Step.map("each", [1, 2], ITEM),
        Step.pipeline("never", "drawn.item"),
    ],
)
