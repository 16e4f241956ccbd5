"""A run goes on from where it ended, after its cause is mended, and what was completed is not done again."""

import asyncio
import time
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from spine_temporal import ParamsError, PartitionBusyError, WorkflowRunner, WorkflowStatus
from spine_temporal.client.results import result_of
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.recording.runs import run_of
from spine_temporal.runtime.resume_run import resume_run
from spine_temporal.runtime.run_activities import RunActivities
from spine_temporal.settings import Settings
from tests.temporal import resumable

STAGES = "SELECT stage FROM core_manifest ORDER BY stage_rank"
RESET = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
ANOMALIES = "SELECT category, stage, occurrences, resolved_by FROM core_anomalies WHERE severity <> 'INFO'"


@pytest.fixture
def params(tmp_path):
    return {"week": uuid4().hex, "folder": str(tmp_path)}


@pytest.fixture
async def service(serve):
    async with serve(*resumable.ALL) as running:
        yield running


async def _resume(service, identity, **correction):
    handle = await service.client.resume(identity, resumable.ALL, service.database, by="ann", **correction)
    return await asyncio.wait_for(handle.result(), 60)


async def _failed(service, workflow, params):
    handle = await service.client.start(workflow, params)
    return handle.workflow_id, await asyncio.wait_for(handle.result(), 60)


async def _activities(service, identity):
    history = await service.client.client.get_workflow_handle(identity).fetch_history()
    kind = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ids = [e.activity_task_scheduled_event_attributes.activity_id for e in history.events if e.event_type == kind]
    # The run's own are numbered: the one that asks how to go on is there or not, as the signal comes early or late.
    return [identity for identity in ids if not identity.isdigit()]


async def test_the_items_of_a_map_that_were_done_are_not_done_again(service, params, tmp_path):
    identity, failed = await _failed(service, resumable.MAPPED, params)
    assert failed.error == "1 of 4 items failed, the first at 2: NO_SOURCE: no source"
    (tmp_path / "source").touch()
    result = await _resume(service, identity)
    assert [item["item"] for item in result.outputs["fan"]["results"]] == [0, 1, 2, 3]
    assert (tmp_path / "ran").read_text() == "0 1 2 2 3 "
    again = await service.client.execute(resumable.MAPPED, params, start_from="fan", force=False)
    assert again.status is WorkflowStatus.COMPLETED
    assert (tmp_path / "ran").read_text() == "0 1 2 2 3 0 1 2 3 "


async def test_after_a_gate_failed_it_goes_on_with_a_mended_threshold(service, params, tmp_path):
    (tmp_path / "source").touch()
    identity, failed = await _failed(service, resumable.GATED, params)
    assert (failed.error_step, failed.error_category) == ("check", "QUALITY_GATE")
    result = await _resume(service, identity, changes={"check.least": 500})
    assert result.status is WorkflowStatus.COMPLETED
    assert result.completed_steps == ["ingest", "check", "normalize", "last"]
    assert result.outputs["check"] == {"least": 500}
    assert (tmp_path / "ran").read_text() == "ingest normalize "
    assert result.step_executions[0].kept_from == failed.run_id
    # The first of normalize was told that the gate had failed, and did nothing.
    assert await _activities(service, identity) == ["ingest", "normalize", "normalize"]
    assert service.rows(ANOMALIES) == [("WORKFLOW_FAILURE", "workflow.check", 1, result.run_id)]
    assert [stage for (stage,) in service.rows(STAGES)] == [
        *("STARTED", "STEP_INGEST", "STEP_CHECK", "STEP_NORMALIZE", "STEP_LAST", "COMPLETED")
    ]
    [(correction, before)] = service.rows(
        "SELECT correction, resumed_from FROM core_runs WHERE run_id = :run_id", run_id=result.run_id
    )
    assert before == failed.run_id
    assert correction == {
        "by": "ann", "kept": ["ingest"], "config": {"check.least": {"from": 1000, "to": 500}},
    }  # fmt: skip


async def test_after_a_pipeline_failed_it_goes_on_when_its_source_is_there(service, params, tmp_path):
    identity, failed = await _failed(service, resumable.SOURCED, params)
    assert failed.error_step == "normalize"
    again = await _resume(service, identity)
    assert (again.status, again.error_step) == (WorkflowStatus.FAILED, "normalize")
    assert service.rows(ANOMALIES) == [("WORKFLOW_FAILURE", "workflow.normalize", 2, None)]
    (tmp_path / "source").touch()
    result = await _resume(service, identity)
    assert result.completed_steps == ["ingest", "check", "normalize", "last"]
    assert (tmp_path / "ran").read_text() == "ingest normalize normalize normalize "
    assert service.rows(ANOMALIES) == [("WORKFLOW_FAILURE", "workflow.normalize", 2, result.run_id)]
    assert service.rows("SELECT count(*) FROM core_executions WHERE step = 'ingest'") == [(1,)]
    assert service.rows("SELECT count(run_id) FROM core_partitions") == [(0,)]
    later = await service.client.execute(resumable.SOURCED, params)
    assert later.run_id == result.run_id


