"""A run that an operator has paused is open everywhere, and everybody is told who did it and how it goes on."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text
from temporalio.api.workflowservice.v1 import PauseWorkflowExecutionRequest, UnpauseWorkflowExecutionRequest

from spine_temporal import PartitionBusyError, WorkflowStatus
from spine_temporal.cli.status import situation_of
from spine_temporal.client.run_status import RunFilter, RunStatus
from spine_temporal.client.task_queues import StandstillError
from spine_temporal.client.why import reasons
from tests.temporal import lineage
from tests.temporal.test_held_gates import held


@pytest.fixture
def temporal(elsewhere):
    """A namespace of its own: what waits in one is listed beside what a database knows of."""
    return elsewhere


@pytest.fixture
async def service(serve, database):
    with database.begin() as connection:
        connection.execute(text(lineage.TABLE))
    async with serve(*lineage.ALL) as running:
        yield running


@pytest.fixture
def params(tmp_path):
    (tmp_path / "source").touch()
    return {"test": uuid4().hex, "folder": str(tmp_path)}


async def _pause(client, identity):
    await client.workflow_service.pause_workflow_execution(
        PauseWorkflowExecutionRequest(
            namespace=client.namespace, workflow_id=identity, identity="ann", reason="the source is checked"
        )
    )


async def _unpause(client, identity):
    await client.workflow_service.unpause_workflow_execution(
        UnpauseWorkflowExecutionRequest(namespace=client.namespace, workflow_id=identity, identity="ann")
    )


async def test_a_paused_run_is_open_and_everybody_is_told(service, params, temporal):
    run = await service.client.start(lineage.HELD, params)
    await held(run)
    async with asyncio.timeout(30):  # the run is held before it has recorded that
        while not service.rows("SELECT 1 FROM core_anomalies WHERE category = 'GATE_HELD'"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await _pause(temporal, run.workflow_id)
    [listed] = await service.client.list_runs(service.database, filters=[RunFilter.PAUSED])
    assert (listed.workflow_id, listed.status, listed.held_step) == (run.workflow_id, RunStatus.PAUSED, "check")
    [reason] = await reasons(temporal, run)
    assert reason.kind == "paused"
    assert reason.text.startswith("ann has paused it, ")
    assert reason.text.endswith(": the source is checked")
    assert "temporal workflow unpause" in reason.advice
    situation = await situation_of(run)
    assert "ann has paused it" in situation.waits
    assert situation.result.status is WorkflowStatus.RUNNING
    with pytest.raises(StandstillError, match="ann has paused it"):
        await run.decide("waive", "check", by="bea", reason="fine")


async def test_a_paused_run_keeps_its_partition_and_goes_on_where_it_was(service, params, temporal):
    run = await service.client.start(lineage.HELD, params)
    await held(run)
    await _pause(temporal, run.workflow_id)
    joined = await service.client.start(lineage.HELD, params)
    assert joined.workflow_id == run.workflow_id
    assert service.rows("SELECT count(*) FROM core_runs") == [(1,)]
    with pytest.raises(PartitionBusyError, match=r"is running \(run .*\): a run is resumed when it has ended"):
        await service.client.resume(run.workflow_id, lineage.ALL, service.database, by="ann")
    await _unpause(temporal, run.workflow_id)
    await run.decide("waive", "check", by="bea", reason="fine")
    assert (await asyncio.wait_for(run.result(), 60)).status is WorkflowStatus.COMPLETED
    assert service.rows("SELECT step, count(*) FROM done GROUP BY step ORDER BY step") == [
        ("one", 1),
        ("three", 1),
        ("two", 1),
    ]


async def test_a_paused_run_that_is_terminated_frees_its_partition(service, params, temporal):
    run = await service.client.start(lineage.HELD, params)
    await held(run)
    await _pause(temporal, run.workflow_id)
    await service.client.terminate(run.workflow_id, reason="never mind", database=service.database)
    assert service.rows("SELECT run_id FROM core_partitions WHERE run_id IS NOT NULL") == []
    again = await service.client.start(lineage.HELD, params)
    await held(again)
    await again.decide("abort", "check", by="ann", reason="enough")
    assert (await asyncio.wait_for(again.result(), 60)).status is WorkflowStatus.FAILED
