"""A workflow of which people are told much: it fails until it is told not to, or is held until its deadline."""

from collections.abc import Mapping
from typing import Any

from spine_temporal import (
    ErrorCategory,
    Pipeline,
    SpineError,
    Step,
    StepResult,
    Workflow,
    WorkflowContext,
    register_pipeline,
)


@register_pipeline("chaos.told")
class Told(Pipeline):
    """Fails where it is told to."""

    def run(self) -> dict[str, Any]:
        """Fail, or give a row."""
        if self.params["ends"] == "fails":
            raise SpineError("the file is cut off", ErrorCategory.DATA_QUALITY)
        return {"row_count": 1}


def check(ctx: WorkflowContext, _config: Mapping[str, Any]) -> StepResult:
    """Fail where the run is to be held."""
    if ctx.get_param("ends") == "is held":
        return StepResult.fail("too few rows", "QUALITY_GATE")
    return StepResult.ok()


TOLD = Workflow(
    name="chaos.told",
    partition_by=["test"],
    steps=[
        Step.pipeline("load", "chaos.told", heartbeat_timeout=2),
        Step.lambda_("check", check, on_error="HOLD", deadline=1),
        Step.pipeline("after", "chaos.told", heartbeat_timeout=2),
    ],
)
