"""A step that the worker has seen to take moments runs within the workflow task, in a process of its own."""

import asyncio
import os
from uuid import uuid4

import pytest
from sqlalchemy import text
from temporalio.api.enums.v1 import EventType

from spine_temporal import WorkflowStatus
from spine_temporal.replaying.histories import History
from spine_temporal.replaying.replay import replay_all
from spine_temporal.runtime.brief_steps import SEEN
from spine_temporal.runtime.definitions import definitions_of
from tests.temporal import brief_jobs as jobs

DONE = "SELECT count(*) FROM core_executions WHERE status = 'COMPLETED'"
SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
STARTED = EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
#: Of brief steps beside each other, where the second one fails: it goes on by itself, and so do those behind it.
TOGETHER = ["a+b+c+d", "b", "c", "d"]


@pytest.fixture
async def service(serve, database, monkeypatch):
    # However busy the machine is, these steps are brief.
    monkeypatch.setattr("spine_temporal.runtime.brief_steps.BRIEF", 30)
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE brief_rows (test text, place text)"))
    async with serve(*jobs.ALL) as running:
        yield running


async def run(service, workflow=jobs.BRIEF, **params):
    """Return how a run ended, and the steps that were activities; one with params of its own is replayed."""
    handle = await service.client.start(workflow, {"test": uuid4().hex, **params})
    result = await handle.result()
    history = await handle.handle.fetch_history()
    if params:
        (replayed,) = await replay_all([History(name="brief", events=history)], definitions_of([workflow]))
        assert not replayed.failed, str(replayed.divergence)
    return result, ids(history)


def ids(history):
    """Return the ids of the activities of a history."""
    return [
        event.activity_task_scheduled_event_attributes.activity_id
        for event in history.events
        if event.event_type == SCHEDULED
    ]


async def test_a_step_is_an_activity_until_it_was_brief_five_times_and_whenever_it_says_so(service):
    for _ in range(SEEN):
        assert (await run(service))[1] == ["first", "last"]
    result, scheduled = await run(service, takes=0)
    assert (result.status, scheduled) == (WorkflowStatus.COMPLETED, [])
    assert result.outputs["first"]["process"] not in {os.getpid(), os.getppid()}
    for _ in range(SEEN + 1):
        assert (await run(service, jobs.NEVER))[1] == ["first"]
    ledger = service.rows("SELECT status, attempt, count(*) FROM core_executions GROUP BY 1, 2")
    assert ledger == [("COMPLETED", 1, 3 * (SEEN + 1))]
    assert service.rows("SELECT count(*) FROM brief_rows") == [(3 * (SEEN + 1),)]


async def test_a_brief_step_that_takes_long_goes_on_as_an_activity_and_is_one_from_then_on(service, monkeypatch):
    for _ in range(SEEN):
        await run(service)
    monkeypatch.setattr("spine_temporal.runtime.pipeline_activity.LONGEST", 0.5)
    result, scheduled = await run(service, takes=60)
    assert (result.status, scheduled) == (WorkflowStatus.COMPLETED, ["first"])
    # What was stopped is no attempt of the pipeline, and has left no row.
    assert service.rows("SELECT attempt, count(*) FROM core_executions GROUP BY 1") == [(1, 2 * (SEEN + 1))]
    assert service.rows("SELECT count(*) FROM brief_rows") == [(2 * (SEEN + 1),)]
    assert (await run(service))[1] == ["first"]


async def test_a_brief_step_that_ends_its_process_ends_nothing_else(service):
    for _ in range(SEEN):
        await run(service)
    result, scheduled = await run(service, exits=True)
    assert (result.status, scheduled) == (WorkflowStatus.COMPLETED, ["first"])
    assert service.rows("SELECT attempt, count(*) FROM core_executions GROUP BY 1 ORDER BY 1") == [
        (1, 2 * SEEN + 1),
        (2, 1),
    ]
    assert service.rows("SELECT count(*) FROM brief_rows") == [(2 * (SEEN + 1),)]


