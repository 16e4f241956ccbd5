"""Which partitions were due by a deadline between two moments. Pure."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from spine_temporal.definition.deadline import Deadline
from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.params import partition_of, resolve_params

#: Due times that are judged in one transaction.
AT_ONCE = 100

#: A partition, and when it was due.
DuePartition = tuple[dict[str, Any], datetime]


def due_partitions(deadline: Deadline, after: datetime, until: datetime) -> tuple[list[DuePartition], datetime]:
    """Return the partitions that were due after one moment up to another, and up to when those are all.

    Raises ``ParamsError`` for params that name no partition.
    """
    times = list(islice(deadline.by.between(after, until), AT_ONCE))
    end = times[-1] if len(times) == AT_ONCE else until
    return [found for due in times for found in _due_at(deadline, due)], end


def _due_at(deadline: Deadline, due: datetime) -> Iterator[DuePartition]:
    for given in deadline.params_at(due):
        partition = partition_of(deadline.workflow, resolve_params(deadline.workflow, given))
        if not partition and deadline.workflow.partition_by is None:
            raise ParamsError(
                f"deadline {deadline.name!r}: each run of {deadline.workflow.name!r} without params is of its own, so "
                "none can be due: give it partition_by"
            )
        yield partition, due
