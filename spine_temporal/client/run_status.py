"""How a run stands, for lists of runs."""

from collections.abc import Iterable
from enum import StrEnum


class RunStatus(StrEnum):
    """How a run stands, as Postgres and Temporal know it together."""

    #: Started, and no worker has begun it: params are not looked at, the partition is not claimed.
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    #: A gate has failed and waits for a person.
    HELD = "HELD"
    #: Somebody has paused it in Temporal: nothing happens to it until it is unpaused.
    PAUSED = "PAUSED"
    #: Temporal has closed it, and a worker closes its books within a minute.
    CLOSING = "CLOSING"
    COMPLETED = "COMPLETED"
    #: Completed, with failures of steps whose ``on_error`` is CONTINUE.
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


#: What has no end yet.
OPEN = frozenset({RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.HELD, RunStatus.PAUSED, RunStatus.CLOSING})
#: What Temporal alone can say of a run.
ONLY_IN_TEMPORAL = frozenset({RunStatus.QUEUED, RunStatus.PAUSED, RunStatus.CLOSING})


class RunFilter(StrEnum):
    """What a list can be asked for: a status, or all that are open."""

    OPEN = "open"
    QUEUED = "queued"
    RUNNING = "running"
    HELD = "held"
    PAUSED = "paused"
    CLOSING = "closing"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


def statuses_of(filters: Iterable[RunFilter]) -> frozenset[RunStatus]:
    """Return the statuses that any of the filters lets through; no filter: all."""
    chosen = list(filters)
    if not chosen:
        return frozenset(RunStatus)
    found: set[RunStatus] = set()
    for each in chosen:
        found |= OPEN if each is RunFilter.OPEN else {RunStatus(each.name)}
    return frozenset(found)
