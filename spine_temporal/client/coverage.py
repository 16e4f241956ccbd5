"""Coverage: how the partitions stand that a workflow should have, from a program."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from spine_temporal.definition.backfill import SkipReason
from spine_temporal.definition.calendar_rule import in_utc
from spine_temporal.definition.coverage import CoverageStatus
from spine_temporal.definition.deadline import Deadline
from spine_temporal.definition.over import Over, over_of
from spine_temporal.definition.params import canonical
from spine_temporal.definition.run_result import WorkflowStatus
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.planning import plan_of
from spine_temporal.operating.backfill.planning import planned
from spine_temporal.operating.lateness.due import due_partitions
from spine_temporal.recording.backfill_partitions import BackfillPartition
from spine_temporal.recording.coverage import CoveredPartition, covered_partitions
from spine_temporal.recording.database import Database
from spine_temporal.runtime.attempt_threads import AttemptThreads
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.fingerprints import changed_inputs, fingerprints_of

#: Whose deadline is worth a word.
_NOT_THERE = {CoverageStatus.FAILED, CoverageStatus.HELD, CoverageStatus.RUNNING, CoverageStatus.LATE}
#: How far ahead deadlines are looked at.
_AHEAD = timedelta(days=366)
#: Partitions whose pipelines are asked for fingerprints at once: they read files, or ask over a network.
_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """A partition that a workflow should have, and how it stands."""

    #: The params that it was named by, and the partition; None: the workflow does not take them.
    params: Mapping[str, Any]
    partition: Mapping[str, Any] | None
    status: CoverageStatus
    #: Why, where the status does not say it.
    told: str = ""
    #: The run that has made it, failed at it, or works on it; and when it was complete.
    run_id: str | None = None
    completed_at: datetime | None = None


async def coverage_of(
    database: Database,
    workflow: Workflow,
    over: Over | Mapping[str, str | Sequence[Any]],
    *,
    params: Mapping[str, Any] | None = None,
    deadlines: Sequence[Deadline] = (),
    inputs_of: Definitions | None = None,
) -> list[Coverage]:
    """Return how each partition stands that ``over`` names, in the order of ``over.partitions()``.

    ``params`` are those that all have in common; one that is due by one of the workflow's ``deadlines``, and not yet,
    is not missing. With ``inputs_of``, the pipelines of complete partitions are asked now for the fingerprints of their
    inputs. Raises ``ParamsError`` where the workflow takes none of the params.
    """
    over = over if isinstance(over, Over) else over_of(over)
    rows, now = planned(workflow, over, dict(params or {})), datetime.now(UTC)
    found = await asyncio.to_thread(_covered, database, workflow, rows)
    due = due_later(deadlines, now)
    covered = [
        judged(row, one, now.date(), due.get(canonical(row.partition_key)))
        for row, one in zip(rows, found, strict=True)
    ]
    if inputs_of is None:
        return covered
    places = asyncio.Semaphore(_AT_ONCE)

    async def looked_at(one: Coverage, run: CoveredPartition) -> Coverage:
        if one.status is not CoverageStatus.COMPLETE or not run.fingerprints:
            return one
        async with places:
            now = await fingerprints_of(plan_of(workflow), run.params or {}, inputs_of.pipelines, AttemptThreads())
        steps = ", ".join(changed_inputs(run.fingerprints, now))
        told = f"the input of {steps} has changed"
        return replace(one, status=CoverageStatus.STALE, told=told) if steps else one

    return list(await asyncio.gather(*map(looked_at, covered, found)))


def due_later(deadlines: Sequence[Deadline], now: datetime) -> dict[str, datetime]:
    """Return when partitions are due that are so within a year, as canonical JSON; the first time of each."""
    found: dict[str, datetime] = {}
    for deadline in deadlines:
        after, until = now, now + _AHEAD
        while after < until:
            partitions, after = due_partitions(deadline, after, until)
            for partition, due in partitions:
                found[canonical(partition)] = min(due, found.get(canonical(partition), due))
    return found


def judged(row: BackfillPartition, found: CoveredPartition, today: date, due: datetime | None = None) -> Coverage:
    """Return how a partition stands, from what is known of it; ``due``: when it is due, where that is to come."""
    status, told = _status(row, found, today, due)
    if found.late_since is not None and status in _NOT_THERE:
        told = f"{told}; late since {in_utc(found.late_since)}".removeprefix("; ")
    state = found.state
    return Coverage(
        params=row.params,
        partition=row.partition_key,
        status=status,
        told=told,
        run_id=state.holder or state.run_id,
        completed_at=found.completed_at if state.status == WorkflowStatus.COMPLETED.value else None,
    )


def _status(
    row: BackfillPartition, found: CoveredPartition, today: date, due: datetime | None
) -> tuple[CoverageStatus, str]:
    state = found.state
    if row.reason is SkipReason.REFUSED:
        return CoverageStatus.REFUSED, row.detail or ""
    if state.held_step is not None:
        return CoverageStatus.HELD, f"waits for a person at {state.held_step}"
    if state.holder is not None:
        return CoverageStatus.RUNNING, ""
    if state.status is None:
        return _missing(row, found, today, due)
    if state.status == WorkflowStatus.COMPLETED.value:
        return _complete(found)
    failed = CoverageStatus.PARTIAL if state.status == WorkflowStatus.PARTIAL.value else CoverageStatus.FAILED
    why = ": ".join(part for part in (state.error_step, state.error_category, state.error) if part)
    return failed, why or state.status.lower()


def _missing(
    row: BackfillPartition, found: CoveredPartition, today: date, due: datetime | None
) -> tuple[CoverageStatus, str]:
    if found.late_since is not None:
        return CoverageStatus.LATE, ""
    if due is not None:
        return CoverageStatus.NOT_DUE, f"due by {in_utc(due)}"
    is_future = row.not_before is not None and row.not_before > today
    return (CoverageStatus.NOT_DUE if is_future else CoverageStatus.MISSING), ""


def _complete(found: CoveredPartition) -> tuple[CoverageStatus, str]:
    if found.newer_run is None:
        return CoverageStatus.COMPLETE, ""
    partition = canonical(dict(found.newer_partition or {}))
    told = f"{found.newer_workflow} {partition} was completed anew by run {found.newer_run}"
    return CoverageStatus.STALE, told


def _covered(database: Database, workflow: Workflow, rows: Sequence[BackfillPartition]) -> list[CoveredPartition]:
    with database.begin() as connection:
        return covered_partitions(connection, workflow.name, [row.partition_key or {} for row in rows])
