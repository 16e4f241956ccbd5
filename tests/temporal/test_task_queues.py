"""Each run has a task queue of its own, and whether anybody asks for its tasks is known at once."""

import asyncio
import logging
import subprocess
import sys
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError

from spine_temporal import SpineClient, WorkflowRunner, WorkflowStatus
from spine_temporal.client.task_queues import (
    ACTIVITY_TASKS,
    WORKFLOW_TASKS,
    StandstillError,
    is_runner_queue,
    runner_queue,
    standstill,
    workers_of,
)
from spine_temporal.client.why import reasons
from spine_temporal.settings import Settings
from tests.temporal import jobs, resumable

WORKER = """
import asyncio, sys
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

@activity.defn
async def nothing(): pass

async def main():
    client = await Client.connect(sys.argv[1])
    async with Worker(client, task_queue=sys.argv[2], activities=[nothing]):
        print("polls", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def params(tmp_path):
    return {"week": uuid4().hex, "folder": str(tmp_path)}


async def test_a_worker_counts_while_it_polls_and_not_after_it_has_stopped(temporal, serve):
    queue = f"test-{uuid4().hex[:8]}"
    assert await workers_of(temporal, queue, WORKFLOW_TASKS) == frozenset()
    async with serve(jobs.GATED, task_queue=queue):
        await _until(lambda: workers_of(temporal, queue, WORKFLOW_TASKS))
        assert await workers_of(temporal, queue, ACTIVITY_TASKS) == {temporal.identity}
    assert await workers_of(temporal, queue, WORKFLOW_TASKS) == frozenset()
    async with serve(jobs.GATED, task_queue=queue):  # one that is there again counts again
        await _until(lambda: workers_of(temporal, queue, WORKFLOW_TASKS))


async def test_a_worker_that_was_killed_does_not_count_though_temporal_still_lists_it(temporal):
    queue = f"test-{uuid4().hex[:8]}"
    address = temporal.service_client.config.target_host
    command = [sys.executable, "-c", WORKER, address, queue]
    process = await asyncio.to_thread(subprocess.Popen, command, stdout=subprocess.PIPE)
    try:
        assert await asyncio.to_thread(process.stdout.readline) == b"polls\n"
        await _until(lambda: workers_of(temporal, queue, ACTIVITY_TASKS))
        process.kill()
        await _until(lambda: _none(temporal, queue))  # also while nobody has reaped it
        process.wait()
        assert await workers_of(temporal, queue, ACTIVITY_TASKS) == frozenset()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def _none(temporal, queue):
    return not await workers_of(temporal, queue, ACTIVITY_TASKS)


def test_a_runners_queue_carries_one_workflow_and_no_other_is_taken_for_it():
    queue = runner_queue("team", "finra.weekly")
    assert is_runner_queue(queue, "finra.weekly")
    assert not is_runner_queue(queue, "weekly")
    assert not is_runner_queue("team", "finra.weekly")


async def test_whoever_must_act_on_a_run_is_told_at_once_that_nobody_serves_it(temporal, serve, params, tmp_path):
    queue = f"elsewhere-{uuid4().hex[:8]}"
    client = SpineClient(temporal, task_queue=f"mine-{uuid4().hex[:8]}")
    async with serve(resumable.WAITING, task_queue=queue) as service:
        run = await service.client.start(resumable.WAITING, params)
        await resumable.until_waiting(tmp_path)
        assert await standstill(run.handle, temporal) == ""
        (tmp_path / "go").touch()
    started = await SpineClient(temporal, task_queue=queue).start(resumable.GATED, params)
    joined = await client.start(resumable.GATED, params)
    assert (joined.workflow_id, (await joined.handle.describe()).task_queue) == (started.workflow_id, queue)
    told = await standstill(joined.handle, temporal)
    assert (
        f"none asks for work on task queue {queue!r}; start one: `spine-temporal worker --task-queue {queue}`" in told
    )
    with pytest.raises(StandstillError, match=queue):
        await joined.decide("waive", "check", by="ann", reason="why not")
    assert (await reasons(temporal, joined))[0].kind == "no worker"
    await joined.terminate(reason="seen")
    assert await standstill(joined.handle, temporal) == ""


async def test_a_run_that_temporal_has_forgotten_goes_on_on_its_own_queue(temporal, database, serve, params, tmp_path):
    queue = f"own-{uuid4().hex[:8]}"
    other = SpineClient(temporal, task_queue=f"other-{uuid4().hex[:8]}")
    async with serve(*resumable.ALL, task_queue=queue) as service:
        run = await service.client.start(resumable.SOURCED, params)
        failed = await run.result()
        assert failed.status is WorkflowStatus.FAILED
        await _forgotten(temporal, run.workflow_id, failed.run_id)
        (tmp_path / "source").touch()
        resumed = await other.resume(run.workflow_id, resumable.ALL, database)
        assert (await resumed.handle.describe()).task_queue == queue
        assert (await asyncio.wait_for(resumed.result(), 60)).status is WorkflowStatus.COMPLETED


async def test_a_script_that_joins_a_run_without_workers_is_told_so(
    servers, temporal, database_url, params, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("TEMPORAL_ADDRESS", servers.temporal_address)
    queue = f"nobody-{uuid4().hex[:8]}"
    run = await SpineClient(temporal, task_queue=queue).start(resumable.GATED, params)
    runner = WorkflowRunner(Settings(database_url=database_url, home=tmp_path, task_queue=f"test-{uuid4().hex[:8]}"))
    with caplog.at_level(logging.WARNING, logger="spine_temporal.client.runner"):
        execute = asyncio.create_task(asyncio.to_thread(runner.execute, resumable.GATED, params))
        await _until(lambda: _told(caplog, queue))
        await run.terminate(reason="seen")
        await execute


async def _told(caplog, queue):
    return any(f"none asks for work on task queue {queue!r}" in record.getMessage() for record in caplog.records)


async def _forgotten(temporal, identity, run_id):
    """Delete the run, as Temporal does after its retention."""
    await temporal.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace="default", workflow_execution=WorkflowExecution(workflow_id=identity, run_id=run_id)
        )
    )

    async def gone():
        try:
            await temporal.get_workflow_handle(identity).describe()
        except RPCError:
            return True
        return False

    await _until(gone)


async def _until(condition):
    for _ in range(600):
        if await condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("not within a minute")
