"""The verdicts of gates ride in the request of the pipeline behind them, and the last pipeline ends the run."""

import asyncio
from uuid import uuid4

import pytest
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from spine_temporal import WorkflowStatus
from spine_temporal.definition.run_key import RunKey
from spine_temporal.translation.pipeline_messages import PipelineRequest, ShutDoor
from tests.temporal import doors
from tests.temporal.test_failures import activities, failed
from tests.temporal.test_held_gates import held
from tests.temporal.test_lineage import _reset


@pytest.fixture
async def service(serve, database):
    with database.begin() as connection:
        connection.execute(text(doors.TABLE))
    async with serve(*doors.ALL, in_process=True) as running:  # on a busy machine a process may answer too late
        yield running


@pytest.fixture
def params(tmp_path):
    return {"test": uuid4().hex, "folder": str(tmp_path)}


def written(service):
    return [step for (step,) in service.rows("SELECT step FROM behind ORDER BY step")]


async def _is_pending(handle, step):
    for _ in range(300):
        pending = (await handle.handle.describe()).raw_description.pending_activities
        if [one.activity_id for one in pending] == [step]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(pending)


async def test_gates_in_a_row_ride_with_the_pipeline_behind_them(service, params):
    handle = await service.client.start(doors.TWO, params)
    result = await handle.result()
    assert result.status is WorkflowStatus.COMPLETED
    assert [summary for _, summary, _ in await activities(handle)] == [
        "load, up to 3 attempts",
        "publish, up to 3 attempts; gate first: passed; gate second: passed",
        "end, up to 3 attempts; gate last: passed",
    ]
    assert result.outputs["second"] == {"by": "second", "seen": ["first", "load"]}
    assert written(service) == ["end", "load", "publish"]


async def test_the_rows_of_gates_are_written_with_those_of_the_pipeline(service, params):
    await service.client.execute(doors.TWO, params)
    together = """SELECT count(DISTINCT one.xmin::text) FROM (
        SELECT xmin FROM core_manifest WHERE stage IN ('STEP_FIRST', 'STEP_SECOND', 'STEP_PUBLISH')
        UNION ALL SELECT xmin FROM core_quality WHERE step IN ('first', 'second')
        UNION ALL SELECT xmin FROM core_executions WHERE step = 'publish') AS one"""
    assert service.rows(together) == [(1,)]
    assert service.rows("SELECT count(DISTINCT step) FROM core_quality") == [(3,)]


async def test_the_last_pipeline_ends_the_run_in_its_own_transaction(service, params):
    result = await service.client.execute(doors.TWO, params)
    together = """SELECT count(DISTINCT one.xmin::text) FROM (
        SELECT xmin FROM core_executions WHERE step = 'end' UNION ALL SELECT xmin FROM core_runs
        UNION ALL SELECT xmin FROM core_partitions UNION ALL SELECT xmin FROM core_manifest WHERE stage = 'COMPLETED'
    ) AS one"""
    assert service.rows(together) == [(1,)]
    [(recorded,)] = service.rows("SELECT result FROM core_runs")
    assert result == type(result).model_validate(recorded)
    assert service.rows("SELECT run_id FROM core_partitions") == [(None,)]


@pytest.mark.parametrize("does", ["fail", "raise"])
async def test_a_gate_that_fails_keeps_the_pipeline_from_running_and_is_seen_in_its_place(service, params, does):
    handle, result = await failed(service, doors.TWO, **params, second=does)
    assert (result.status, result.error_step) == (WorkflowStatus.FAILED, "second")
    category = {"fail": "QUALITY_GATE", "raise": "INTERNAL"}[does]
    assert result.error_category == category
    [_, (kind, summary, seen)] = await activities(handle)
    assert (kind, seen) == ("doors.write", category)
    assert summary.startswith(f"publish, not run; gate first: passed; gate second: FAILED {category} ")
    assert result.completed_at == max(one.completed_at for one in result.step_executions if one.completed_at)
    assert written(service) == ["load"]
    assert service.rows("SELECT step FROM core_executions") == [("load",)]
    assert service.rows("SELECT stage FROM core_manifest WHERE stage LIKE 'STEP%' ORDER BY stage") == [
        ("STEP_FIRST",), ("STEP_LOAD",),
    ]  # fmt: skip
    measured = {"fail": [("first",), ("second",)], "raise": [("first",)]}[does]
    assert service.rows("SELECT DISTINCT step FROM core_quality ORDER BY step") == measured


async def test_a_gate_that_routes_elsewhere_leaves_the_pipeline_behind_it_out(service, params):
    handle = await service.client.start(doors.TWO, {**params, "first": "route"})
    result = await handle.result()
    assert (result.status, result.completed_steps) == (WorkflowStatus.COMPLETED, ["load", "first", "end"])
    assert result.skipped_steps == ["second", "publish", "last"]
    assert written(service) == ["end", "load"]
    assert [summary for _, summary, _ in await activities(handle)][1] == "publish, not run; gate first: passed"


async def test_a_run_goes_on_past_a_failed_gate_where_it_says_so(service, params):
    result = await service.client.execute(doors.GOES_ON, {**params, "first": "fail"})
    assert (result.status, result.failed_steps) == (WorkflowStatus.PARTIAL, ["first"])
    assert written(service) == ["end", "load"]
    assert service.rows("SELECT status FROM core_runs") == [("PARTIAL",)]
    assert service.rows("SELECT severity FROM core_anomalies") == [("WARN",)]


