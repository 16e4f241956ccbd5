"""What is committed as a run's end stands, whatever the run is told meanwhile and whatever Temporal has lost of it."""

import asyncio
import contextlib
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError

from spine_temporal import ParamsError, SpineClient, WorkflowStatus
from spine_temporal.recording.run_lifecycle import reopen_run
from spine_temporal.recording.runs import run_of
from spine_temporal.runtime import pipeline_activity
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.worker import running_worker
from spine_temporal.translation.messages import BeginRequest, EndRequest
from tests.temporal import endings, lineage
from tests.temporal.conftest import Service
from tests.temporal.test_held_gates import held
from tests.temporal.test_lineage import _reset, _steps

ALL = (*endings.ALL, *(one for one in lineage.ALL if one is not lineage.CHILD))
_CANCEL_TOLD = EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED


@pytest.fixture
def params(tmp_path):
    return {"test": uuid4().hex, "folder": str(tmp_path)}


@pytest.fixture
async def service(serve, database):
    with database.begin() as connection:
        connection.execute(text(lineage.TABLE))
    async with serve(*ALL) as running:
        yield running


async def test_a_run_that_is_cancelled_as_its_last_step_completes_ends_as_completed(service, params, tmp_path):
    handle = await service.client.start(endings.LAST, params)
    await _until((tmp_path / "begun").exists)
    await handle.cancel()
    await _until_event(handle.handle, _CANCEL_TOLD)
    (tmp_path / "let").touch()
    result = await asyncio.wait_for(handle.result(), 30)
    assert (result.status, result.completed_steps) == (WorkflowStatus.COMPLETED, ["check", "last"])
    assert service.rows("SELECT status FROM core_runs") == [("COMPLETED",)]
    assert service.rows("SELECT count(run_id) FROM core_partitions") == [(0,)]
    assert service.rows("SELECT runs.xmin = ledger.xmin FROM core_runs AS runs, core_executions AS ledger") == [(True,)]


async def test_a_run_that_is_cancelled_before_it_begins_begins_and_ends_as_cancelled(temporal, database, params):
    with database.begin() as connection:
        connection.execute(text(lineage.TABLE))
    queue = f"test-{uuid4().hex[:8]}"
    handle = await SpineClient(temporal, task_queue=queue).start(lineage.THREE, params)
    await handle.cancel()
    async with running_worker(temporal, database, definitions_of(ALL), task_queue=queue, max_activities=5):
        result = await asyncio.wait_for(handle.result(), 30)
    assert result.status is WorkflowStatus.CANCELLED
    assert (await handle.handle.describe()).status is WorkflowExecutionStatus.CANCELED
    with database.begin() as connection:
        assert connection.execute(text("SELECT status FROM core_runs")).all() == [("CANCELLED",)]
        assert connection.execute(text("SELECT count(run_id) FROM core_partitions")).scalar() == 0
        assert connection.execute(text("SELECT count(*) FROM done")).scalar() == 0


async def test_a_run_that_is_cancelled_while_it_asks_how_to_go_on_ends_as_cancelled(temporal, database, params):
    with database.begin() as connection:
        connection.execute(text(lineage.TABLE))
    queue = f"test-{uuid4().hex[:8]}"
    options = {"task_queue": queue, "max_activities": 5}
    async with running_worker(temporal, database, definitions_of(ALL), **options):
        service = Service(SpineClient(temporal, task_queue=queue), database)
        first = await service.client.start(lineage.HELD, params)
        await held(first)
        handle = await _reset(service, first.workflow_id, 0)
        await held(handle)
    again = (await handle.handle.describe()).run_id
    await handle.handle.signal("resume")
    await handle.cancel()
    async with running_worker(temporal, database, definitions_of(ALL), **options):
        assert (await asyncio.wait_for(handle.result(), 30)).status is WorkflowStatus.CANCELLED
    [status] = service.rows(f"SELECT status FROM core_runs WHERE run_id = '{again}'")
    assert status == ("CANCELLED",)
    assert service.rows("SELECT count(run_id) FROM core_partitions") == [(0,)]


async def test_a_run_whose_end_is_recorded_begins_again_with_its_own_result(service, params):
    handle = await service.client.start(lineage.THREE, params)
    failed = await handle.result()
    reset = await _reset(service, handle.workflow_id, 0)
    again = await asyncio.wait_for(reset.result(), 60)
    assert (failed.error_step, again.error_step) == ("three", "three")
    request = BeginRequest(
        workflow="lineage.three", workflow_id=handle.workflow_id, run_id=again.run_id, started_at=again.started_at,
        params=params, first_run_id=failed.run_id,
    )  # fmt: skip
    begun = await service.attempt("begin", request, ALL)
    assert (begun.earlier.run_id, begun.earlier.status, begun.earlier.completed_steps) == (
        again.run_id, WorkflowStatus.FAILED, ["one", "two"],
    )  # fmt: skip
    assert service.rows("SELECT count(run_id) FROM core_partitions") == [(0,)]


