"""Pipelines that one activity does in turn: each is an attempt of its own, with its own transaction."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from temporalio import activity
from temporalio.exceptions import ApplicationError

from spine_temporal.definition.json_values import json_size
from spine_temporal.machine.fan import GROUP_SECONDS
from spine_temporal.machine.step_outcome import Failed
from spine_temporal.runtime.log_context import working_on_one
from spine_temporal.translation.failures import failed_once, failed_outcome
from spine_temporal.translation.pipeline_messages import FailedOnce, PipelineRequest, StepDone

#: Seconds in which further ones begin, and bytes of outputs after which none does.
SECONDS = 2 * GROUP_SECONDS
BYTES = 128 * 1024

#: How a pipeline ended; one that is to be tried again has failed once, or None, where that was not counted.
Ended = StepDone | Failed | FailedOnce | None


async def run_in_turn(
    requests: Sequence[PipelineRequest], run: Callable[[PipelineRequest], Awaitable[StepDone]]
) -> list[Ended]:
    """Run pipelines in order, for as long as there is time and each completes; return how those ended that began.

    One that is to be tried again goes on as an activity of its own. So does each where an attempt of this
    activity was lost with its worker, which one of them may have ended; what is committed is found in the ledger. Where
    the activity is cancelled, what was done stands.
    """
    if activity.info().attempt > 1:
        return [None] * len(requests)
    ended, began, size = list[Ended](), time.monotonic(), 0
    for request in requests:
        try:
            with working_on_one(request):
                ended.append(await ended_of(request.step, run(request)))
        except asyncio.CancelledError:
            if not ended:
                raise
            break
        activity.heartbeat()  # moments are too short for an attempt to give signs of life
        last = ended[-1]
        if not isinstance(last, StepDone) or last.resume is not None:
            break
        size += json_size(dict(last.output))
        if size > BYTES or time.monotonic() - began > SECONDS:
            break
    return ended


async def ended_of(step: str, running: Awaitable[StepDone]) -> Ended:
    """Return how a pipeline ends."""
    try:
        return await running
    except ApplicationError as error:
        return failed_outcome(step, error) if error.non_retryable else failed_once(error)
