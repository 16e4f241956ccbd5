"""Items of a map that go together in one activity: each is an attempt of its own, with its own transaction."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from temporalio import activity
from temporalio.exceptions import ApplicationError

from spine_temporal.definition.json_values import json_size
from spine_temporal.machine.fan import GROUP_SECONDS, ItemOutcome
from spine_temporal.translation.failures import failed_outcome
from spine_temporal.translation.map_messages import ItemsDone, ItemsRequest
from spine_temporal.translation.messages import PipelineRequest, StepDone

#: Seconds in which a group begins further items, and bytes of outputs after which it begins none.
_SECONDS = 2 * GROUP_SECONDS
_BYTES = 128 * 1024


async def run_group(request: ItemsRequest, run: Callable[[PipelineRequest], Awaitable[StepDone]]) -> ItemsDone:
    """Run the items in order, for as long as there is time and each completes.

    Behind one that has failed, the map says whether the others begin. Where an attempt of the group was lost with its
    worker, each item goes on as an activity of its own, as one of them may have ended the worker; what is committed is
    found in the ledger. Where the group is cancelled, what was done stands.
    """
    if activity.info().attempt > 1:
        return request.all_alone()
    outcomes, alone, began, size = dict[int, ItemOutcome](), tuple[int, ...](), time.monotonic(), 0
    for item in request.items:
        try:
            outcome = await _ended(item.step, run(request.of(item)))
        except asyncio.CancelledError:
            if not outcomes:
                raise
            break
        if outcome is None:
            alone = (item.index,)
            break
        activity.heartbeat()  # moments are too short for an attempt to give signs of life
        outcomes[item.index] = outcome
        size += json_size(dict(outcome.output))
        if outcome.error is not None or size > _BYTES or time.monotonic() - began > _SECONDS:
            break
    pace = (time.monotonic() - began) / len(outcomes) if outcomes else None
    return ItemsDone(outcomes=outcomes, alone=alone, pace=pace)


async def _ended(step: str, running: Awaitable[StepDone]) -> ItemOutcome | None:
    """Return how an item ended; None where it is to be tried again."""
    try:
        done = await running
    except ApplicationError as error:
        if not error.non_retryable:
            return None
        failed = failed_outcome(step, error)
        return ItemOutcome(error=failed.error, category=failed.category)
    return ItemOutcome(output=done.output, kept_from=done.kept_from)
