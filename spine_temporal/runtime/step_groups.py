"""The activity of brief steps that go together."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.machine.step_outcome import Failed
from spine_temporal.runtime.in_turn import run_in_turn
from spine_temporal.translation.messages import STEPS
from spine_temporal.translation.pipeline_messages import FailedOnce, PipelineRequest, StepDone
from spine_temporal.translation.step_messages import StepsDone, StepsRequest

Run = Callable[[PipelineRequest], Awaitable[StepDone]]


def steps_activity(runs: Mapping[str, Run]) -> Callable[..., Any]:
    """Return the activity that does steps in turn; ``runs`` does those of each pipeline, by its name."""

    async def run(request: PipelineRequest) -> StepDone:
        if request.pipeline not in runs:  # a worker that serves another queue, or another version: it is asked again
            raise ApplicationError("this worker has no such pipeline", type=ErrorCategory.TRANSIENT.value)
        return await runs[request.pipeline](request)

    @activity.defn(name=STEPS)
    async def steps(request: StepsRequest) -> StepsDone:
        names = [step.step for step in request.steps]
        ended = dict(zip(names, await run_in_turn(request.steps, run), strict=False))
        return StepsDone(
            done={name: one for name, one in ended.items() if isinstance(one, StepDone)},
            failed={name: one for name, one in ended.items() if isinstance(one, Failed)},
            again=tuple(name for name, one in ended.items() if not isinstance(one, StepDone | Failed)),
            failed_once={name: one for name, one in ended.items() if isinstance(one, FailedOnce)},
        )

    return steps
