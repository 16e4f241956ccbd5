"""A partition has one holder, and none that Temporal has closed."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowFailureError

from spine_temporal import WorkflowStatus
from spine_temporal.runtime.orphaned_runs import look
from spine_temporal.runtime.temporal_runs import TemporalRuns
from tests.temporal import resumable

CLAIMS = "SELECT workflow_id, run_id FROM core_partitions WHERE run_id IS NOT NULL"


@pytest.fixture
def params(tmp_path):
    return {"week": uuid4().hex, "folder": str(tmp_path)}


@pytest.fixture
async def service(serve):
    async with serve(*resumable.ALL) as running:
        yield running


def _start(service, params, identity):
    queue = service.client.task_queue
    return service.client.client.start_workflow("resumable.waiting", args=[params], id=identity, task_queue=queue)


async def test_a_second_run_under_another_id_is_told_who_holds_the_partition(service, params, tmp_path):
    first = await _start(service, params, f"first-{uuid4().hex}")
    await resumable.until_waiting(tmp_path)
    second = await _start(service, params, f"second-{uuid4().hex}")
    with pytest.raises(WorkflowFailureError) as error:
        await asyncio.wait_for(second.result(), 20)
    assert error.value.cause.type == "PARTITION_BUSY"
    assert first.id in str(error.value.cause)
    assert first.result_run_id in str(error.value.cause)
    (tmp_path / "go").touch()
    await asyncio.wait_for(first.result(), 20)
    third = await _start(service, params, f"third-{uuid4().hex}")
    result = await asyncio.wait_for(third.result(), 20)
    assert result["run_id"] == first.result_run_id
    assert (tmp_path / "ran").read_text() == "ingest wait "


@pytest.mark.parametrize("way", ["terminate", "delete"])
async def test_a_holder_that_temporal_has_closed_is_taken_over(service, params, tmp_path, way):
    first = await _start(service, params, f"first-{uuid4().hex}")
    await resumable.until_waiting(tmp_path)
    await first.terminate("by mistake")
    if way == "delete":
        service.rows("UPDATE core_partitions SET run_id = :unknown RETURNING 1", unknown=str(uuid4()))
    (tmp_path / "go").touch()
    second = await _start(service, params, f"second-{uuid4().hex}")
    result = await asyncio.wait_for(second.result(), 30)
    assert result["status"] == "COMPLETED"
    assert service.rows(CLAIMS) == []
    mine = "SELECT step FROM core_executions WHERE status = 'COMPLETED' AND run_id = :run_id ORDER BY step"
    assert service.rows(mine, run_id=second.result_run_id) == [("ingest",), ("wait",)]


async def test_a_run_that_was_reset_while_it_ran_keeps_the_partition(service, params, tmp_path):
    first = await _start(service, params, f"first-{uuid4().hex}")
    await resumable.until_waiting(tmp_path)
    again = await _reset(service.client.client, first.id, first.result_run_id)
    await resumable.until_waiting(tmp_path, 2)
    second = await _start(service, params, f"second-{uuid4().hex}")
    with pytest.raises(WorkflowFailureError) as error:
        await asyncio.wait_for(second.result(), 20)
    assert error.value.cause.type == "PARTITION_BUSY"
    (tmp_path / "go").touch()
    result = await asyncio.wait_for(service.client.client.get_workflow_handle(first.id, run_id=again).result(), 30)
    assert result["status"] == "COMPLETED"
    assert service.rows(CLAIMS) == []


async def test_the_books_of_a_terminated_run_are_closed_without_anybody_asking_for_its_partition(
    service, params, tmp_path
):
    run = await _start(service, params, f"first-{uuid4().hex}")
    await resumable.until_waiting(tmp_path)
    temporal_runs = TemporalRuns(service.client.client)
    assert await look(temporal_runs, service.database, before=datetime.now(UTC)) == []
    await run.terminate("by mistake")
    assert await look(temporal_runs, service.database, before=datetime.now(UTC)) == [run.result_run_id]
    assert await look(temporal_runs, service.database, before=datetime.now(UTC)) == []
    assert service.rows(CLAIMS) == []
    [(status, result)] = service.rows("SELECT status, result FROM core_runs")
    assert (status, result["completed_steps"]) == ("CANCELLED", ["ingest"])
    assert result["error"] == "the run was terminated in Temporal"
    stages = [stage for (stage,) in service.rows("SELECT stage FROM core_manifest ORDER BY stage_rank")]
    assert stages == ["STARTED", "STEP_INGEST", "CANCELLED"]
    (tmp_path / "go").touch()


async def test_a_run_that_passed_its_time_in_temporal_is_a_failure_that_somebody_sees(service, params, tmp_path):
    queue = service.client.task_queue
    run = await service.client.client.start_workflow(
        "resumable.waiting",
        args=[params],
        id=f"timed-{uuid4().hex}",
        task_queue=queue,
        execution_timeout=timedelta(seconds=2),
    )
    with pytest.raises(WorkflowFailureError):
        await asyncio.wait_for(run.result(), 20)
    await look(TemporalRuns(service.client.client), service.database, before=datetime.now(UTC))
    anomalies = service.rows("SELECT stage, category, message, metadata ->> 'failure_category' FROM core_anomalies")
    assert anomalies == [("workflow", "WORKFLOW_FAILURE", "the run was timed out in Temporal", "TIMEOUT")]
    (tmp_path / "go").touch()


async def test_a_run_of_another_temporal_is_left_alone(service, params, tmp_path):
    run = await _start(service, params, f"first-{uuid4().hex}")
    await resumable.until_waiting(tmp_path)
    await run.terminate("here, but its row says elsewhere")
    service.rows("UPDATE core_runs SET temporal = 'elsewhere/default' RETURNING 1")
    assert await look(TemporalRuns(service.client.client), service.database, before=datetime.now(UTC)) == []
    second = await _start(service, params, f"second-{uuid4().hex}")
    with pytest.raises(WorkflowFailureError) as error:
        await asyncio.wait_for(second.result(), 20)
    assert error.value.cause.type == "PARTITION_BUSY"
    (tmp_path / "go").touch()


async def test_what_a_terminated_run_has_not_committed_by_then_is_not_committed_later(service, params, tmp_path):
    first = await _start(service, params, f"first-{uuid4().hex}")
    await resumable.until_waiting(tmp_path)
    await first.terminate("by mistake")
    await look(TemporalRuns(service.client.client), service.database, before=datetime.now(UTC))
    (tmp_path / "go").touch()
    await asyncio.sleep(1)
    assert service.rows("SELECT step FROM core_executions WHERE status = 'COMPLETED'") == [("ingest",)]
    result = await service.client.execute(resumable.WAITING, params)
    assert result.status is WorkflowStatus.COMPLETED


async def _reset(client, identity, run_id):
    point = 0
    async for event in client.get_workflow_handle(identity, run_id=run_id).fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            point = event.event_id
    answer = await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=identity, run_id=run_id),
            workflow_task_finish_event_id=point,
            request_id=uuid4().hex,
            reason=f"by pid {os.getpid()}",
        )
    )
    return answer.run_id
