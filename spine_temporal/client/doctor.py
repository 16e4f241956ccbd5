"""The invariants between Temporal and Postgres: what does not fit, and the command that mends it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text
from temporalio.client import Client

from spine_temporal.client.open_runs import OpenRun, has_open_timer, list_open_runs
from spine_temporal.definition.run_result import WorkflowStatus
from spine_temporal.recording.database import Database
from spine_temporal.recording.runs import RunRow, all_running_runs, known_workflows, latest_run_of_first, run_of
from spine_temporal.runtime.held_gates import GATE_HELD
from spine_temporal.runtime.orphaned_runs import temporal_run_of
from spine_temporal.runtime.temporal_runs import TemporalRuns

#: Attempts after which a workflow task is said to fail.
_TASK_FAILS = 3

_HELD_GATES = text("""
    SELECT DISTINCT metadata ->> 'run_id' FROM core_anomalies WHERE category = :category AND resolved_at IS NULL
""")

_HOLDERS = text("SELECT run_id, workflow_id, epoch, domain FROM core_partitions WHERE run_id IS NOT NULL")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that does not fit, and what mends it."""

    workflow_id: str
    run_id: str
    problem: str
    mend: str


@dataclass(frozen=True, kw_only=True)
class _Books:
    """What Postgres says now."""

    running: Mapping[str, RunRow]
    #: Holder's run id to its workflow id and epoch.
    holders: Mapping[str, tuple[str, int]]
    held_gates: frozenset[str]
    workflows: tuple[str, ...]


async def findings(client: Client, database: Database, workflows: tuple[str, ...] = ()) -> AsyncIterator[Finding]:
    """Yield what does not fit between this Temporal's open runs and the rows of this database.

    ``workflows``: names of workflows to look for in Temporal, beside those that the database knows.
    """
    temporal_runs = TemporalRuns(client)
    here = await temporal_runs.place()
    books = await asyncio.to_thread(_books, database)
    begun_as: dict[str, RunRow] = {row.first_run_id or row.run_id: row for row in books.running.values()}
    async for run in list_open_runs(client, tuple(sorted({*workflows, *books.workflows}))):
        row = begun_as.get(run.first_run_id)
        found = await _of_open_run(client, database, run, row, books)
        if found is not None:
            yield found
    for row in books.running.values():
        found = await _of_row(temporal_runs, database, row, here)
        if found is not None:
            yield found
    for run_id, (workflow_id, _) in books.holders.items():
        if run_id not in books.running:
            problem = "holds its partition, and the database has no running row of it"
            yield _finding(workflow_id, run_id, problem, "release")


async def _of_open_run(
    client: Client, database: Database, run: OpenRun, row: RunRow | None, books: _Books
) -> Finding | None:
    if run.has_workflow_task and run.task_attempt > _TASK_FAILS:
        problem = f"its workflow task fails, attempt {run.task_attempt}"
        return Finding(
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            problem=problem,
            mend=f"spine-temporal why '{run.workflow_id}'",
        )
    if row is None:
        return await _of_unknown(database, run)
    if books.holders.get(row.run_id) != (row.workflow_id, row.epoch):
        return _finding(run.workflow_id, row.run_id, "does not hold its partition", "reconcile")
    waits = run.activities or run.children or run.has_workflow_task or row.run_id in books.held_gates or run.is_paused
    if waits or await has_open_timer(client, run):
        return None
    problem = "has nothing pending: no task, timer, activity, child or held gate"
    return _finding(run.workflow_id, row.run_id, problem, "reconcile")


async def _of_unknown(database: Database, run: OpenRun) -> Finding | None:
    """Judge an open run without a running row: it has not begun, or its row has ended or was lost."""
    ended = await asyncio.to_thread(_ended_row, database, run)
    if ended is not None and not (run.has_workflow_task or run.activities):
        problem = f"is open in Temporal, and the database has it as {ended.status}"
        return _finding(run.workflow_id, ended.run_id, problem, "reconcile")
    if ended is None and not (run.has_workflow_task or run.activities or run.children):
        return _finding(
            run.workflow_id, run.run_id, "is open in Temporal, and the database does not know it", "reconcile"
        )
    return None


async def _of_row(temporal_runs: TemporalRuns, database: Database, row: RunRow, here: str) -> Finding | None:
    if row.temporal is not None and row.temporal != here:
        problem = f"runs in another Temporal ({row.temporal}), of which nothing is known here"
        return _finding(row.workflow_id, row.run_id, problem, "release")
    standing = await temporal_runs.of(temporal_run_of(row))
    if standing.is_open or not await asyncio.to_thread(_is_running, database, row.run_id):
        return None
    problem = f"was {standing.closed_as} in Temporal, and its books are open"
    return _finding(row.workflow_id, row.run_id, problem, "reconcile")


def _finding(workflow_id: str, run_id: str, problem: str, command: str) -> Finding:
    mend = f"spine-temporal {command} '{workflow_id}' --reason TEXT"
    return Finding(workflow_id=workflow_id, run_id=run_id, problem=problem, mend=mend)


def _books(database: Database) -> _Books:
    with database.begin() as connection:
        rows = all_running_runs(connection)
        return _Books(
            running={row.run_id: row for row in rows},
            holders=_holders(connection),
            held_gates=frozenset(connection.execute(_HELD_GATES, {"category": GATE_HELD}).scalars()),
            workflows=known_workflows(connection),
        )


def _holders(connection: Connection) -> dict[str, tuple[str, int]]:
    return {row.run_id: (row.workflow_id, row.epoch) for row in connection.execute(_HOLDERS)}


def _ended_row(database: Database, run: OpenRun) -> RunRow | None:
    with database.begin() as connection:
        return latest_run_of_first(connection, run.workflow_id, run.first_run_id)


def _is_running(database: Database, run_id: str) -> bool:
    with database.begin() as connection:
        row = run_of(connection, run_id)
        return row is not None and row.status == WorkflowStatus.RUNNING.value
