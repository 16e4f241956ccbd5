"""Workflows whose end meets something else: a cancel, a lost workflow task, a restored database."""

import time
from pathlib import Path

from spine_temporal import Pipeline, Step, StepResult, Workflow, register_pipeline
from tests.temporal.lineage import CHILD, write


@register_pipeline("endings.last")
class Last(Pipeline):
    """Says that it has begun, and ends when it is let."""

    def run(self):
        folder = Path(self.params["folder"])
        (folder / "begun").touch()
        while not (folder / "let").exists():
            time.sleep(0.02)
        return {"row_count": 1}


def passes(ctx, config):
    return StepResult.ok()


def check(ctx, config):
    return StepResult.fail("it does not pass")


#: Its last step has ended before a heartbeat tells it that the run was cancelled.
LAST = Workflow(
    name="endings.last",
    partition_by=["test"],
    steps=[Step.lambda_("check", passes), Step.pipeline("last", "endings.last", heartbeat_timeout=600)],
)
HOOKED = Workflow(
    name="endings.hooked",
    partition_by=["test"],
    steps=[write("one"), write("two", needs="source", heartbeat_timeout=1)],
    on_cancel=[write("undo")],
)
#: A run that goes on from it has the fan behind it when it begins.
FAN_THEN_LAST = Workflow(
    name="endings.fan_then_last",
    partition_by=["test"],
    steps=[
        Step.parallel("fan", [write("left"), write("right")]),
        Step.lambda_("passes", passes),
        Step.pipeline("last", "endings.last"),
    ],
)
SUB_THEN_HELD = Workflow(
    name="endings.sub_then_held",
    partition_by=["test"],
    steps=[
        write("before"),
        Step.workflow("sub", CHILD),
        Step.lambda_("held", check, on_error="HOLD"),
        write("after"),
    ],
)
ALL = (LAST, HOOKED, FAN_THEN_LAST, SUB_THEN_HELD, CHILD)
