"""What crosses Temporal of a map: its parts, which are child workflows, and items that go together in an activity."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from spine_temporal.machine.fan import ItemOutcome
from spine_temporal.machine.plan import PlannedMap
from spine_temporal.translation.messages import Begun, Message, OfRun
from spine_temporal.translation.pipeline_messages import FailedOnce, PipelineRequest


class BatchRequest(OfRun):
    """A part of a map: some of its items, in order."""

    step: PlannedMap
    #: The map's run, without its plan.
    begun: Begun
    first: int
    items: tuple[Any, ...]
    #: How many more items may fail before the map fails; None: any number.
    tolerated: int | None = None
    round: int = 0
    #: Seconds that an item of an earlier part has taken; None: not known.
    pace: float | None = None


class BatchResult(Message):
    """How its items ended, by position in the whole map."""

    outcomes: dict[int, ItemOutcome]
    #: Seconds that one has taken at the end; None: not known.
    pace: float | None = None


class ItemAsked(Message):
    """One item of a group."""

    index: int
    #: The name under which the ledger knows it.
    step: str
    #: Its own params, which win over the common ones.
    params: Mapping[str, Any] = Field(default_factory=dict)


class ItemsRequest(OfRun):
    """Items of a map that one activity does, one after the other, each in a transaction of its own."""

    #: The group's name.
    step: str
    #: What is the same for all.
    common: PipelineRequest
    items: tuple[ItemAsked, ...]

    def of(self, item: ItemAsked) -> PipelineRequest:
        """Return the request of one item."""
        params = {**self.common.params, **item.params}
        return self.common.model_copy(update={"step": item.step, "params": params})

    def all_alone(self) -> "ItemsDone":
        """Return that each is to be done by itself."""
        return ItemsDone(alone=tuple(item.index for item in self.items))


class ItemsDone(Message):
    """How far a group has come; what is in neither field has not begun."""

    outcomes: Mapping[int, ItemOutcome] = Field(default_factory=dict)
    #: Items that are to go on as activities of their own: they are tried again, or must not go together.
    alone: tuple[int, ...] = ()
    #: How those have failed whose attempt was counted.
    failed_once: Mapping[int, FailedOnce] = Field(default_factory=dict)
    #: Seconds that one item has taken.
    pace: float | None = None