@pytest.mark.parametrize(
    ("decision", "rows"),
    [({"action": "waive"}, ["end", "load"]), ({"action": "retry", "start_from": "load"}, ["end", "load", "load"])],
)
async def test_a_held_gate_at_a_door_is_decided_and_the_pipeline_runs_once(service, params, tmp_path, decision, rows):
    handle = await service.client.start(doors.HOLDS, {**params, "first": "ready"})
    await held(handle, "first")
    (tmp_path / "ready").touch()
    await handle.decide(step="first", by="ann", reason="it is ready", **decision)
    result = await asyncio.wait_for(handle.result(), 60)
    assert result.status is WorkflowStatus.COMPLETED
    assert written(service) == rows
    assert service.rows("SELECT attempt FROM core_executions WHERE step = 'end'") == [(1,)]


async def test_a_pipeline_that_fails_behind_its_door_leaves_the_rows_of_its_gates_to_the_end(service, params, tmp_path):
    (tmp_path / "publish.fails").touch()
    result = await service.client.execute(doors.TWO, params)
    assert (result.status, result.error_step) == (WorkflowStatus.FAILED, "publish")
    assert result.completed_steps == ["load", "first", "second"]
    assert written(service) == ["load"]
    stages = "SELECT stage FROM core_manifest WHERE stage LIKE 'STEP%' ORDER BY stage"
    assert service.rows(stages) == [("STEP_FIRST",), ("STEP_LOAD",), ("STEP_SECOND",)]
    assert service.rows("SELECT DISTINCT step FROM core_quality ORDER BY step") == [("first",), ("second",)]


@pytest.mark.parametrize("does", ["pass", "fail"])
async def test_local_pipelines_have_doors_as_well(service, params, does):
    result = await service.client.execute(doors.LOCAL, {**params, "first": does})
    assert written(service) == (["end", "load"] if does == "pass" else ["load"])
    assert result.error_step == (None if does == "pass" else "first")


async def test_where_the_activity_tells_nothing_of_its_gates_they_are_recorded_by_themselves(service, params, tmp_path):
    """As where an operator fails the activity by hand."""
    (tmp_path / "publish.waits").touch()
    handle = await service.client.start(doors.TWO, params)
    await _is_pending(handle, "publish")
    activity = service.client.client.get_async_activity_handle(
        workflow_id=handle.workflow_id, run_id=None, activity_id="publish"
    )
    await activity.fail(ApplicationError("by hand", non_retryable=True))
    result = await asyncio.wait_for(handle.result(), 60)
    assert (result.error_step, result.error) == ("publish", "by hand")
    assert result.completed_steps == ["load", "first", "second"]
    assert written(service) == ["load"]


async def test_many_gates_that_compute_for_long_take_more_than_one_workflow_task(serve, database, params):
    with database.begin() as connection:
        connection.execute(text(doors.TABLE))
    computing = {f"gate_{number}": "compute" for number in range(6)}
    async with serve(*doors.ALL) as service:
        handle = await service.client.start(doors.MANY, params | computing)
        result = await asyncio.wait_for(handle.result(), 60)
        assert (result.status, len(result.completed_steps)) == (WorkflowStatus.COMPLETED, 8)
        history = await handle.handle.fetch_history()
        assert not [one for one in history.events if one.HasField("workflow_task_failed_event_attributes")]


async def test_a_run_that_is_cancelled_while_the_pipeline_behind_its_gates_runs_says_so(service, params, tmp_path):
    (tmp_path / "publish.waits").touch()
    handle = await service.client.start(doors.TWO, params)
    await _is_pending(handle, "publish")
    assert [one.step_name for one in (await handle.progress()).step_executions] == ["load", "first", "publish"]
    await handle.cancel()
    assert (await asyncio.wait_for(handle.result(), 60)).status is WorkflowStatus.CANCELLED
    [(recorded,)] = service.rows("SELECT result FROM core_runs")
    assert {one["step_name"]: one["status"] for one in recorded["step_executions"]} == {
        "load": "COMPLETED", "first": "CANCELLED", "publish": "CANCELLED",
    }  # fmt: skip
    assert written(service) == ["load"]


async def test_the_end_that_a_reset_run_commits_is_its_own(service, params):
    handle = await service.client.start(doors.HOLDS, {**params, "first": "fail"})
    await held(handle, "first")
    reset = await _reset(service, handle.workflow_id, 1)
    await held(reset, "first")
    await reset.decide("waive", "first", by="ann", reason="it is well")
    assert (await asyncio.wait_for(reset.result(), 60)).status is WorkflowStatus.COMPLETED
    newest = (await service.client.client.get_workflow_handle(handle.workflow_id).describe()).run_id
    assert service.rows("SELECT status, execution_run_id FROM core_runs") == [("COMPLETED", newest)]


def test_a_request_that_a_worker_cannot_read_is_not_taken_for_that_of_a_shut_door():
    key = RunKey(run_id="r", workflow="w", workflow_id="w/a=1", domain="w", partition={}).model_dump()
    request = {"key": key, "step": "end", "on_error": "ESCALATE", "door": {"verdicts": [{"step": "first"}]}}
    with pytest.raises(ValidationError, match="the door is open"):
        TypeAdapter(PipelineRequest | ShutDoor).validate_python(request)


def test_a_worker_that_knows_no_doors_cannot_read_the_request_of_a_shut_one():
    shut = {"key": {}, "step": "end", "door": {"verdicts": [{"step": "first", "error": "bad"}], "is_open": False}}
    with pytest.raises(ValidationError):
        PipelineRequest.model_validate(shut)
