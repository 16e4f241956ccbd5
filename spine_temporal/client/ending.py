"""End a run from outside: ask it to stop, or stop it at once and close its books."""

import asyncio
import shlex
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from spine_temporal.client.descriptions import described
from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.run_result import WorkflowStatus
from spine_temporal.recording.database import Database
from spine_temporal.recording.runs import RunRow, latest_run
from spine_temporal.runtime.orphaned_runs import close_orphaned_run, temporal_run_of
from spine_temporal.runtime.temporal_runs import TemporalRuns


async def cancel_run(client: Client, handle: WorkflowHandle[Any, Any], reason: str) -> None:
    """Ask the run to stop. Raises ``ParamsError`` where it has ended."""
    await _require_open(client, handle)
    await handle.cancel(reason=reason)


async def terminate_run(
    client: Client, handle: WorkflowHandle[Any, Any], reason: str, database: Database | None
) -> bool:
    """Stop the run where it is, and close its books; return whether they are closed, else a worker does so.

    Raises ``ParamsError`` where it has ended.
    """
    await _require_open(client, handle)
    try:
        await handle.terminate(reason=reason)
    except RPCError:
        await _require_open(client, handle)  # it has ended just now
        raise
    return database is not None and await _closed(client, handle.id, database)


async def _closed(client: Client, workflow_id: str, database: Database) -> bool:
    """Record the end that a terminated run cannot record itself, and give its partition back."""
    row = await asyncio.to_thread(_latest, database, workflow_id)
    if row is None or row.status != WorkflowStatus.RUNNING.value:
        return True  # no worker had begun it, or it was just over
    standing = await TemporalRuns(client).of(temporal_run_of(row))
    if standing.is_open:
        return False
    await asyncio.to_thread(close_orphaned_run, database, row.run_id, standing)
    return True


def _latest(database: Database, workflow_id: str) -> RunRow | None:
    with database.begin() as connection:
        return latest_run(connection, workflow_id)


async def _require_open(client: Client, handle: WorkflowHandle[Any, Any]) -> None:
    """Raise where the run has ended: Temporal takes a request to cancel one, and does nothing."""
    status = (await described(client, handle)).status
    if status is WorkflowExecutionStatus.RUNNING or status is None:
        return
    raise ParamsError(
        f"{handle.id} has ended ({status.name.lower().replace('_', ' ')}), so there is nothing to stop: "
        f"`spine-temporal why {shlex.quote(handle.id)}` says how"
    )