async def test_a_cancelled_run_goes_on_and_can_be_cancelled_again(service, params, tmp_path):
    handle = await service.client.start(resumable.WAITING, params)
    for times in (1, 2):
        await resumable.until_waiting(tmp_path, times)
        await handle.cancel()
        assert (await asyncio.wait_for(handle.result(), 30)).status is WorkflowStatus.CANCELLED
        assert [stage for (stage,) in service.rows(STAGES)] == ["STARTED", "STEP_INGEST", "CANCELLED"]
        assert service.rows("SELECT count(run_id) FROM core_partitions") == [(0,)]
        handle = await service.client.resume(handle.workflow_id, resumable.ALL, service.database)
    (tmp_path / "go").touch()
    result = await asyncio.wait_for(handle.result(), 30)
    assert result.completed_steps == ["ingest", "wait", "last"]
    assert (tmp_path / "ran").read_text() == "ingest wait wait wait "


async def test_it_goes_on_after_temporal_has_deleted_the_history(service, params, tmp_path):
    identity, failed = await _failed(service, resumable.SOURCED, params)
    await _delete(service.client.client, identity, failed.run_id)
    (tmp_path / "source").touch()
    result = await _resume(service, identity)
    assert result.completed_steps == ["ingest", "check", "normalize", "last"]
    assert result.outputs["last"] == {"saw": ["check", "ingest", "normalize"]}
    assert (tmp_path / "ran").read_text() == "ingest normalize normalize "
    assert await _activities(service, identity) == ["normalize"]


async def test_a_run_that_was_terminated_goes_on_and_its_claim_with_it(service, params, tmp_path):
    handle = await service.client.start(resumable.WAITING, params)
    await resumable.until_waiting(tmp_path, 1)
    await handle.handle.terminate("by mistake")
    (tmp_path / "go").touch()
    result = await _resume(service, handle.workflow_id)
    assert result.completed_steps == ["ingest", "wait", "last"]
    assert (tmp_path / "ran").read_text() in {"ingest wait wait ", "ingest wait "}
    statuses = service.rows("SELECT status FROM core_runs ORDER BY started_at")
    assert statuses == [("CANCELLED",), ("COMPLETED",)]


async def test_one_that_waits_for_others_goes_on_while_its_last_look_lasts(service, params, tmp_path, monkeypatch):
    """Temporal takes the id of an activity again only when the one that was cancelled has ended."""
    looks, look = [], RunActivities._look

    def slow_look(self, request, *info):
        looks.append(request)
        time.sleep(1)
        return look(self, request, *info)

    monkeypatch.setattr(RunActivities, "_look", slow_look)
    handle = await service.client.start(resumable.FOLLOWING, params)
    while not looks:  # noqa: ASYNC110 - another thread looks
        await asyncio.sleep(0.05)
    await handle.handle.signal("resume")  # so that the run is sent back to a task that comes after it began to wait
    await asyncio.sleep(3)
    await handle.handle.terminate("by mistake")
    handle = await service.client.resume(handle.workflow_id, resumable.ALL, service.database, by="ann")
    await asyncio.sleep(3)
    (tmp_path / "source").touch()
    await service.client.execute(resumable.SOURCED, params | {"week": "of another"})
    result = await asyncio.wait_for(handle.result(), 30)
    assert result.completed_steps == ["ingest", "sourced", "last"]
    events = [event async for event in handle.handle.fetch_history_events()]
    failures = [event.workflow_task_failed_event_attributes for event in events]
    assert [one.failure.message for one in failures if one.failure.message and one.cause != RESET] == []


async def test_one_whose_sub_workflow_ended_with_it_and_untold_goes_on(service, params, tmp_path, monkeypatch):
    """A child is cancelled with its parent, and where that is over before the reset Temporal tells nobody."""
    monkeypatch.setattr("spine_temporal.translation.driver.STOP_PATIENCE", 3)
    client = service.client.client
    handle = await service.client.start(resumable.SUBBED, params)
    await resumable.until_waiting(tmp_path)
    [child] = (await client.get_workflow_handle(handle.workflow_id).describe()).raw_description.pending_children
    await handle.handle.terminate("by mistake")
    result = await result_of(client, client.get_workflow_handle(child.workflow_id))
    assert result.status is WorkflowStatus.CANCELLED
    (tmp_path / "go").touch()
    result = await _resume(service, handle.workflow_id)
    assert result.completed_steps == ["ingest", "sub", "last"]


async def test_one_that_completes_while_it_is_resumed_is_complete(service, params, tmp_path):
    """A run that was terminated may yet write its end: after the look at it, which is left out here."""
    (tmp_path / "source").touch()
    identity, done = await _failed(service, resumable.SOURCED, params)
    with service.database.begin() as connection:
        row = run_of(connection, done.run_id)
    client = service.client.client
    handle = await resume_run(client, service.database, "none", row, ResumeOptions(run_id=done.run_id, by="ann"))
    result = await asyncio.wait_for(result_of(client, handle), 30)
    assert (result.status, result.run_id, result.reused) == (WorkflowStatus.COMPLETED, done.run_id, True)
    assert (await client.get_workflow_handle(identity).describe()).status is WorkflowExecutionStatus.COMPLETED
    assert (tmp_path / "ran").read_text() == "ingest normalize "
    assert service.rows(ANOMALIES) == []
    assert service.rows("SELECT count(run_id) FROM core_partitions") == [(0,)]


