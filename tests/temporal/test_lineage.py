"""Whatever lies between: resumes of resumes, resets, cancels and waives, a step is done once."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from spine_temporal import WorkflowStatus
from tests.temporal import lineage
from tests.temporal.test_held_gates import held

DONE = "SELECT step, item, count(*) FROM done GROUP BY step, item ORDER BY step, item"


@pytest.fixture
def params(tmp_path):
    return {"test": uuid4().hex, "folder": str(tmp_path)}


@pytest.fixture
async def service(serve, database):
    with database.begin() as connection:
        connection.execute(text(lineage.TABLE))
    async with serve(*lineage.ALL) as running:
        yield running


async def _failed(service, workflow, params, **options):
    handle = await service.client.start(workflow, params, **options)
    return handle.workflow_id, await asyncio.wait_for(handle.result(), 60)


async def _resume(service, identity, **correction):
    handle = await service.client.resume(identity, lineage.ALL, service.database, by="ann", **correction)
    return await asyncio.wait_for(handle.result(), 60)


async def _reset(service, identity, which, without=()):
    """Reset the newest run to a completed workflow task: the first, or the one before the last.

    ``without``: what Temporal is not to give the new run again of what came after.
    """
    client = service.client.client
    run = await client.get_workflow_handle(identity).describe()
    points = [
        event.event_id
        async for event in client.get_workflow_handle(identity, run_id=run.run_id).fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=identity, run_id=run.run_id),
            workflow_task_finish_event_id=points[which],
            request_id=uuid4().hex,
            reason="somebody in the Web UI",
            reset_reapply_exclude_types=without,
        )
    )
    return await service.client.handle_of(identity)


def _steps(service):
    return {(step if item is None else item): count for step, item, count in service.rows(DONE)}


async def test_the_items_of_a_map_are_done_once_over_a_resume_of_a_resume(service, params, tmp_path):
    for item in (0, 1, 3, 5, 6, 7):
        (tmp_path / f"item{item}").touch()
    identity, failed = await _failed(service, lineage.MAPPED, params)
    assert failed.error.startswith("1 of 8 items failed, the first at 2")
    (tmp_path / "item2").touch()
    again = await _resume(service, identity)
    assert again.error.startswith("1 of 8 items failed, the first at 4")
    (tmp_path / "item4").touch()
    result = await _resume(service, identity)
    assert result.status is WorkflowStatus.COMPLETED
    assert [item["item"] for item in result.outputs["fan"]["results"]] == list(range(8))
    assert _steps(service) == dict.fromkeys(range(8), 1)


async def test_a_failed_sub_workflow_goes_on_at_its_failed_step_at_each_resume_of_its_parent(service, params, tmp_path):
    identity, failed = await _failed(service, lineage.PARENT, params)
    assert (failed.error_step, failed.error) == ("sub", "second: MISSING: no source")
    again = await _resume(service, identity)
    assert (again.error_step, again.error) == ("sub", "second: MISSING: no source")
    assert _steps(service) == {"before": 1, "first": 1}
    (tmp_path / "source").touch()
    result = await _resume(service, identity)
    assert result.status is WorkflowStatus.COMPLETED
    assert _steps(service) == {"before": 1, "first": 1, "second": 1, "after": 1}
    [(kept,)] = service.rows(
        "SELECT correction -> 'kept' FROM core_runs WHERE workflow = 'lineage.child' ORDER BY started_at DESC LIMIT 1"
    )
    assert kept == ["first", "check"]


async def test_a_failed_run_that_is_reset_to_its_first_task_does_nothing_twice(service, params, tmp_path):
    identity, failed = await _failed(service, lineage.THREE, params)
    assert failed.error_step == "three"
    (tmp_path / "source").touch()
    handle = await _reset(service, identity, 0)
    result = await asyncio.wait_for(handle.result(), 60)
    assert result.status is WorkflowStatus.COMPLETED
    assert _steps(service) == {"one": 1, "two": 1, "three": 1}


async def test_a_run_that_is_reset_to_its_first_task_while_it_runs_does_nothing_twice(service, params, tmp_path):
    handle = await service.client.start(lineage.HELD, params)
    await held(handle)
    (tmp_path / "source").touch()
    reset = await _reset(service, handle.workflow_id, 0)
    await held(reset)
    assert _steps(service) == {"one": 1, "two": 1}
    await reset.decide("waive", "check", by="ann", reason="known")
    result = await asyncio.wait_for(reset.result(), 60)
    assert result.status is WorkflowStatus.COMPLETED
    assert _steps(service) == {"one": 1, "two": 1, "three": 1}
    statuses = service.rows("SELECT status FROM core_runs ORDER BY started_at, status")
    assert sorted(statuses) == [("CANCELLED",), ("COMPLETED",)]


async def test_steps_are_done_once_over_resume_cancel_resume(service, params, tmp_path):
    identity, _ = await _failed(service, lineage.THREE, params)
    handle = await service.client.resume(identity, lineage.ALL, service.database, skip={"one": "known"}, by="ann")
    await handle.cancel()
    await asyncio.wait_for(handle.result(), 60)
    (tmp_path / "source").touch()
    result = await _resume(service, identity)
    assert result.status is WorkflowStatus.COMPLETED
    assert _steps(service) == {"one": 1, "two": 1, "three": 1}


async def test_what_was_sent_back_is_never_done_again_under_its_id(service, params, tmp_path):
    handle = await service.client.start(lineage.HELD, params)
    await held(handle)
    await handle.decide("retry", "check", by="ann", reason="mended", start_from="two")
    await _until_held_in_round(service, handle, 1)
    assert _steps(service) == {"one": 1, "two": 2}
    (tmp_path / "source").touch()
    reset = await _reset(service, handle.workflow_id, 1)
    await held(reset)
    await reset.decide("waive", "check", by="ann", reason="known")
    result = await asyncio.wait_for(reset.result(), 60)
    assert result.status is WorkflowStatus.COMPLETED
    assert _steps(service) == {"one": 1, "two": 2, "three": 1}
    ledger = "SELECT step, round, status FROM core_executions ORDER BY step, round"
    assert service.rows(ledger) == [
        ("one", 0, "COMPLETED"), ("three", 0, "COMPLETED"), ("two", 0, "SUPERSEDED"), ("two", 1, "COMPLETED"),
    ]  # fmt: skip


async def test_a_chain_of_five_resumes_does_each_step_once(service, params, tmp_path):
    for item in (0, 2, 4, 6):
        (tmp_path / f"item{item}").touch()
    identity, _ = await _failed(service, lineage.MAPPED, params)
    for item in (1, 3, 5, 7):
        (tmp_path / f"item{item}").touch()
        result = await _resume(service, identity)
    assert result.status is WorkflowStatus.COMPLETED
    assert _steps(service) == dict.fromkeys(range(8), 1)
    assert service.rows("SELECT count(DISTINCT lineage_id), count(*) FROM core_runs") == [(1, 5)]


async def _until_held_in_round(service, handle, number):
    for _ in range(300):
        rows = service.rows("SELECT count(*) FROM core_anomalies WHERE category = 'GATE_HELD'")
        if rows == [(number + 1,)]:
            return await held(handle)
        await asyncio.sleep(0.1)
    raise AssertionError(rows)
