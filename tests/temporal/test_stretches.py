"""Steps one behind another that take moments go together, with the gates between them; each is what it was alone."""

import asyncio
import json
from uuid import uuid4

import pytest
from sqlalchemy import text
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError

from ops.benchmarks import job
from spine_temporal import SpineClient, StepStatus, WorkflowStatus
from spine_temporal.replaying.histories import History
from spine_temporal.replaying.replay import replay_all
from spine_temporal.runtime import brief_steps
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.stretches import Stretches
from tests.temporal import brief_jobs as jobs
from tests.temporal.test_brief import ids
from tests.temporal.test_failures import details
from tests.temporal.test_held_gates import held
from tests.temporal.test_lineage import _reset

ROWS = "SELECT place, count(*) FROM brief_rows WHERE test = '{}' GROUP BY 1 ORDER BY 1"
BEGUN_WITH = "spine.begin"


@pytest.fixture
async def service(serve, database, monkeypatch):
    # Every step is known to be brief.
    monkeypatch.setattr("spine_temporal.runtime.brief_steps.BriefSteps.knows", lambda *_: True)
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE brief_rows (test text, place text)"))
    async with serve(*jobs.ALL) as running:
        yield running


class Ran:
    """A run that has ended, and what its history and its rows say."""

    def __init__(self, service, test, result, history):
        self.service, self.test, self.result, self.history = service, test, result, history

    @property
    def activities(self):
        """The ids of activities."""
        return ids(self.history)

    @property
    def local(self):
        """The types of local activities."""
        markers = [
            event.marker_recorded_event_attributes.details["data"].payloads[0].data
            for event in self.history.events
            if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
        ]
        return [json.loads(data)["activity_type"] for data in markers]

    @property
    def rows(self):
        """The rows that it has left, by the place that has written them."""
        return dict(self.service.rows(ROWS.format(self.test)))

    @property
    def recorded(self):
        """The result that its row has."""
        [[result]] = self.service.rows(f"SELECT result FROM core_runs WHERE run_id = '{self.result.run_id}'")
        return result


async def ended(service, handle, workflow, test):
    result = await asyncio.wait_for(handle.result(), 60)
    history = await handle.handle.fetch_history()
    [replayed] = await replay_all([History(name="stretch", events=history)], definitions_of([workflow]))
    assert not replayed.failed, str(replayed.divergence)
    return Ran(service, test, result, history)


async def run(service, workflow=jobs.BRIEF, options=None, **params):
    test = uuid4().hex
    handle = await service.client.start(workflow, {"test": test, **params}, **(options or {}))
    return await ended(service, handle, workflow, test)


async def test_a_run_of_brief_steps_and_gates_is_one_local_activity_and_says_what_it_would_say_otherwise(service):
    ran = await run(service)
    assert (ran.result.status, ran.activities, ran.local) == (WorkflowStatus.COMPLETED, [], [BEGUN_WITH])
    assert len(ran.history.events) == 7
    assert ran.rows == {"": 1, "last": 1}
    assert ran.result.model_dump(mode="json") == ran.recorded
    ended = [step.completed_at for step in ran.result.step_executions]
    assert ended == sorted(ended)
    stages = service.rows("SELECT stage FROM core_manifest ORDER BY stage_rank")
    assert [stage for [stage] in stages] == ["STARTED", "STEP_FIRST", "STEP_FEW", "STEP_LAST", "COMPLETED"]


async def test_the_five_step_job_is_one_local_activity_in_seven_events(serve, monkeypatch):
    monkeypatch.setattr("spine_temporal.runtime.brief_steps.BriefSteps.knows", lambda *_: True)
    async with serve(job.JOB) as service:
        handle = await service.client.start(job.JOB, {"number": 1, "rows": job.ROWS})
        ran = await ended(service, handle, job.JOB, "1")
    assert (ran.result.status, ran.local, ran.activities) == (WorkflowStatus.COMPLETED, [BEGUN_WITH], [])
    assert len(ran.history.events) == 7
    assert sum(event.ByteSize() for event in ran.history.events) < 6000


