"""Loaded by a test's worker: where it is told so, a verdict is never recorded."""

import asyncio
import os

from temporalio import activity

from spine_temporal import Pipeline, Step, StepResult, Workflow, register_pipeline
from spine_temporal.runtime.gate_activities import GateActivities
from spine_temporal.translation.gate_messages import Verdict
from spine_temporal.translation.messages import VERDICT


@register_pipeline("late_verdicts.count")
class Count(Pipeline):
    """Gives a count."""

    def run(self):
        return {"row_count": 7}


def _saw(ctx, config):
    return StepResult.ok(output={"saw": ctx.get_output("count", "row_count")})


LATE = Workflow(name="late_verdicts", steps=[Step.pipeline("count", Count.name), Step.lambda_("check", _saw)])


@activity.defn(name=VERDICT)
async def _never(_self, _verdict: Verdict) -> Verdict:
    await asyncio.sleep(600)
    raise AssertionError("unreachable")


if os.environ.get("NO_VERDICT"):
    GateActivities.verdict = _never
