"""From what ``--over`` names to the partitions of a backfill, before anything is written."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from spine_temporal.definition.backfill import BackfillPartitionStatus, SkipReason
from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.over import Over
from spine_temporal.definition.params import canonical, partition_of, resolve_params, workflow_id
from spine_temporal.definition.workflow import Workflow
from spine_temporal.recording.backfill_partitions import BackfillPartition


def planned(
    workflow: Workflow, over: Over, params: Mapping[str, Any], *, newest_first: bool = False
) -> list[BackfillPartition]:
    """Return the partitions in the order of their turns; ``params`` are those that all have in common.

    One whose params the workflow does not take, or that an earlier one names already, is skipped with that reason.
    Raises ``ParamsError`` where the workflow takes none of them.
    """
    rows = list(_planned(workflow, over, params, newest_first=newest_first))
    if all(row.reason is SkipReason.REFUSED for row in rows):
        raise ParamsError(f"none of the {len(rows):,} partitions can be run; the first: {rows[0].detail}")
    return rows


def _planned(
    workflow: Workflow, over: Over, params: Mapping[str, Any], *, newest_first: bool
) -> Iterator[BackfillPartition]:
    days = [axis.name for axis in over.axes if axis.is_time]
    seen: dict[str, Mapping[str, Any]] = {}
    for position, named in enumerate(over.partitions(newest_first=newest_first)):
        try:
            partition = partition_of(workflow, resolve_params(workflow, {**params, **named}))
        except ParamsError as error:
            yield _skipped(position, named, None, SkipReason.REFUSED, str(error))
            continue
        key = canonical(partition)
        if key in seen:
            told = f"the same partition as {_named(seen[key])}"
            yield _skipped(position, named, partition, SkipReason.SAME, told)
            continue
        seen[key] = named
        yield BackfillPartition(
            position=position,
            params=named,
            partition_key=partition,
            workflow_id=workflow_id(workflow, partition),
            not_before=max((date.fromisoformat(named[name]) for name in days), default=None),
        )


def _skipped(
    position: int, named: Mapping[str, Any], partition: Mapping[str, Any] | None, reason: SkipReason, detail: str
) -> BackfillPartition:
    return BackfillPartition(
        position=position,
        params=named,
        partition_key=partition,
        workflow_id=None,
        not_before=None,
        status=BackfillPartitionStatus.SKIPPED,
        reason=reason,
        detail=detail,
    )


def _named(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in params.items())