async def test_an_end_that_comes_after_another_of_the_same_execution_is_told_that_one(service, params, tmp_path):
    (tmp_path / "source").touch()
    result = await service.client.execute(lineage.THREE, params)
    key = _key_of(service, result.run_id)
    late = result.model_copy(update={"status": WorkflowStatus.CANCELLED})
    ended = await service.attempt("end", EndRequest(key=key, stage_rank=9, result=late), ALL)
    assert ended.recorded.status is WorkflowStatus.COMPLETED
    same = await service.attempt("end", EndRequest(key=key, stage_rank=9, result=result), ALL)
    assert same.recorded is None
    assert service.rows("SELECT status FROM core_runs") == [("COMPLETED",)]


async def test_the_run_that_an_open_one_was_reset_to_keeps_its_end_from_its_own_late_attempts(
    service, params, tmp_path
):
    (tmp_path / "source").touch()
    handle = await service.client.start(lineage.HELD, params)
    await held(handle)
    reset = await _reset(service, handle.workflow_id, 1)
    await held(reset)
    await reset.decide("waive", "check", by="ann", reason="known")
    result = await asyncio.wait_for(reset.result(), 60)
    key = _key_of(service, result.run_id)
    assert result.status is WorkflowStatus.COMPLETED
    assert key.execution_run_id == (await reset.handle.describe()).run_id
    with service.database.begin() as connection:
        assert not reopen_run(connection, key)


async def test_a_run_that_is_reset_to_before_its_resume_does_nothing_again_that_the_resume_did(
    service, params, tmp_path
):
    handle = await service.client.start(lineage.THREE, params)
    assert (await handle.result()).error_step == "three"
    (tmp_path / "source").touch()
    resumed = await service.client.resume(handle.workflow_id, ALL, service.database, by="ann")
    assert (await asyncio.wait_for(resumed.result(), 60)).status is WorkflowStatus.COMPLETED
    reset = await _reset(service, handle.workflow_id, 2)
    result = await asyncio.wait_for(reset.result(), 60)
    assert (result.status, result.run_id) == (WorkflowStatus.COMPLETED, handle.handle.first_execution_run_id)
    assert _steps(service) == {"one": 1, "two": 1, "three": 1}


@pytest.mark.parametrize("lost", ["UPDATE core_runs SET result = NULL, status = 'RUNNING'", "DELETE FROM core_runs"])
async def test_a_run_whose_sub_workflow_was_restored_away_writes_nothing_and_says_so(service, params, tmp_path, lost):
    (tmp_path / "source").touch()
    handle = await service.client.start(endings.SUB_THEN_HELD, params)
    await held(handle, "held")
    service.rows(f"{lost} WHERE workflow = 'lineage.child' RETURNING 1")
    with contextlib.suppress(ParamsError):  # it may have ended before it answers
        await handle.decide("waive", "held", by="ann", reason="known")
    with pytest.raises(WorkflowFailureError) as error:
        await asyncio.wait_for(handle.handle.result(), 60)
    assert error.value.cause.type == "STATE_LOST"
    assert "the end of sub-runs" in error.value.cause.message
    assert "after" not in _steps(service)


async def test_a_run_whose_decision_was_restored_away_writes_nothing_and_says_so(service, params, tmp_path):
    (tmp_path / "source").touch()
    handle = await service.client.start(lineage.HELD, params)
    await held(handle)
    await handle.decide("retry", "check", by="ann", reason="mended", start_from="two")
    await _until(lambda: len(service.rows("SELECT 1 FROM core_anomalies WHERE category = 'GATE_HELD'")) == 2)
    await held(handle)
    service.rows("UPDATE core_executions SET status = 'COMPLETED' WHERE status = 'SUPERSEDED' RETURNING 1")
    with contextlib.suppress(ParamsError):
        await handle.decide("waive", "check", by="ann", reason="known")
    with pytest.raises(WorkflowFailureError) as error:
        await asyncio.wait_for(handle.handle.result(), 60)
    assert error.value.cause.type == "STATE_LOST"
    assert "three" not in _steps(service)


