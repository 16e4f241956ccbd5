"""A gate that fails can wait for a person: by update, on the record, over restarts, until a deadline."""

import asyncio
from uuid import uuid4

import pytest
import temporalio.api.common.v1
from sqlalchemy import text
from temporalio.client import WorkflowUpdateFailedError
from temporalio.common import RawValue

from spine_temporal import ParamsError, SpineClient, WorkflowStatus
from spine_temporal.client.why import reasons
from spine_temporal.definition.run_result import Decision
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.worker import running_worker
from spine_temporal.testing.in_process import run_in_process
from spine_temporal.translation.messages import HOLD
from tests.temporal import vocabulary as jobs
from tests.temporal.test_vocabulary import replays

#: A worker takes a moment for each workflow that it is given.
HOLDING = (jobs.HELD, jobs.STRICT, jobs.DEADLINE, jobs.HELD_BESIDE, jobs.SUB_THEN_CHECK, jobs.ONE)


@pytest.fixture
async def service(serve, database):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE mended (test text)"))
    async with serve(*HOLDING) as running:
        yield running


async def held(handle, step="check"):
    """Come back when the gate is held, and that is recorded, which comes a moment later."""
    for _ in range(300):
        progress = await handle.progress()
        steps = getattr(progress, "step_executions", [])
        is_held = any(one.step_name == step and one.status == "HELD" for one in steps)
        if is_held and HOLD not in await pending(handle):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(progress)


async def pending(handle):
    """Return the kinds of the run's pending activities."""
    description = await handle.handle.describe()
    return {one.activity_type.name for one in description.raw_description.pending_activities}


async def start(service, workflow, **options):
    handle = await service.client.start(workflow, {"test": uuid4().hex}, **options)
    await held(handle)
    return handle


async def anomalies(service, handle):
    for _ in range(100):
        rows = service.rows(
            "SELECT category, resolved_by, resolution FROM core_anomalies WHERE metadata ->> 'workflow_id' = :id "
            "ORDER BY detected_at",
            id=handle.workflow_id,
        )
        if rows:
            return rows
        await asyncio.sleep(0.05)
    return []


async def only_reason(service, handle):
    """Return the reason once there is one alone."""
    found = []
    for _ in range(100):
        found = await reasons(service.client.client, handle)
        if len(found) == 1:
            break
        await asyncio.sleep(0.05)
    [reason] = found
    return reason


async def test_a_waived_gate_lets_the_run_go_on_and_is_found_everywhere(service):
    handle = await start(service, jobs.HELD)
    assert await anomalies(service, handle) == [("GATE_HELD", None, None)]
    reason = await only_reason(service, handle)  # the row is there before Temporal knows that it was written
    assert reason.kind == "held"
    assert "QUALITY_GATE: 1 rows are too few" in reason.text
    description = await handle.handle.describe()
    assert list(description.raw_description.pending_activities) == []
    assert await handle.decide("waive", "check", by="ann", reason="a short week") == (
        "check waived by ann: a short week"
    )
    result = await asyncio.wait_for(handle.result(), 30)
    assert (result.status, result.completed_steps) == ("COMPLETED", ["ingest", "check", "after"])
    assert await anomalies(service, handle) == [("GATE_HELD", "ann", "waived by ann: a short week")]
    [reason] = await reasons(service.client.client, handle)
    assert reason.text == "it has ended as COMPLETED; check waived by ann: a short week"
    await replays(handle)


async def test_a_gate_is_asked_again_from_an_earlier_step(service):
    handle = await start(service, jobs.HELD)
    await handle.decide("retry", None, by="ann", reason="the source was mended", start_from="ingest")
    result = await asyncio.wait_for(handle.result(), 30)
    assert result.status is WorkflowStatus.COMPLETED
    assert result.outputs["ingest"]["row_count"] == 2  # the pipeline ran again, in an execution of its own
    assert service.rows("SELECT count(*) FROM core_executions WHERE step = 'ingest'") == [(2,)]
    await replays(handle)


async def test_a_gate_that_fails_again_is_held_again(service):
    handle = await start(service, jobs.HELD)
    await handle.decide("retry", "check", by="ann", reason="look again")
    for _ in range(200):
        if len(await anomalies(service, handle)) == 2:
            break
        await asyncio.sleep(0.05)
    await held(handle)
    assert [row[1] for row in await anomalies(service, handle)] == ["ann", None]
    await handle.decide("abort", "check", by="bob", reason="a wrong file")
    result = await asyncio.wait_for(handle.result(), 30)
    assert (result.status, result.error_step, result.error_category) == ("FAILED", "check", "QUALITY_GATE")
    assert result.error == "1 rows are too few (aborted by bob: a wrong file)"
    await replays(handle)


