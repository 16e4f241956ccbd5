"""Attacks on a claim: by another Temporal, by retention, by freezing, by a restored database, by two at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from spine_temporal import ParamsError, PartitionBusyError, SpineClient, WorkflowStatus
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.recording.runs import run_of
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.orphaned_runs import look
from spine_temporal.runtime.temporal_runs import TemporalRuns
from spine_temporal.runtime.worker import running_worker
from spine_temporal.translation.messages import EndRequest
from tests.temporal import lineage
from tests.temporal.test_held_gates import held
from tests.temporal.test_lineage import _reset, _steps

ANOMALIES = "SELECT category, metadata ->> 'failure_category' FROM core_anomalies ORDER BY detected_at"


@pytest.fixture
def params(tmp_path):
    return {"test": uuid4().hex, "folder": str(tmp_path)}


@pytest.fixture
async def service(serve, database):
    with database.begin() as connection:
        connection.execute(text(lineage.TABLE))
    async with serve(*lineage.ALL) as running:
        yield running


async def test_two_temporals_on_one_database_do_not_share_a_partition(service, params, elsewhere, database):
    here = await service.client.start(lineage.HELD, params)
    await held(here)
    queue = f"other-{uuid4().hex[:8]}"
    async with running_worker(elsewhere, database, definitions_of(lineage.ALL), task_queue=queue, max_activities=5):
        other = await SpineClient(elsewhere, task_queue=queue).execute(lineage.HELD, params)
    assert (other.status, other.error_category) == (WorkflowStatus.FAILED, "PARTITION_BUSY")
    assert "of Temporal" in other.error
    await here.decide("abort", "check", by="ann", reason="enough")
    await here.result()
    assert _steps(service) == {"one": 1, "two": 1}


async def test_a_live_run_is_not_closed_when_retention_has_deleted_the_one_that_it_was_reset_from(service, params):
    handle = await service.client.start(lineage.HELD, params)
    await held(handle)
    base = (await handle.handle.describe()).run_id
    reset = await _reset(service, handle.workflow_id, -1)
    await held(reset)
    await _delete(service.client.client, handle.workflow_id, base)
    assert await look(TemporalRuns(service.client.client), service.database, before=datetime.now(UTC)) == []
    busy = await _other_start(service, params)
    assert busy.type == "PARTITION_BUSY"
    await reset.decide("abort", "check", by="ann", reason="enough")
    assert (await reset.result()).error_category == "QUALITY_GATE"


async def test_an_end_that_wakes_up_late_overwrites_nothing_of_the_run_that_came_after(service, params, tmp_path):
    first = await service.client.start(lineage.HELD, params)
    await held(first)
    key, result = _key_and_result(service)
    await first.handle.terminate("while its end is frozen")
    (tmp_path / "source").touch()
    second = await service.client.start(lineage.HELD, params, force=True)
    await held(second)
    await second.decide("waive", "check", by="ann", reason="known")
    assert (await second.result()).status is WorkflowStatus.COMPLETED
    late = EndRequest(key=key, stage_rank=9, result=result)
    with pytest.raises(ApplicationError) as error:
        await service.attempt("end", late, lineage.ALL)
    assert error.value.type == "CLAIM_LOST"
    assert service.rows("SELECT status FROM core_runs ORDER BY started_at") == [("CANCELLED",), ("COMPLETED",)]
    stages = [
        stage for (stage,) in service.rows("SELECT stage FROM core_manifest WHERE stage IN ('FAILED', 'COMPLETED')")
    ]
    assert stages == ["COMPLETED"]
    third = await service.client.execute(lineage.HELD, params)
    assert (third.reused, third.run_id) == (True, (await second.result()).run_id)


@pytest.mark.parametrize("lost", ["the run's row", "a completed step"])
async def test_a_run_whose_database_was_restored_writes_nothing_and_says_so(service, params, tmp_path, lost):
    (tmp_path / "source").touch()
    handle = await service.client.start(lineage.HELD, params)
    await held(handle)
    if lost == "the run's row":
        service.rows("DELETE FROM core_runs RETURNING 1")
        service.rows("DELETE FROM core_partitions RETURNING 1")
    else:
        service.rows("DELETE FROM core_executions WHERE step = 'one' RETURNING 1")
        service.rows("DELETE FROM done WHERE step = 'one' RETURNING 1")
    await handle.decide("waive", "check", by="ann", reason="known")
    with pytest.raises(WorkflowFailureError) as error:
        await asyncio.wait_for(handle.handle.result(), 60)
    assert error.value.cause.type == "STATE_LOST"
    assert "spine-temporal reconcile" in error.value.cause.message
    assert "three" not in _steps(service)
    assert ("WORKFLOW_FAILURE", "STATE_LOST") in service.rows(ANOMALIES)


async def test_a_reset_run_notices_that_what_it_took_from_another_was_restored_away(service, params, tmp_path):
    failed = await service.client.start(lineage.HELD_LAST, params)
    assert (await asyncio.wait_for(failed.result(), 60)).error_step == "two"
    (tmp_path / "source").touch()
    resumed = await service.client.resume(failed.workflow_id, lineage.ALL, service.database, by="ann")
    await held(resumed)
    await resumed.decide("waive", "check", by="ann", reason="known")
    assert (await asyncio.wait_for(resumed.result(), 60)).status is WorkflowStatus.COMPLETED
    # Before the resume: it goes on as the run that had failed. The decision would come again, and sometimes in time.
    handle = await _reset(service, failed.workflow_id, 1, [ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE])
    await held(handle)
    assert _steps(service) == {"one": 1, "two": 1}
    service.rows("DELETE FROM core_executions WHERE step = 'two' AND status = 'COMPLETED' RETURNING 1")
    await handle.decide("waive", "check", by="ann", reason="known")
    with pytest.raises(WorkflowFailureError) as error:
        await asyncio.wait_for(handle.handle.result(), 60)
    assert error.value.cause.type == "STATE_LOST"
    assert "taken from other runs" in error.value.cause.message


async def test_of_two_resumes_at_once_one_is_told_who_is_doing_it(service, params, tmp_path):
    handle = await service.client.start(lineage.THREE, params)
    assert (await handle.result()).error_step == "three"
    (tmp_path / "source").touch()

    async def resume(by):
        try:
            resumed = await service.client.resume(handle.workflow_id, lineage.ALL, service.database, by=by)
        except PartitionBusyError as error:
            return str(error)
        return (await asyncio.wait_for(resumed.result(), 60)).status

    answers = await asyncio.gather(*(resume(name) for name in ("ann", "ben", "cat")))
    assert [answer for answer in answers if answer == WorkflowStatus.COMPLETED] == [WorkflowStatus.COMPLETED]
    refused = [answer for answer in answers if answer != WorkflowStatus.COMPLETED]
    assert all("being resumed by" in one or "was resumed by" in one or "is running" in one for one in refused)
    assert _steps(service) == {"one": 1, "two": 1, "three": 1}


async def test_a_reset_that_did_not_ask_for_it_takes_no_abandoned_resume(service, params, tmp_path):
    handle = await service.client.start(lineage.THREE, params)
    failed = await handle.result()
    options = ResumeOptions(run_id=failed.run_id, skip={"three": "never said"}, by="ann", request_id=uuid4().hex)
    service.rows(
        "UPDATE core_runs SET resume_request = jsonb_build_object('id', CAST(:id AS text), 'by', 'ann', 'at', now(), "
        "'options', CAST(:options AS jsonb), 'expires_at', now() + interval '1 hour') RETURNING 1",
        id=options.request_id,
        options=options.model_dump_json(),
    )
    (tmp_path / "source").touch()
    reset = await _reset(service, handle.workflow_id, -2)
    result = await asyncio.wait_for(reset.result(), 60)
    assert (result.status, result.skipped_steps) == (WorkflowStatus.COMPLETED, [])
    assert _steps(service) == {"one": 1, "two": 1, "three": 1}


async def test_a_run_that_an_operator_released_may_write_nothing_more(service, params, tmp_path):
    (tmp_path / "source").touch()
    handle = await service.client.start(lineage.HELD, params)
    await held(handle)
    service.rows("UPDATE core_partitions SET epoch = epoch + 1 RETURNING 1")
    await handle.decide("waive", "check", by="ann", reason="known")
    with pytest.raises(WorkflowFailureError) as error:
        await asyncio.wait_for(handle.handle.result(), 60)
    assert error.value.cause.type == "CLAIM_LOST"
    assert "three" not in _steps(service)
    assert ("WORKFLOW_FAILURE", "CLAIM_LOST") in service.rows(ANOMALIES)


async def test_of_two_decisions_at_once_the_first_is_what_happens(service, params, tmp_path):
    (tmp_path / "source").touch()
    handle = await service.client.start(lineage.HELD, params)
    await held(handle)

    async def decide(action, by):
        try:
            return await handle.decide(action, "check", by=by, reason="mine")
        except ParamsError as error:
            return error

    answers = await asyncio.gather(*(decide(action, by) for action, by in (("waive", "ann"), ("abort", "ben"))))
    result = await asyncio.wait_for(handle.result(), 60)
    accepted = [answer for answer in answers if isinstance(answer, str)]
    assert len(accepted) == 1
    decided = next(step.decision for step in result.step_executions if step.step_name == "check")
    assert accepted == [f"check {decided}"]


def _key_and_result(service):
    """Return the key of the newest run, and an end for it."""
    with service.database.begin() as connection:
        run_id = connection.execute(text("SELECT run_id FROM core_runs")).scalar()
        row = run_of(connection, run_id)
    now = datetime.now(UTC)
    result = WorkflowResult(
        workflow_name=row.workflow, run_id=run_id, status=WorkflowStatus.FAILED, started_at=now, completed_at=now,
        duration_seconds=1.0, partition=row.partition_key, error_step="check", error="late", error_category="INTERNAL",
    )  # fmt: skip
    return row.key, result


async def _other_start(service, params):
    """Start the same work under another id; return why it failed."""
    run = await service.client.client.start_workflow(
        "lineage.held", args=[params], id=f"other-{uuid4().hex}", task_queue=service.client.task_queue
    )
    with pytest.raises(WorkflowFailureError) as error:
        await asyncio.wait_for(run.result(), 60)
    return error.value.cause


async def _delete(client, identity, run_id):
    await client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace="default", workflow_execution=WorkflowExecution(workflow_id=identity, run_id=run_id)
        ),
        timeout=timedelta(seconds=10),
    )
    for _ in range(600):
        try:
            await client.get_workflow_handle(identity, run_id=run_id).describe()
        except RPCError:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the run is not deleted")
