"""What goes wrong with a worker that is scraped."""

import asyncio
import urllib.request
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from spine_temporal.recording.database import Database
from spine_temporal.recording.partitions import release
from spine_temporal.runtime.health import Health
from spine_temporal.runtime.orphaned_runs import look
from spine_temporal.runtime.temporal_runs import TemporalRuns
from tests.temporal.observed import GATED, HELD, POISONED, Changed
from tests.temporal.test_held_gates import held


async def told(address):
    return await asyncio.to_thread(lambda: urllib.request.urlopen(address, timeout=60).read().decode())


async def told_exhausted(address, database):
    """Scrape while all connections are used, once the state in Postgres is told."""
    taken = [database.engine.connect() for _ in range(database.connections()["free"])]
    try:
        while 'spine_open_anomalies{category="GATE_HELD"' not in (after := await told(address)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return after
    finally:
        for connection in taken:
            connection.close()


async def workflow_faults(spine, database):
    """Let runs fail, be refused, wait for a person, lose their partition, and be terminated."""
    await spine.execute(GATED, {"test": "few", "rows": 1})
    for _ in range(2):
        await spine.execute(POISONED, {"test": uuid4().hex})
    options = {"id": f"refused-{uuid4().hex}", "task_queue": spine.task_queue}
    with pytest.raises(WorkflowFailureError):
        await spine.client.execute_workflow(GATED.name, {"test": "refused", "rows": "many"}, **options)
    waiting, lost, closed = [await spine.start(HELD, {"test": test}) for test in ("waits", "lost", "closed")]
    for run in (waiting, lost, closed):
        await held(run)
    with database.begin() as connection:
        release(connection, "workflow.observed.held", {"test": "lost"}, lost.handle.result_run_id)
        connection.execute(text("UPDATE core_runs SET started_at = started_at - interval '2 days'"))
    await lost.decide("waive", "check", by="ann", reason="a short week")
    await lost.result()
    await closed.handle.terminate()
    runs = TemporalRuns(spine.client)
    later = datetime.now(UTC) + timedelta(hours=1)
    while closed.handle.result_run_id not in await look(runs, database, before=later):  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def task_faults(client):
    """Deploy code that raises in a workflow task, and code that does otherwise than its history."""
    options = {"task_queue": f"changed-{uuid4().hex[:8]}", "workflows": [Changed]}
    options |= {"workflow_runner": UnsandboxedWorkflowRunner(), "max_cached_workflows": 0}
    async with Worker(client, **options):
        started = {"task_queue": options["task_queue"]}
        runs = [
            await client.start_workflow(Changed.run, how, id=f"changed-{how}-{uuid4().hex}", **started)
            for how in ("raise", "diverge")
        ]
        for run in runs:
            await until_event(run, "timer_started_event_attributes")
        Changed.is_changed = True
        for run in runs:
            await run.signal("wake")
            await until_event(run, "workflow_task_failed_event_attributes")
        Changed.is_changed = False
    for run in runs:
        await run.terminate()


async def until_event(run, kind):
    while not [event async for event in run.fetch_history_events() if event.HasField(kind)]:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def requests_that_fail(client):
    """Look for a Postgres that is not there, and ask Temporal for a run that it does not have."""
    nobody = Database("postgresql://nobody@127.0.0.1:1/nothing", pool_size=1)
    health = Health(client, nobody)
    await health._look("postgres")
    health.close()
    nobody.close()
    unknown = client.get_workflow_handle("nobody")
    for ask in (unknown.describe, unknown.result):
        with pytest.raises(RPCError):
            await ask()
