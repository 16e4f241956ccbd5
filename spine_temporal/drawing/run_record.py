"""What is known of a run, as far as it is drawn: how each step stands, what it measured, when it ran."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from spine_temporal.definition.run_result import StepExecution


@dataclass(frozen=True, kw_only=True)
class Check:
    """What a step measured of its data."""

    name: str
    value: float | None = None
    threshold: float | None = None
    #: None: measured, and held against nothing.
    passed: bool | None = None


class SpanKind(StrEnum):
    """What a step does for a while; the values are what a legend says."""

    QUEUED = "waits for a worker"
    #: From the first attempt to the beginning of the last one: attempts that failed or were lost, and pauses.
    RETRIES = "earlier attempts"
    ATTEMPT = "works"
    WAITS = "waits for a time or for others"
    HELD = "held for a person"


@dataclass(frozen=True, kw_only=True)
class Span:
    """A part of a step's time."""

    kind: SpanKind
    begins: datetime
    #: None: it goes on.
    ends: datetime | None = None
    #: Which attempt works; 0: nobody knows.
    attempt: int = 0
    failed: bool = False


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """A step of a run. ``spans`` come from Temporal's history; without it there are none."""

    execution: StepExecution
    rows: int | None = None
    #: Attempts that were lost with their workers.
    lost: int = 0
    checks: Sequence[Check] = ()
    spans: Sequence[Span] = ()
    #: Items of a map that have spans of their own, by name.
    items: Mapping[str, Sequence[Span]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A run; steps that it has not reached are absent."""

    run_id: str
    workflow_id: str
    #: A ``WorkflowStatus``, ``HELD`` or what else a run's row says.
    status: str
    started_at: datetime
    #: None: the run is open, and ``drawn_at`` is as far as it is drawn.
    completed_at: datetime | None
    drawn_at: datetime
    steps: Mapping[str, StepRecord]

    @property
    def ends(self) -> datetime:
        """The end of what is drawn."""
        return self.completed_at or self.drawn_at

    @property
    def is_open(self) -> bool:
        """Whether the run has no end yet."""
        return self.completed_at is None