async def test_any_gate_is_held_where_the_start_asks_for_it(service):
    handle = await start(service, jobs.STRICT, on_gate_failure="hold")
    await handle.decide("waive", "check", by="ann", reason="known")
    assert (await asyncio.wait_for(handle.result(), 30)).status is WorkflowStatus.COMPLETED
    assert (await service.execute(jobs.STRICT)).error_step == "check"


async def test_a_deadline_decides(service):
    handle = await service.client.start(jobs.DEADLINE, {"test": uuid4().hex})
    result = await asyncio.wait_for(handle.result(), 30)
    assert result.error == "no (aborted by deadline: nobody decided within 1 s)"
    assert ("GATE_HELD", "deadline", "aborted by deadline: nobody decided within 1 s") in await anomalies(
        service, handle
    )


async def test_a_gate_is_held_beside_others_that_go_on(service):
    handle = await start(service, jobs.HELD_BESIDE)
    await handle.decide("waive", "check", by="ann", reason="known")
    result = await asyncio.wait_for(handle.result(), 30)
    assert sorted(result.completed_steps) == ["after", "both", "check", "work"]
    await replays(handle)


@pytest.mark.parametrize(
    ("action", "given", "says"),
    [
        ("waive", {"step": "ingest", "by": "ann", "reason": "x"}, "step 'ingest' is not held; held: check"),
        ("waive", {"step": "check", "reason": "x"}, "by: Field required"),
        ("waive", {"step": "check", "by": "ann", "reason": ""}, "reason: String should have at least 1 character"),
        ("waive", {"step": "check", "by": "ann", "reason": "x", "from": "ingest"}, "'from' goes with retry"),
        ("retry", {"step": "check", "by": "ann", "reason": "x", "from": "after"}, "is no step that ran before 'check'"),
        ("abort", "check", 'give {"step": "NAME"'),
        ("abort", None, "the argument"),
    ],
)
async def test_a_decision_that_does_not_fit_is_refused_and_changes_nothing(service, action, given, says):
    handle = await start(service, jobs.HELD)
    with pytest.raises(WorkflowUpdateFailedError) as error:
        await handle.handle.execute_update(action, given)
    assert says in error.value.cause.message
    assert (await handle.progress()).status is WorkflowStatus.RUNNING
    await handle.cancel()


async def test_a_run_that_is_not_held_or_not_running_takes_no_decision(service):
    handle = await service.client.start(jobs.ONE, {"test": uuid4().hex})
    await handle.result()
    with pytest.raises(ParamsError, match="is not running"):
        await handle.decide("waive", "work", by="ann", reason="x")


async def test_outputs_that_were_sent_back_are_not_kept_by_a_resume(service):
    handle = await service.client.start(jobs.HELD, {"test": uuid4().hex, "breaks": True})
    await held(handle)
    await handle.decide("retry", "check", by="ann", reason="mended", start_from="ingest")
    failed = await asyncio.wait_for(handle.result(), 30)
    assert (failed.error_step, failed.error) == ("ingest", "broken again")
    resumed = await service.client.resume(
        handle.workflow_id, [jobs.HELD], service.database, changes={"check.least": 1, "mended": True}, by="ann"
    )
    result = await asyncio.wait_for(resumed.result(), 30)
    assert result.step_executions[0].kept_from is None
    assert result.outputs["ingest"] == {"row_count": 2}


async def test_a_run_with_children_can_be_reset_and_resumed(service):
    handle = await service.client.start(jobs.SUB_THEN_CHECK, {"test": uuid4().hex})
    assert (await asyncio.wait_for(handle.result(), 30)).error_step == "check"
    resumed = await service.client.resume(
        handle.workflow_id, [jobs.SUB_THEN_CHECK], service.database, changes={"check.least": 1}, by="ann"
    )
    result = await asyncio.wait_for(resumed.result(), 30)
    assert (result.status, result.completed_steps) == ("COMPLETED", ["fan", "sub", "both", "ingest", "check"])
    kept = {step.step_name: bool(step.kept_from) for step in result.step_executions}
    assert kept == {"fan": True, "sub": True, "both": False, "ingest": True, "check": False}
    assert service.rows("SELECT count(*) FROM core_executions WHERE workflow = :w", w=jobs.SUB_THEN_CHECK.name) == [
        (3,)
    ]
    await replays(resumed)


async def test_a_held_gate_survives_its_worker(temporal, database):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE mended (test text)"))
    worker = {"task_queue": f"held-{uuid4().hex[:8]}", "max_activities": 5}
    client = SpineClient(temporal, task_queue=worker["task_queue"])
    definitions = definitions_of([jobs.HELD])
    async with running_worker(temporal, database, definitions, **worker):
        handle = await client.start(jobs.HELD, {"test": worker["task_queue"]})
        await held(handle)
    async with running_worker(temporal, database, definitions, **worker):
        await handle.decide("waive", "check", by="ann", reason="known")
        assert (await asyncio.wait_for(handle.result(), 30)).status is WorkflowStatus.COMPLETED