async def test_start_from_runs_a_completed_step_again(service, params, tmp_path):
    (tmp_path / "source").touch()
    identity, done = await _failed(service, resumable.SOURCED, params)
    assert done.status is WorkflowStatus.COMPLETED
    with pytest.raises(ParamsError, match="is COMPLETED, so there is nothing to resume"):
        await _resume(service, identity)
    result = await _resume(service, identity, start_from="normalize")
    assert result.status is WorkflowStatus.COMPLETED
    assert (tmp_path / "ran").read_text() == "ingest normalize normalize "
    started = await service.client.execute(resumable.SOURCED, params, start_from="check")
    assert started.completed_steps == ["ingest", "check", "normalize", "last"]
    assert (tmp_path / "ran").read_text() == "ingest normalize normalize normalize "


async def test_a_step_can_be_left_out_with_a_reason(service, params, tmp_path):
    identity, _ = await _failed(service, resumable.SOURCED, params)
    result = await _resume(service, identity, skip={"normalize": "the vendor has no file this week"})
    assert (result.status, result.skipped_steps) == (WorkflowStatus.COMPLETED, ["normalize"])
    assert [step.reason for step in result.step_executions if step.reason] == ["the vendor has no file this week"]
    assert result.outputs["last"] == {"saw": ["check", "ingest"]}


async def test_of_a_partial_run_only_what_is_missing_runs(service, params, tmp_path):
    identity, partial = await _failed(service, resumable.PARTIAL, params)
    assert partial.status is WorkflowStatus.PARTIAL
    (tmp_path / "source").touch()
    result = await _resume(service, identity)
    assert result.status is WorkflowStatus.COMPLETED
    assert (tmp_path / "ran").read_text() == "ingest normalize ingest normalize "
    assert [row for row in service.rows(ANOMALIES) if row[3] is None] == []


async def test_a_resume_that_does_not_fit_is_refused_before_anything_is_touched(service, params, tmp_path):
    identity, failed = await _failed(service, resumable.ROUTED, params)
    wrong = {
        "is no step of 'resumable.routed'": {"start_from": "nowhere"},
        "--skip 'x' is no step": {"skip": {"x": "why"}},
        "a choice cannot be left out": {"skip": {"route": "why"}},
        "needs a reason": {"skip": {"big": " "}},
        "has no 'most'": {"changes": {"last.most": 1}},
        "is no gate": {"changes": {"big.rows": 1}},
        "another partition": {"changes": {"week": "other"}},
        "'rows' is wrong": {"changes": {"rows": "many"}},
        "unknown param 'row'": {"changes": {"row": 1}},
        "needs the output of 'big'": {"start_from": "last"},
    }
    for message, correction in wrong.items():
        with pytest.raises(ParamsError, match=message):
            await _resume(service, identity, **correction)
    with pytest.raises(ParamsError, match="nothing to resume: start it"):
        await _resume(service, "nobody")
    description = await service.client.client.get_workflow_handle(identity).describe()
    assert description.run_id == failed.run_id
    (tmp_path / "source").touch()
    await _resume(service, identity)
    with pytest.raises(ParamsError, match="not on the way"):
        await _resume(service, identity, start_from="small")
    running = await service.client.start(resumable.WAITING, params)
    await asyncio.sleep(0.5)
    with pytest.raises(PartitionBusyError, match="is running"):
        await _resume(service, running.workflow_id)
    await running.cancel()
    await running.result()


async def test_start_from_works_through_the_runner(servers, database_url, params, tmp_path, monkeypatch):
    monkeypatch.setenv("TEMPORAL_ADDRESS", servers.temporal_address)
    settings = Settings(database_url=database_url, home=tmp_path, task_queue=f"test-{uuid4().hex[:8]}")
    runner = WorkflowRunner(settings)
    with pytest.raises(ParamsError, match="so there are no outputs to keep"):
        await asyncio.to_thread(_raised, runner, resumable.SOURCED, params)
    failed = await asyncio.to_thread(runner.execute, resumable.SOURCED, params)
    assert failed.error_step == "normalize"
    (tmp_path / "source").touch()
    result = await asyncio.to_thread(runner.execute, resumable.SOURCED, params, start_from="normalize")
    assert result.completed_steps == ["ingest", "check", "normalize", "last"]
    assert (tmp_path / "ran").read_text() == "ingest normalize normalize "


def _raised(runner, workflow, params):
    result = runner.execute(workflow, params, start_from="normalize")
    assert result.status is WorkflowStatus.FAILED
    raise ParamsError(result.error)


async def _delete(client, identity, run_id):
    """Delete the run, as Temporal does after its retention."""
    await client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace="default", workflow_execution=WorkflowExecution(workflow_id=identity, run_id=run_id)
        )
    )
    for _ in range(400):
        try:
            await client.get_workflow_handle(identity).describe()
        except RPCError:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the run is not deleted")