async def test_it_is_so_from_the_run_on_that_finds_its_steps_to_have_been_brief(serve, monkeypatch):
    monkeypatch.setattr(brief_steps, "BRIEF", 30)  # however busy the machine is
    async with serve(job.JOB) as service:
        for number in range(brief_steps.SEEN + 1):
            handle = await service.client.start(job.JOB, {"number": number, "rows": job.ROWS})
            ran = await ended(service, handle, job.JOB, str(number))
            assert ran.activities == ([] if number == brief_steps.SEEN else ["ingest", "normalize", "aggregate"])
    assert (ran.local, len(ran.history.events)) == ([BEGUN_WITH], 7)


async def test_a_gate_that_fails_in_a_stretch_fails_as_any(service):
    ran = await run(service, most=0)
    assert (ran.result.status, ran.result.error_step) == (WorkflowStatus.FAILED, "few")
    assert (ran.rows, ran.result.completed_steps, ran.result.failed_steps) == ({"": 1}, ["first"], ["few"])
    assert ran.activities == []
    assert service.rows("SELECT step, status FROM core_executions") == [("first", "COMPLETED")]


async def test_a_gate_that_is_held_in_a_stretch_lets_the_run_go_on_when_it_is_waived(service):
    test = uuid4().hex
    handle = await service.client.start(jobs.BRIEF, {"test": test, "most": 0}, on_gate_failure="hold")
    async with asyncio.timeout(30):
        while not await is_held(handle):  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.1)
    await handle.decide("waive", "few", by="me", reason="known")
    ran = await ended(service, handle, jobs.BRIEF, test)
    assert ran.result.status is WorkflowStatus.COMPLETED
    assert ran.rows == {"": 1, "last": 1}


@pytest.mark.parametrize("at", ["", "last"])
async def test_a_step_of_a_stretch_that_must_be_tried_again_is_as_an_activity(service, at):
    ran = await run(service, at=at, unsteady=0.25)
    assert (ran.result.status, ran.activities[:1]) == (WorkflowStatus.COMPLETED, [at or "first"])
    assert ran.result.outputs[at or "first"]["attempt"] == 2
    assert ran.rows == {"": 1, "last": 1}


@pytest.mark.parametrize(("at", "rows"), [("", {}), ("last", {"": 1})])
async def test_a_step_of_a_stretch_that_fails_ends_the_run_and_what_came_before_it_stands(service, at, rows):
    ran = await run(service, at=at, fails=True)
    assert (ran.result.status, ran.result.error_step) == (WorkflowStatus.FAILED, at or "first")
    assert (ran.result.error_category, ran.rows) == ("DATA_QUALITY", rows)
    [(status,)] = service.rows("SELECT status FROM core_executions WHERE status <> 'COMPLETED'")
    assert status == "FAILED"
    stages = [stage for [stage] in service.rows("SELECT stage FROM core_manifest ORDER BY stage_rank")]
    assert stages == ["STARTED", *(["STEP_FIRST", "STEP_FEW"] if rows else []), "FAILED"]


async def test_a_step_that_ends_its_process_in_a_stretch_is_tried_again_alone(service):
    ran = await run(service, at="last", exits=True)
    assert (ran.result.status, ran.activities) == (WorkflowStatus.COMPLETED, ["last"])
    assert ran.rows == {"": 1, "last": 1}


async def test_a_run_that_is_cancelled_in_a_stretch_keeps_what_was_done(service, monkeypatch):
    monkeypatch.setattr("spine_temporal.runtime.pipeline_activity.LONGEST", 60)
    monkeypatch.setattr("spine_temporal.runtime.stretches.Stretches.ahead", as_it_begins)
    test = uuid4().hex
    handle = await service.client.start(jobs.BRIEF, {"test": test, "at": "last", "takes": 60})
    async with asyncio.timeout(30):
        while service.rows("SELECT count(*) FROM core_executions WHERE status = 'COMPLETED'") < [(1,)]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await handle.cancel()
    ran = await ended(service, handle, jobs.BRIEF, test)
    assert ran.result.status is WorkflowStatus.CANCELLED
    steps = {step["step_name"]: step["status"] for step in ran.recorded["step_executions"]}
    # The gate had let it pass to the last step, which took nothing along.
    assert (ran.rows, steps) == ({"": 1}, {"first": "COMPLETED", "few": "CANCELLED", "last": "CANCELLED"})
    assert service.rows("SELECT count(run_id) FROM core_partitions") == [(0,)]
    # Nor does who asks once it has ended hear that one runs.
    assert {step.step_name: step.status for step in (await handle.progress()).step_executions} == steps