@pytest.mark.parametrize(("workflow", "at", "scheduled"), [(jobs.BRIEF, "", ["first"]), (jobs.BESIDE, "b", TOGETHER)])
async def test_the_next_attempt_of_a_brief_step_waits_as_long_as_after_any_other(service, workflow, at, scheduled):
    for _ in range(SEEN):
        await run(service, workflow)
    handle = await service.client.start(workflow, {"test": uuid4().hex, "at": at, "unsteady": 0.25})
    result = await handle.result()
    history = await handle.handle.fetch_history()
    assert (result.status, ids(history)) == (WorkflowStatus.COMPLETED, scheduled)
    assert result.outputs[at or "first"]["attempt"] == 2
    assert service.rows("SELECT attempt FROM core_executions WHERE attempt > 1") == [(2,)]
    # The activity has not run at once: its first failure is the one of the attempt before it.
    begun = [event.activity_task_started_event_attributes for event in history.events if event.event_type == STARTED]
    [waited] = [one.last_failure for one in begun if one.attempt > 1]
    assert waited.message == "not yet (attempt 1 of 3)"
    assert waited.application_failure_info.next_retry_delay.ToTimedelta().total_seconds() == 0.25


async def test_brief_steps_beside_each_other_go_together_and_each_is_done_once(service):
    for _ in range(SEEN):
        assert sorted((await run(service, jobs.BESIDE))[1]) == ["a", "b", "c", "d", "last"]
    result, scheduled = await run(service, jobs.BESIDE, takes=0)
    assert (result.status, scheduled) == (WorkflowStatus.COMPLETED, ["a+b+c+d"])
    result, scheduled = await run(service, jobs.BESIDE, at="b", exits=True)
    # What was done before it stands; it goes on by itself, and so do those that had not begun.
    assert (result.status, scheduled) == (WorkflowStatus.COMPLETED, ["a+b+c+d", "b", "c", "d"])
    assert service.rows("SELECT step FROM core_executions WHERE attempt = 2") == [("b",)]
    assert service.rows("SELECT count(*) FROM core_executions") == [(5 * (SEEN + 2),)]
    assert service.rows("SELECT count(*) FROM brief_rows") == [(5 * (SEEN + 2),)]
    stages = service.rows("SELECT count(*) FROM core_manifest WHERE stage LIKE 'STEP_%'")
    assert stages == [(6 * (SEEN + 2),)]


async def test_a_brief_step_that_fails_stops_those_beside_it(service):
    for _ in range(SEEN):
        await run(service, jobs.BESIDE)
    result, _ = await run(service, jobs.BESIDE, at="b", fails=True)
    assert (result.status, result.error_category) == (WorkflowStatus.FAILED, "DATA_QUALITY")
    assert "it fails" in result.error
    assert result.completed_steps == ["a"]
    assert service.rows("SELECT count(*) FROM brief_rows") == [(5 * SEEN + 1,)]


async def test_a_run_that_is_cancelled_stops_its_brief_steps_and_keeps_what_they_have_done(service, monkeypatch):
    monkeypatch.setattr("spine_temporal.runtime.pipeline_activity.LONGEST", 60)
    for _ in range(SEEN):
        await run(service, jobs.BESIDE)
    handle = await service.client.start(jobs.BESIDE, {"test": uuid4().hex, "at": "c", "takes": 60})
    async with asyncio.timeout(30):
        while service.rows(DONE) < [(5 * SEEN + 2,)]:  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.05)
    await handle.cancel()
    result = await asyncio.wait_for(handle.result(), 40)
    assert result.status is WorkflowStatus.CANCELLED
    assert service.rows("SELECT count(*) FROM brief_rows") == [(5 * SEEN + 2,)]
    assert service.rows("SELECT count(run_id) FROM core_partitions") == [(0,)]


async def test_brief_steps_give_no_more_in_one_workflow_task_than_temporal_takes_at_once(service, monkeypatch):
    monkeypatch.setattr("spine_temporal.runtime.brief_steps.BriefSteps.knows", lambda *_: True)
    result, scheduled = await asyncio.wait_for(run(service, jobs.BULKY, bulky=True), 60)
    assert result.status is WorkflowStatus.COMPLETED
    assert scheduled == [f"bulky{number}" for number in range(5, 18)]
