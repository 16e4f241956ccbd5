"""Mend what does not fit between Temporal and Postgres: each on the record, with who and why."""

import asyncio
from dataclasses import dataclass

from temporalio.client import Client

from spine_temporal.client.open_runs import OpenRun, open_run
from spine_temporal.definition.errors import ParamsError, PartitionBusyError
from spine_temporal.definition.run_result import WorkflowStatus
from spine_temporal.recording.audit import record_action
from spine_temporal.recording.database import Database
from spine_temporal.recording.partitions import claim_of_workflow_id, release
from spine_temporal.recording.runs import RunRow, latest_run
from spine_temporal.runtime.orphaned_runs import temporal_run_of, write_orphaned_end
from spine_temporal.runtime.temporal_runs import Standing, TemporalRuns


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who does it, and why."""

    by: str
    reason: str


async def reconcile(client: Client, database: Database, workflow_id: str, actor: Actor) -> str:
    """Bring both sides of a workflow id together; return what was done.

    A run that Temporal has closed gets its books closed. A run that is open and may not write, as the database does
    not know it or has given its partition to another, is terminated: nothing of it could be recorded.
    """
    temporal_runs = TemporalRuns(client)
    row = await asyncio.to_thread(_latest, database, workflow_id)
    running = await open_run(client, workflow_id)
    if row is None and running is None:
        raise ParamsError(f"neither Temporal nor the database knows workflow id {workflow_id!r}")
    if row is not None and row.status == WorkflowStatus.RUNNING.value:
        standing = await temporal_runs.of(temporal_run_of(row))
        if not standing.is_open:
            await asyncio.to_thread(_close, database, row, standing, "reconcile", actor)
            return f"run {row.run_id} was {standing.closed_as} in Temporal: its books are closed, its partition is free"
        if await asyncio.to_thread(_holds, database, row):
            return f"nothing to reconcile: run {row.run_id} is open, and holds its partition under epoch {row.epoch}"
    if running is None:
        return f"nothing to reconcile: run {row.run_id if row else ''} has ended on both sides"
    return await _terminated(client, database, running, row, actor)


async def release_partition(client: Client, database: Database, workflow_id: str, actor: Actor) -> str:
    """Free the partition that a run of the workflow id holds and that cannot exist any more; return what was done.

    Should the run exist all the same, it may write nothing more. Raises ``PartitionBusyError`` where this Temporal has
    it open.
    """
    row = await asyncio.to_thread(_latest, database, workflow_id)
    running = await open_run(client, workflow_id)
    if running is not None and row is not None and running.first_run_id == (row.first_run_id or row.run_id):
        raise PartitionBusyError(
            f"{workflow_id} is open in Temporal (run {running.run_id}): cancel it, or `spine-temporal terminate` it"
        )
    return await asyncio.to_thread(_release, database, workflow_id, row, actor)


async def _terminated(client: Client, database: Database, running: OpenRun, row: RunRow | None, actor: Actor) -> str:
    state = f"has it as {row.status}" if row is not None else "does not know it"
    handle = client.get_workflow_handle(running.workflow_id, run_id=running.run_id)
    await handle.terminate(f"spine-temporal reconcile by {actor.by}: {actor.reason}")

    def record() -> None:
        with database.begin() as connection:
            record_action(
                connection,
                "reconcile",
                workflow_id=running.workflow_id,
                run_id=running.run_id,
                by=actor.by,
                reason=actor.reason,
                details={"terminated": running.run_id, "database": state},
            )
            if row is not None:
                write_orphaned_end(connection, row.run_id, Standing(is_open=False, closed_as="terminated"))

    await asyncio.to_thread(record)
    return f"run {running.run_id} was open in Temporal, and the database {state}: it is terminated; start it again"


def _release(database: Database, workflow_id: str, row: RunRow | None, actor: Actor) -> str:
    with database.begin() as connection:
        claim = claim_of_workflow_id(connection, workflow_id)
        if claim is None or claim.run_id is None:
            raise ParamsError(f"no run of workflow id {workflow_id!r} holds a partition")
        details = {"partition": dict(claim.partition), "epoch": claim.epoch, "temporal": claim.temporal}
        record_action(
            connection,
            "release",
            workflow_id=workflow_id,
            run_id=claim.run_id,
            by=actor.by,
            reason=actor.reason,
            details=details,
        )
        if row is not None:
            write_orphaned_end(connection, row.run_id, Standing(is_open=False, closed_as=f"released by {actor.by}"))
        release(connection, claim.domain, claim.partition, claim.run_id)
    return f"partition {dict(claim.partition)} is free; run {claim.run_id} may write nothing more"


def _close(database: Database, row: RunRow, standing: Standing, action: str, actor: Actor) -> None:
    with database.begin() as connection:
        record_action(
            connection,
            action,
            workflow_id=row.workflow_id,
            run_id=row.run_id,
            by=actor.by,
            reason=actor.reason,
            details={"closed_as": standing.closed_as},
        )
        write_orphaned_end(connection, row.run_id, standing)


def _latest(database: Database, workflow_id: str) -> RunRow | None:
    with database.begin() as connection:
        return latest_run(connection, workflow_id)


def _holds(database: Database, row: RunRow) -> bool:
    with database.begin() as connection:
        claim = claim_of_workflow_id(connection, row.workflow_id)
        return claim is not None and claim.run_id == row.run_id and claim.epoch == row.epoch