async def test_a_run_that_is_cancelled_before_it_begins_does_nothing_along_with_its_beginning(
    serve, temporal, database, monkeypatch
):
    monkeypatch.setattr("spine_temporal.runtime.brief_steps.BriefSteps.knows", lambda *_: True)
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE brief_rows (test text, place text)"))
    queue, test = f"test-{uuid4().hex[:8]}", uuid4().hex
    handle = await SpineClient(temporal, task_queue=queue).start(jobs.BRIEF, {"test": test})
    await handle.cancel()
    async with serve(*jobs.ALL, task_queue=queue) as service:
        ran = await ended(service, handle, jobs.BRIEF, test)
    assert (ran.result.status, ran.rows) == (WorkflowStatus.CANCELLED, {})
    assert service.rows("SELECT count(run_id) FROM core_partitions") == [(0,)]


@pytest.mark.parametrize("which", [0, 1])
async def test_a_run_that_is_reset_before_or_behind_a_stretch_goes_on(service, which):
    test = uuid4().hex
    handle = await service.client.start(jobs.LATER, {"test": test})
    async with asyncio.timeout(30):
        while not await is_held(handle) or await tasks(handle) <= which:  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.1)
    reset = await _reset(service, handle.workflow_id, which)
    await held(reset, "held")
    await reset.decide("waive", "held", by="me", reason="known")
    ran = await ended(service, reset, jobs.LATER, test)
    assert ran.result.status is WorkflowStatus.COMPLETED
    assert ("spine.stretch" in ran.local) is (which > 0)
    assert ran.rows == {"": 1, "second": 1, "last": 1}


@pytest.mark.parametrize(("workflow", "at"), [(jobs.BRIEF, "last"), (jobs.LATER, "second")])
async def test_a_run_that_loses_its_partition_in_a_stretch_shows_what_it_had_done(service, workflow, at):
    handle = await service.client.start(workflow, {"test": uuid4().hex, "at": at, "loses": True})
    with pytest.raises(WorkflowFailureError) as failure:
        await asyncio.wait_for(handle.handle.result(), 30)
    assert failure.value.cause.type == "CLAIM_LOST"
    progress = await handle.progress()
    assert "first" in progress.completed_steps
    assert progress.failed_steps == [at]
    assert service.rows("SELECT step FROM core_executions") == [("first",)]


async def test_a_step_of_a_stretch_whose_thread_hangs_does_not_hold_the_run_up(service, monkeypatch):
    monkeypatch.setattr("spine_temporal.runtime.attempt_threads._LAST_WORDS", 0.5)
    test = uuid4().hex
    handle = await service.client.start(jobs.THREADS, {"test": test, "at": "second", "takes": 90})
    ran = await ended(service, handle, jobs.THREADS, test)
    assert (ran.result.status, ran.activities) == (WorkflowStatus.COMPLETED, ["second"])
    assert ran.result.outputs["second"]["attempt"] == 2
    assert ran.rows == {"": 1, "second": 1, "last": 1}


async def test_a_run_whose_answer_is_lost_after_all_of_it_was_done_is_shown_as_it_ended(service, monkeypatch):
    lost = []

    async def answers(stretches, request, begun):
        answer = await ahead(stretches, request, begun)
        if not lost:
            lost.append(answer)
            raise RuntimeError("the answer is lost")
        return answer

    ahead = Stretches.ahead
    monkeypatch.setattr(Stretches, "ahead", answers)
    test = uuid4().hex
    handle = await service.client.start(jobs.BRIEF, {"test": test})
    ran = await ended(service, handle, jobs.BRIEF, test)
    assert (ran.result.status, ran.result.reused, ran.rows) == (WorkflowStatus.COMPLETED, False, {"": 1, "last": 1})
    assert ran.result.model_dump(mode="json") == ran.recorded
    shown = await details(handle)
    assert shown.startswith("**COMPLETED** after ")
    assert [line.split("|")[1].strip() for line in shown.splitlines() if "COMPLETED\u2003" in line] == [
        "first", "few", "last",
    ]  # fmt: skip


async def tasks(handle):
    """Return how many workflow tasks its history has."""
    history = await handle.handle.fetch_history()
    return [event.event_type for event in history.events].count(EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)


async def is_held(handle):
    progress = await handle.progress()
    return progress is not None and any(step.status is StepStatus.HELD for step in progress.step_executions)


async def as_it_begins(_self, _request, begun):
    """Do nothing along with the beginning, which nobody can cancel."""
    return begun
