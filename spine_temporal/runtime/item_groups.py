"""Items of a map that go together in one activity."""

import time
from collections.abc import Awaitable, Callable

from spine_temporal.machine.fan import ItemOutcome
from spine_temporal.machine.step_outcome import Failed
from spine_temporal.runtime.in_turn import run_in_turn
from spine_temporal.translation.map_messages import ItemsDone, ItemsRequest
from spine_temporal.translation.messages import PipelineRequest, StepDone


async def run_group(request: ItemsRequest, run: Callable[[PipelineRequest], Awaitable[StepDone]]) -> ItemsDone:
    """Run the items in order; behind one that has failed, the map says whether the others begin."""
    began = time.monotonic()
    ended = await run_in_turn([request.of(item) for item in request.items], run)
    indexes = [item.index for item in request.items]
    outcomes = {index: _outcome(one) for index, one in zip(indexes, ended, strict=False) if one is not None}
    return ItemsDone(
        outcomes=outcomes,
        alone=tuple(index for index, one in zip(indexes, ended, strict=False) if one is None),
        pace=(time.monotonic() - began) / len(outcomes) if outcomes else None,
    )


def _outcome(ended: StepDone | Failed) -> ItemOutcome:
    if isinstance(ended, Failed):
        return ItemOutcome(error=ended.error, category=ended.category)
    return ItemOutcome(output=ended.output, kept_from=ended.kept_from)