async def test_an_aborted_or_cancelled_hold_can_be_resumed(service):
    for end in ("abort", "cancel"):
        handle = await start(service, jobs.HELD)
        if end == "abort":
            await handle.decide("abort", "check", by="bob", reason="wrong")
        else:
            await handle.cancel()
        await handle.result()
        resumed = await service.client.resume(
            handle.workflow_id, [jobs.HELD], service.database, changes={"check.least": 1}, by="ann"
        )
        result = await asyncio.wait_for(resumed.result(), 30)
        assert (result.status, result.completed_steps) == ("COMPLETED", ["ingest", "check", "after"]), end
        await replays(resumed)


async def test_a_held_run_takes_each_correction_that_it_is_resumed_with(service):
    handle = await start(service, jobs.HELD)
    for least in (4, 3, 1):
        await handle.handle.terminate("to correct it")
        handle = await service.client.resume(
            handle.workflow_id, [jobs.HELD], service.database, changes={"check.least": least}, by="ann"
        )
        if least > 1:
            await asyncio.wait_for(_held_again(handle), 30)
    result = await asyncio.wait_for(handle.result(), 30)
    assert (result.status, result.completed_steps) == ("COMPLETED", ["ingest", "check", "after"])
    await replays(handle)


async def test_a_decision_that_comes_between_a_reset_and_its_taking_up_is_refused(temporal, database):
    """What is held then is held by the run that was reset, and another gate may be held when it has gone on."""
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE mended (test text)"))
    worker = {"task_queue": f"held-{uuid4().hex[:8]}", "max_activities": 5}
    client = SpineClient(temporal, task_queue=worker["task_queue"])
    definitions = definitions_of([jobs.HELD])
    async with running_worker(temporal, database, definitions, **worker):
        handle = await client.start(jobs.HELD, {"test": worker["task_queue"]})
        await held(handle)
        await handle.handle.terminate("to correct it")
    handle = await client.resume(handle.workflow_id, [jobs.HELD], database, changes={"check.least": 3}, by="ann")
    waiving = asyncio.create_task(
        handle.handle.execute_update("waive", {"step": "check", "by": "bob", "reason": "as it was"})
    )
    await asyncio.sleep(1)  # Temporal has the update, and nobody to give it to
    async with running_worker(temporal, database, definitions, **worker):
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await asyncio.wait_for(waiving, 30)
        assert "the run is being resumed" in str(refused.value.cause)
        await asyncio.wait_for(_held_again(handle), 30)
        await handle.decide("waive", "check", by="bob", reason="known")
        assert (await asyncio.wait_for(handle.result(), 30)).status is WorkflowStatus.COMPLETED
        await replays(handle)


async def _held_again(handle):
    """Come back when the run that goes on is held, and not the one that it goes on from."""
    progress = None
    while progress is None or progress.run_id != handle.handle.run_id or "HELD" not in _statuses(progress):
        await asyncio.sleep(0.1)
        progress = await handle.progress()


def _statuses(progress):
    return [step.status for step in progress.step_executions]


def test_in_process_a_person_is_a_function():
    pipelines = {"vocabulary.mended": {"row_count": 1}, "vocabulary.work": {"row_count": 1}}

    def decide(step):
        return Decision(action="waive", by="ann", reason=step)

    assert run_in_process(jobs.HELD, {"test": "x"}, pipelines, decide=decide).completed_steps == [
        "ingest",
        "check",
        "after",
    ]
    assert (
        run_in_process(jobs.HELD, {"test": "x"}, pipelines).error
        == "1 rows are too few (aborted by nobody: no decision was given)"
    )


async def test_what_a_stranger_sends_to_a_held_run_changes_nothing(service):
    handle = await start(service, jobs.HELD)
    unreadable = temporalio.api.common.v1.Payload(metadata={"encoding": b"json/plain"}, data=b"{not json")
    for name, arguments in (
        ("waive", [{"step": "check", "by": "ann", "reason": "x"}, "more"]),
        ("waive", [RawValue(unreadable)]),
        ("retry", [b"\x00\x01"]),
        ("abort", [[1, 2]]),
        ("no_such_update", []),
    ):
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.handle.execute_update(name, args=arguments)
    for arguments in ([], ["more"], [1, 2], [RawValue(unreadable)]):
        await handle.handle.signal("resume", args=arguments)
    await asyncio.sleep(0.5)
    await handle.decide("waive", "check", by="ann", reason="known")
    assert (await asyncio.wait_for(handle.result(), 30)).status is WorkflowStatus.COMPLETED
