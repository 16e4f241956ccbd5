"""Runs as Postgres and Temporal know them together, newest first."""

import asyncio
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from spine_temporal.client.descriptions import listed_executions
from spine_temporal.client.run_status import ONLY_IN_TEMPORAL, RunFilter, RunStatus, statuses_of
from spine_temporal.definition.errors import SpineError
from spine_temporal.recording.database import Database
from spine_temporal.recording.run_list import CHILD, HELD, RUNNING, ListedRun, known_among, list_runs
from spine_temporal.runtime.orphaned_runs import temporal_run_of
from spine_temporal.runtime.temporal_runs import TemporalRuns
from spine_temporal.translation.search_attributes import PARTITION

Answer = TypeVar("Answer")

#: Open runs of ours in Temporal's list; where the namespace lacks our search attributes, it refuses the question.
_OPEN_IN_TEMPORAL = 'ExecutionStatus IN ("Running", "Paused") AND SpineDomain IS NOT NULL'
#: Questions to Temporal at once.
_AT_ONCE = 20
#: Open runs of Temporal's list that are looked through for those that nobody has begun.
_LOOKED_THROUGH = 1000
_DRY_RUN = re.compile(r"/dry-run-[0-9a-f]{8}$")
_CHILD = re.compile(CHILD)


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """A run in a list of runs: how it stands is what Postgres and Temporal say together, or Temporal alone."""

    workflow: str
    workflow_id: str
    run_id: str
    partition: Any
    status: RunStatus
    started_at: datetime
    completed_at: datetime | None = None
    #: The gate that is held.
    held_step: str | None = None
    error_step: str | None = None
    error: str | None = None
    error_category: str | None = None
    resumed_from: str | None = None


async def listed_runs(
    database: Database,
    client: Client | None,
    *,
    workflow: str | Collection[str] | None = None,
    filters: Collection[RunFilter] = (),
    categories: Collection[str] = (),
    partition: Mapping[str, str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    children: bool = False,
    limit: int = 50,
) -> list[RunSummary]:
    """Return runs of a workflow, of several or of all, newest first.

    Temporal says which open ones it has closed, and which nobody has begun yet.
    Without a ``client``, open runs are what Postgres knows of them.
    """
    statuses, workflows = statuses_of(filters), [workflow] if isinstance(workflow, str) else workflow
    look = partial(
        list_runs,
        workflows=workflows,
        categories=categories,
        partition=partition,
        since=since,
        until=until,
        children=children,
        limit=limit,
    )
    rows = await asyncio.to_thread(_in_transaction, database, partial(look, statuses=_in_postgres(statuses)))
    found = await _with_standings(client, rows) if client else [_summary(row) for row in rows]
    if client and RunStatus.QUEUED in statuses and not categories:
        started = await _open_in_temporal(client, workflows)
        asked = [run for run in started if _fits(run, partition or {}, children=children)]
        found += await _queued(database, asked)
    found = [run for run in found if run.status in statuses and _is_within(run.started_at, since, until)]
    return sorted(found, key=lambda run: (run.started_at, run.run_id), reverse=True)[:limit]


def _is_within(moment: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or moment >= since) and (until is None or moment < until)


def _in_postgres(statuses: frozenset[RunStatus]) -> list[str] | None:
    """Return the statuses of rows that may be any of these; None: all."""
    if statuses == frozenset(RunStatus):
        return None
    wanted = {status.value for status in statuses - ONLY_IN_TEMPORAL}
    return sorted(wanted | ({RUNNING, HELD} if statuses & {RunStatus.CLOSING, RunStatus.PAUSED} else set()))


def _in_transaction(database: Database, work: Callable[[Connection], Answer]) -> Answer:
    with database.begin() as connection:
        return work(connection)


async def _with_standings(client: Client, rows: list[ListedRun]) -> list[RunSummary]:
    """Ask Temporal of the open ones: one that it has closed only waits for its books to be closed."""
    temporal_runs, slots = TemporalRuns(client), asyncio.Semaphore(_AT_ONCE)

    async def summary(row: ListedRun) -> RunSummary:
        if row.status not in {RUNNING, HELD}:
            return _summary(row)
        async with slots:
            try:
                standing = await temporal_runs.of(temporal_run_of(row))
            except SpineError:  # Temporal is away: open is what Postgres knows
                return _summary(row)
        if standing.is_paused:
            return _summary(row, RunStatus.PAUSED)
        return _summary(row, None if standing.is_open else RunStatus.CLOSING)

    return list(await asyncio.gather(*map(summary, rows)))


async def _open_in_temporal(client: Client, workflows: Collection[str] | None) -> list[WorkflowExecution]:
    if workflows is not None and not workflows:
        return []
    names = ", ".join(f"'{name.replace(chr(39), chr(39) * 2)}'" for name in workflows or ())
    kind = f" AND WorkflowType IN ({names})" if names else ""
    try:
        return [run async for run in listed_executions(client, _OPEN_IN_TEMPORAL + kind, limit=_LOOKED_THROUGH)]
    except RPCError:
        return []


def _fits(run: WorkflowExecution, partition: Mapping[str, str], *, children: bool) -> bool:
    if _DRY_RUN.search(run.id) or (_CHILD.search(run.id) and not children):
        return False
    return partition.items() <= _partition_of(run).items()


async def _queued(database: Database, runs: list[WorkflowExecution]) -> list[RunSummary]:
    """Return runs that were started, or reset, and that no worker has begun."""
    ids = [(run.id, run.run_id) for run in runs]
    known = await asyncio.to_thread(_in_transaction, database, partial(known_among, runs=ids))
    return [
        RunSummary(
            workflow=run.workflow_type,
            workflow_id=run.id,
            run_id=run.run_id,
            partition=_partition_of(run),
            status=RunStatus.QUEUED,
            started_at=run.start_time,
        )
        for run in runs
        if (run.id, run.run_id) not in known
    ]


def _partition_of(run: WorkflowExecution) -> dict[str, str]:
    keywords = run.typed_search_attributes.get(PARTITION) or ()
    return {name: value for name, _, value in (keyword.partition("=") for keyword in keywords)}


def _summary(row: ListedRun, status: RunStatus | None = None) -> RunSummary:
    return RunSummary(
        workflow=row.workflow,
        workflow_id=row.workflow_id,
        run_id=row.run_id,
        partition=row.partition_key,
        status=status or RunStatus(row.status),
        started_at=row.started_at,
        completed_at=row.completed_at,
        held_step=row.held_stage.removeprefix("workflow.") if row.held_stage else None,
        error_step=row.error_step,
        error=row.error,
        error_category=row.error_category,
        resumed_from=row.resumed_from,
    )
