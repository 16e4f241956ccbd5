"""Items of a map that go together in one activity."""

import time
from collections.abc import Awaitable, Callable

from spine_temporal.machine.fan import ItemOutcome
from spine_temporal.machine.step_outcome import Failed
from spine_temporal.runtime.in_turn import run_in_turn
from spine_temporal.translation.map_messages import ItemsDone, ItemsRequest
from spine_temporal.translation.pipeline_messages import FailedOnce, PipelineRequest, StepDone


async def run_group(request: ItemsRequest, run: Callable[[PipelineRequest], Awaitable[StepDone]]) -> ItemsDone:
    """Run the items in order; behind one that has failed, the map says whether the others begin."""
    began = time.monotonic()
    ended = await run_in_turn([request.of(item) for item in request.items], run)
    by_index = {item.index: one for item, one in zip(request.items, ended, strict=False)}
    outcomes = {index: _outcome(one) for index, one in by_index.items() if isinstance(one, StepDone | Failed)}
    return ItemsDone(
        outcomes=outcomes,
        alone=tuple(index for index in by_index if index not in outcomes),
        failed_once={index: one for index, one in by_index.items() if isinstance(one, FailedOnce)},
        pace=(time.monotonic() - began) / len(outcomes) if outcomes else None,
    )


def _outcome(ended: StepDone | Failed) -> ItemOutcome:
    if isinstance(ended, Failed):
        return ItemOutcome(error=ended.error, category=ended.category)
    return ItemOutcome(output=ended.output, kept_from=ended.kept_from)