async def test_a_resumed_run_writes_the_stages_that_an_earlier_one_had_no_transaction_for(service, params, tmp_path):
    handle = await service.client.start(endings.FAN_THEN_LAST, params)
    await _until((tmp_path / "begun").exists)
    await handle.handle.terminate("before its next transaction")
    resumed = await service.client.resume(handle.workflow_id, ALL, service.database, by="ann")
    await _until(lambda: len(service.rows("SELECT 1 FROM core_runs")) == 2)  # the first one cannot end any more
    (tmp_path / "let").touch()
    assert (await asyncio.wait_for(resumed.result(), 60)).status is WorkflowStatus.COMPLETED
    stages = {stage for (stage,) in service.rows("SELECT stage FROM core_manifest")}
    assert stages == {"STARTED", "STEP_PASSES", "STEP_FAN", "STEP_LEFT", "STEP_RIGHT", "STEP_LAST", "COMPLETED"}
    assert _steps(service) == {"left": 1, "right": 1}


@pytest.fixture
def committed(monkeypatch):
    """Let something happen once, between the commit of a step and its answer, which is lost."""
    original = pipeline_activity._run

    def then(step, happens):
        seen = []

        async def run(pipeline, places, request):
            done = await original(pipeline, places, request)
            if request.step == step and not seen:
                seen.append(request)
                await happens()
                raise RuntimeError("the answer is lost")
            return done

        monkeypatch.setattr(pipeline_activity, "_run", run)

    return then


async def test_a_run_whose_committed_end_another_run_has_sent_back_meanwhile_ends_as_it_was_committed(
    service, params, tmp_path, committed
):
    (tmp_path / "source").touch()
    others = []

    async def another_run_goes_on_from_it():
        handle = await service.client.client.start_workflow(
            lineage.THREE.name, args=[params, {"start_from": "three"}], id="other", task_queue=service.client.task_queue
        )
        others.append(await handle.result())

    committed("three", another_run_goes_on_from_it)
    result = await asyncio.wait_for((await service.client.start(lineage.THREE, params)).result(), 60)
    assert result.status is WorkflowStatus.COMPLETED
    assert [one["status"] for one in others] == ["COMPLETED"]
    assert service.rows("SELECT status FROM core_runs") == [("COMPLETED",)] * 2
    assert service.rows("SELECT status FROM core_executions WHERE step = 'three' ORDER BY status") == [
        ("COMPLETED",), ("SUPERSEDED",),
    ]  # fmt: skip
    assert service.rows("SELECT message FROM core_anomalies") == []


async def test_an_attempt_that_temporal_has_given_up_leaves_the_end_to_the_run(service, params, tmp_path, monkeypatch):
    (tmp_path / "source").touch()
    monkeypatch.setattr(pipeline_activity, "given_up_at", lambda asked_at: asked_at - timedelta(seconds=1))
    result = await asyncio.wait_for((await service.client.start(lineage.THREE, params)).result(), 60)
    assert result.status is WorkflowStatus.COMPLETED
    both = "SELECT runs.xmin = ledger.xmin FROM core_runs AS runs, core_executions AS ledger WHERE step = 'three'"
    assert service.rows(both) == [(False,)]


@pytest.mark.parametrize("was_reset", [False, True])
async def test_a_cancel_between_the_last_commit_and_its_answer_runs_no_hook_and_fails_nothing(
    service, params, tmp_path, committed, was_reset
):
    async def it_is_cancelled():
        await handle.cancel()
        await asyncio.sleep(60)  # until the activity hears of it

    committed("two", it_is_cancelled)
    if was_reset:
        assert (await service.client.execute(endings.HOOKED, params)).error_step == "two"
        (tmp_path / "source").touch()
        handle = await _reset(service, f"endings.hooked/test={params['test']}", 1)
    else:
        (tmp_path / "source").touch()
        handle = await service.client.start(endings.HOOKED, params)
    result = await asyncio.wait_for(handle.result(), 60)
    assert result.status is WorkflowStatus.COMPLETED
    assert (await handle.handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert service.rows("SELECT status FROM core_runs") == [("COMPLETED",)]
    assert _steps(service) == {"one": 1, "two": 1}
    met_before = [("MISSING: no source",)] if was_reset else []
    assert service.rows("SELECT message FROM core_anomalies") == met_before


def _key_of(service, run_id):
    with service.database.begin() as connection:
        return run_of(connection, run_id).key


async def _until(condition):
    for _ in range(600):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it does not come about")


async def _until_event(handle, kind):
    for _ in range(600):
        if any(event.event_type == kind for event in (await handle.fetch_history()).events):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the event does not come")
