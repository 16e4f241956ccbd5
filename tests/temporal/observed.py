"""Workflows whose metrics, logs and traces are looked at, and workflow code that fails in its task."""

import logging

from pydantic import BaseModel
from temporalio import workflow as temporal

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


class Params(BaseModel):
    test: str
    rows: int = 7
    does: str = ""


@register_pipeline("observed.read")
class Read(Pipeline):
    """Reads as many rows as it is told, and says so."""

    def run(self):
        logging.getLogger("observed").info("read %s rows with password=%s", self.params["rows"], "hunter2")
        if self.params["does"] == "raise":
            raise SpineError("the source is cut off", ErrorCategory.TRANSIENT)
        return {"row_count": self.params["rows"]}


@register_pipeline("observed.poison")
class Poison(Pipeline):
    """Fails each time."""

    def run(self):
        raise SpineError("the file is broken", ErrorCategory.TRANSIENT)


def enough(ctx, config):
    check = QualityCheck.at_least("rows", ctx.get_output("read", "row_count", 0), config.get("least", 5))
    quality = QualityMetrics.of(check)
    if not quality.passed:
        return StepResult.fail("too few rows", "QUALITY_GATE", quality=quality)
    return StepResult.ok(quality=quality)


RETRY = RetryPolicy(max_attempts=4, initial_interval=0.02, max_interval=0.02)
GATED = Workflow(
    name="observed.gated",
    params_model=Params,
    partition_by=["test"],
    steps=[Step.pipeline("read", "observed.read"), Step.lambda_("check", enough)],
)
HELD = Workflow(
    name="observed.held",
    params_model=Params,
    partition_by=["test"],
    steps=[Step.pipeline("read", "observed.read"), Step.lambda_("check", enough, {"least": 100}, on_error="HOLD")],
)
POISONED = Workflow(name="observed.poisoned", steps=[Step.pipeline("work", "observed.poison", retry=RETRY)])
ALL = (GATED, HELD, POISONED)


@temporal.defn(name="observed.changed", sandboxed=False)
class Changed:
    """A workflow that a bad deployment has changed: it fails its tasks, or leaves its history."""

    is_changed = False

    @temporal.run
    async def run(self, how: str) -> None:
        """Wait; then do otherwise than before."""
        if self.is_changed and how == "raise":
            raise RuntimeError("not of a workflow")
        if not self.is_changed or how == "raise":
            await temporal.sleep(3600)
        await temporal.wait_condition(lambda: False)
