"""The items of a map: which run next, when the map has failed, and its outcome. Shared by both drivers."""

from collections import deque
from collections.abc import Container, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.json_values import MAX_OUTPUT_BYTES, json_size
from spine_temporal.definition.policies import ErrorPolicy
from spine_temporal.definition.run_result import ItemCounts
from spine_temporal.machine.plan import PlannedMap
from spine_temporal.machine.step_outcome import Completed, Failed

#: Failed items that a map's output names.
MAX_ERRORS = 100
#: Seconds that the items take which go together, and how many these are at most.
GROUP_SECONDS = 1.0
LARGEST_GROUP = 100


class ItemOutcome(BaseModel):
    """How one item ended. Failed where ``error`` is set."""

    model_config = ConfigDict(frozen=True)

    output: Mapping[str, Any] = Field(default_factory=dict)
    error: str | None = None
    category: str | None = None
    #: The earlier run that did the item.
    kept_from: str | None = None
    traceback: str | None = None


class Fan:
    """The items of one map, or of a part of one, that run next to each other, in order."""

    def __init__(self, step: PlannedMap, items: Sequence[Any], tolerated: int | None) -> None:
        self._step = step
        self.items = items
        #: How many items may fail before the map fails; None: any number.
        self._tolerated = tolerated
        self._left = deque(range(len(items)))
        #: Groups of items that run, each for one of the places that the map has.
        self._running = 0
        self.outcomes: dict[int, ItemOutcome] = {}
        self.failed = 0

    @property
    def halted(self) -> bool:
        """Whether more items have failed than the map tolerates, so that no further item begins."""
        return self._tolerated is not None and self.failed > self._tolerated

    @property
    def done(self) -> bool:
        """Whether nothing runs and nothing is left to begin."""
        return not self._running and (self.halted or not self._left)

    def begin(self) -> list[int]:
        """Return the items that begin now, each by itself."""
        return [index for (index,) in self.begin_groups(1)]

    def begin_groups(
        self, size: int, alone: Container[int] = (), *, shared_anew: bool = False
    ) -> list[tuple[int, ...]]:
        """Return the groups of up to ``size`` items that begin now; those ``alone`` are no part of a larger one.

        What is left is shared out among all places: once for the groups that begin now, or ``shared_anew`` for each of
        them, so that they become ever smaller.
        """
        places, begun, share = self._step.max_concurrency, list[tuple[int, ...]](), 0
        while not self.halted and self._left and self._running < places:
            if shared_anew or not share:
                share = min(size, -(-len(self._left) // places))
            begun.append(self._group(share, alone))
            self._running += 1
        return begun

    def _group(self, size: int, alone: Container[int]) -> tuple[int, ...]:
        group = [self._left.popleft()]
        while group[0] not in alone and len(group) < size and self._left and self._left[0] not in alone:
            group.append(self._left.popleft())
        return tuple(group)

    def ended(self, index: int, outcome: ItemOutcome) -> None:
        """Take in how an item ended that ran by itself."""
        self.group_ended((index,), {index: outcome})

    def group_ended(self, group: tuple[int, ...], outcomes: Mapping[int, ItemOutcome]) -> None:
        """Take in how the items of a group ended; those that did not begin come next."""
        self._running -= 1
        self._left.extendleft(index for index in reversed(group) if index not in outcomes)
        self.outcomes.update(outcomes)
        self.failed += sum(outcome.error is not None for outcome in outcomes.values())


def group_size(pace: float | None) -> int:
    """Return how many items go together where one takes ``pace`` seconds; one where that is not known."""
    return 1 if pace is None else max(1, min(LARGEST_GROUP, int(GROUP_SECONDS / max(pace, 0.001))))


def tolerated_of(step: PlannedMap, total: int) -> int | None:
    """Return how many of ``total`` items may fail before the map fails; None: any number, as CONTINUE goes on."""
    if step.on_error is ErrorPolicy.CONTINUE:
        return None
    tolerated = step.tolerated_failures
    return int(tolerated * total) if isinstance(tolerated, float) else tolerated


def counts_of(total: int, outcomes: Mapping[int, ItemOutcome]) -> ItemCounts:
    """Return how far a map has come."""
    failed = sum(outcome.error is not None for outcome in outcomes.values())
    return ItemCounts(total=total, completed=len(outcomes) - failed, failed=failed)


def map_outcome(step: PlannedMap, total: int, outcomes: Mapping[int, ItemOutcome]) -> Completed | Failed:
    """Return what the map has come to, with the results in the order of the items."""
    counts, tolerated = counts_of(total, outcomes), tolerated_of(step, total)
    errors = {index: outcome for index, outcome in sorted(outcomes.items()) if outcome.error is not None}
    output: dict[str, Any] = {
        **counts.model_dump(),
        "results": [_result(outcomes.get(index)) for index in range(total)],
        "errors": {str(index): outcome.error for index, outcome in list(errors.items())[:MAX_ERRORS]},
    }
    rows = [outcome.output.get("row_count") for outcome in outcomes.values() if outcome.error is None]
    if rows and all(isinstance(row, int) and not isinstance(row, bool) for row in rows):
        output["row_count"] = sum(row for row in rows if isinstance(row, int))
    if json_size(output) > MAX_OUTPUT_BYTES:
        error = (
            f"the results of map {step.name!r} are over the limit of {MAX_OUTPUT_BYTES:,} bytes: return less by item"
        )
        return Failed(step=step.name, error=error, category=ErrorCategory.CONFIGURATION.value, items=counts)
    if errors and (tolerated is None or counts.failed > tolerated):
        index, first = next(iter(errors.items()))
        error = f"{counts.failed} of {total} items failed, the first at {index}: {first.error}"
        return Failed(
            step=step.name,
            output=output,
            error=error,
            category=first.category or ErrorCategory.INTERNAL.value,
            traceback=first.traceback,
            items=counts,
        )
    return Completed(step=step.name, output=output, items=counts)


def item_name(step: str, index: int) -> str:
    """Return the name under which the ledger knows an item."""
    return f"{step}[{index}]"


def item_params(step: PlannedMap, params: Mapping[str, Any], item: Any) -> dict[str, Any]:
    """Return what an item's pipeline or run is given; raise ``ValueError`` where an item is no dict and must be."""
    return {**shared_params(step, params), **own_params(step, item)}


def shared_params(step: PlannedMap, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the params that each item is given; its own ones win."""
    params = {name: value for name, value in params.items() if name != step.items_param}
    if step.pipeline is not None:
        return {**step.defaults, **params, **step.pipeline.params, **step.params}
    return {**known(params, step.known_params), **step.params}


def own_params(step: PlannedMap, item: Any) -> dict[str, Any]:
    """Return the params that are an item's own; raise ``ValueError`` where an item is no dict and must be."""
    if step.item_param is None and not isinstance(item, Mapping):
        raise ValueError(f"the item {str(item)[:100]!r} is no dict of params: name an item_param")
    return dict(item) if step.item_param is None else {step.item_param: item}


def known(params: Mapping[str, Any], names: Sequence[str] | None) -> dict[str, Any]:
    """Return the params that a sub-workflow knows."""
    return {name: value for name, value in params.items() if names is None or name in names}


def _result(outcome: ItemOutcome | None) -> Any:
    return None if outcome is None or outcome.error is not None else dict(outcome.output)
