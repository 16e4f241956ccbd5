"""A failure of the user's code says where it arose; its traceback is kept where `why` finds it, and nowhere else."""

import asyncio
import logging
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowFailureError

from spine_temporal import ParamsError, WorkflowStatus
from spine_temporal.client.run_handle import RunHandle
from spine_temporal.client.tracebacks import step_failures
from spine_temporal.recording.database_errors import DatabaseAwayError
from spine_temporal.runtime import run_activities
from spine_temporal.testing.in_process import run_in_process
from tests.temporal import failing
from tests.temporal.test_held_gates import held

FAILED = EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED
SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
LINES = Path(failing.__file__).read_text().splitlines()

#: Workflow, the line in which it fails, the function, the failed step, and what comes before the place.
CODE = {
    "gate": (failing.GATE, "# a gate", "reads", "check", "KeyError: 'nope'"),
    "choice": (failing.CHOICE, '{}["choice"]', "<lambda>", "route", "KeyError: 'choice'"),
    "params": (failing.PARAMS, 'ctx.params["params"]', "<lambda>", "work", "KeyError: 'params'"),
    "items": (failing.ITEMS, 'ctx.params["items"]', "<lambda>", "fan", "KeyError: 'items'"),
    "partition": (failing.PARTITION, 'ctx.params["partition"]', "<lambda>", "wait", "KeyError: 'partition'"),
}


def place(text, function):
    [number] = [number for number, line in enumerate(LINES, 1) if text in line]
    return f"tests/temporal/failing.py:{number} in {function}"


@pytest.fixture
async def service(serve):
    async with serve(*failing.ALL) as running:
        yield running


async def failed(service, workflow, **params):
    handle = await service.client.start(workflow, {"test": uuid4().hex, **params})
    return handle, await handle.result()


@pytest.mark.parametrize("kind", CODE)
async def test_what_code_in_a_workflow_raises_has_a_place_the_same_in_both_drivers(service, kind):
    workflow, line, function, step, told = CODE[kind]
    handle, durable = await failed(service, workflow)
    local = run_in_process(workflow, {"test": "local"}, {"failing.work": {"row_count": 10}})
    for result in (durable, local):
        assert (result.error_step, result.error_category) == (step, "INTERNAL")
        assert result.error == f"{told} ({place(line, function)})"
        [traceback] = [execution.traceback for execution in result.step_executions if execution.traceback]
        assert traceback.splitlines()[0] == "Traceback (most recent call last):"
        assert traceback.splitlines()[-1] == told
        assert traceback.count("  File ") == 1
        assert 'File "tests/temporal/failing.py", line' in traceback
    [kept] = service.rows("SELECT result->'step_executions' FROM core_runs")[0]
    assert [execution["traceback"] for execution in kept if execution.get("traceback")] == [traceback]
    [failure] = await step_failures(handle, service.database)
    assert (failure.step, failure.error, failure.traceback) == (step, durable.error, traceback)


async def test_a_pipelines_failure_names_the_users_innermost_line_and_the_ledger_keeps_the_users_frames(service):
    handle, result = await failed(service, failing.PIPELINE, does="parse")
    where = place("# in the standard library", "parsed")
    message = (
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    )
    assert result.error == f"{message} ({where})"
    assert [step.traceback for step in result.step_executions] == [None]
    [(error, traceback)] = service.rows("SELECT error, traceback FROM core_executions")
    assert error == result.error
    assert [line.strip() for line in traceback.splitlines() if "File" in line] == [
        f'File "tests/temporal/failing.py", line {place("return parsed", "run").partition(":")[2].split()[0]}, in run',
        f'File "tests/temporal/failing.py", line {where.partition(":")[2].split()[0]}, in parsed',
    ]
    [failure] = await step_failures(handle, service.database)
    assert (failure.step, failure.attempt, failure.traceback) == ("work", 2, traceback)


async def test_in_process_a_pipeline_tells_the_same_and_its_result_has_the_traceback():
    result = run_in_process(failing.PIPELINE, {"does": "parse"}, {"failing.work": lambda params: failing.parsed("{")})
    assert result.error.endswith(f"({place('# in the standard library', 'parsed')})")
    assert "in parsed" in result.step_executions[0].traceback
    assert "json/" not in result.step_executions[0].traceback


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("sql", f"SQLSTATE 22012: division by zero ({place('SELECT 1/0', 'run')})"),
        ("heartbeat", f"({place('self.heartbeat', 'run')})"),
        ("exit", f"SystemExit: 3 ({place('SystemExit(3)', 'run')})"),
    ],
)
async def test_what_libraries_raise_in_a_pipeline_has_the_place_of_the_users_call(service, does, message):
    _, result = await failed(service, failing.PIPELINE, does=does)
    assert result.error.endswith(message)
    [(traceback,)] = service.rows("SELECT traceback FROM core_executions")
    files = {line.split('"')[1] for line in traceback.splitlines() if line.strip().startswith("File")}
    assert files == {"tests/temporal/failing.py"}


async def test_what_a_pipeline_raises_on_purpose_stays_as_it_was_written_and_has_a_traceback(service):
    handle, result = await failed(service, failing.PIPELINE, does="refuse")
    assert result.error == "TRUNCATED: the file is cut off"
    [failure] = await step_failures(handle, service.database)
    assert 'raise SpineError("the file is cut off"' in failure.traceback


async def test_what_the_context_refuses_has_the_place_of_the_gates_call(service):
    _, result = await failed(service, failing.TYPED)
    assert result.error.endswith(f"Field required ({place('# through the library', 'typed')})")
    assert result.error_category == "DATA_QUALITY"


async def test_a_validator_that_fails_has_a_place_and_one_that_refuses_needs_none(service):
    with pytest.raises(ParamsError) as error:
        await service.client.start(failing.PIPELINE, {"day": "Someday"})
    assert str(error.value) == f"params of 'failing.pipeline': KeyError: 'Someday' ({place('# a validator', '_known')})"
    handle = await service.client.client.start_workflow(
        "failing.pipeline", {"day": "Someday"}, id=uuid4().hex, task_queue=service.client.task_queue
    )
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert failure.value.cause.message == str(error.value)
    with pytest.raises(ParamsError, match=r"param 'day' is wrong: nothing is traded on it \(given: 'Sunday'\)$"):
        await service.client.start(failing.PIPELINE, {"day": "Sunday"})


async def test_the_log_names_workflow_run_step_and_attempt_once_with_the_users_frames(service, caplog):
    caplog.set_level(logging.INFO)
    _, pipeline = await failed(service, failing.PIPELINE, does="parse")
    _, gate = await failed(service, failing.GATE)
    where = place("# in the standard library", "parsed")
    for attempt in (1, 2):
        head = f"workflow failing.pipeline, run {pipeline.run_id}, step work (failing.work), attempt {attempt} of 2: "
        [told] = [record.getMessage() for record in caplog.records if record.getMessage().startswith(head)]
        assert f"({where})\nTraceback" in told
    head = f"workflow failing.gate, run {gate.run_id}, step check: INTERNAL KeyError: 'nope'"
    [told] = [record.getMessage() for record in caplog.records if record.getMessage().startswith(head)]
    assert told.endswith("\nKeyError: 'nope'")
    assert "site-packages" not in caplog.text
    assert "spine_temporal/" not in caplog.text


async def failures(handle):
    """Return every failure of a history, with its causes."""
    found = []
    async for event in handle.handle.fetch_history_events():
        for kind in ("activity_task_failed", "workflow_execution_failed", "marker_recorded"):
            attributes = getattr(event, f"{kind}_event_attributes")
            failure = attributes.failure
            while failure.message:
                found.append(failure)
                failure = failure.cause
    return found


@pytest.mark.parametrize("workflow", [failing.PIPELINE, failing.GATE, failing.BESIDE])
async def test_failures_in_temporal_have_message_and_category_and_no_stack_trace(service, workflow):
    does = {"does": "parse"} if workflow is failing.PIPELINE else {}
    handle, result = await failed(service, workflow, **does)
    found = await failures(handle)
    assert len(found) >= 2
    for failure in found:
        assert result.error.removeprefix("check: ") in failure.message
        assert failure.application_failure_info.type == "INTERNAL"
        assert failure.stack_trace == ""


async def test_a_long_failure_is_told_at_each_attempt_and_its_secret_is_not(service):
    _, result = await failed(service, failing.PIPELINE, does="chain")
    assert result.error.startswith("RuntimeError: password=*** éé")
    assert result.error.endswith(f"({place('raise RuntimeError', 'run')})")
    [(traceback,)] = service.rows("SELECT traceback FROM core_executions")
    assert "hunter2" not in traceback
    assert "password=***" in traceback
    assert "direct cause of the following exception" in traceback
    assert len(traceback) <= 8000


async def test_an_attempt_that_is_tried_again_says_which_it_was_and_is_not_replaced_for_its_size(serve):
    async with serve(failing.SLOW) as service:
        handle = await service.client.start(failing.SLOW, {"test": uuid4().hex, "does": "chain"})
        pending = []
        for _ in range(200):
            pending = (await handle.handle.describe()).raw_description.pending_activities
            if pending and pending[0].last_failure.message:
                break
            await asyncio.sleep(0.05)
        message = pending[0].last_failure.message
        assert message.startswith("RuntimeError: password=*** éé")
        assert message.endswith("(attempt 1 of 2)")
        [failure] = await step_failures(handle, service.database)
        assert (failure.step, failure.attempt) == ("work", 1)
        assert "RuntimeError: password=***" in failure.traceback
        await handle.handle.terminate("seen")


@pytest.mark.parametrize(("does", "told"), [("parse", "attempt 2 of 2"), ("refuse", "attempt 1 of 2, not tried again")])
async def test_the_last_attempt_says_so_in_temporal_and_not_in_the_result(service, does, told):
    handle, result = await failed(service, failing.PIPELINE, does=does)
    messages = [failure.message for failure in await failures(handle)]
    assert f"{result.error} ({told})" in messages
    assert "attempt" not in result.error


async def activities(handle):
    """Return type, summary and failure type of the activities of a run, by event id of their beginning."""
    history = await handle.handle.fetch_history()
    found = {}
    for event in history.events:
        if event.event_type == SCHEDULED:
            kind = event.activity_task_scheduled_event_attributes.activity_type.name
            found[event.event_id] = [kind, event.user_metadata.summary.data.decode().strip('"'), None]
        if event.event_type == FAILED:
            attributes = event.activity_task_failed_event_attributes
            found[attributes.scheduled_event_id][2] = attributes.failure.application_failure_info.type
    return [tuple(each) for each in found.values()]


async def test_a_failed_gate_is_a_failed_activity_with_its_category_and_the_run_goes_on_as_it_says(service):
    handle, result = await failed(service, failing.FEW)
    assert result.status is WorkflowStatus.PARTIAL
    assert await activities(handle) == [
        ("failing.work", "work, up to 2 attempts", None),
        ("failing.work", "after, not run; gate check: FAILED QUALITY_GATE 10 rows are too few", "QUALITY_GATE"),
        ("failing.work", "after, up to 3 attempts", None),
    ]


async def test_a_failed_gate_beside_others_is_itself_the_failed_activity(service):
    handle, _ = await failed(service, failing.BESIDE)
    told = f"gate check: FAILED INTERNAL KeyError: 'nope' ({place('# a gate', 'reads')})"
    assert ("spine.verdict", told, "INTERNAL") in await activities(handle)
    assert "spine.step" not in {kind for kind, _, _ in await activities(handle)}


async def test_a_held_gate_is_a_failed_activity_until_a_person_decides(service):
    handle = await service.client.start(failing.HELD, {"test": uuid4().hex})
    await held(handle)
    shown = []
    for _ in range(300):
        shown = await activities(handle)
        if shown[-1][-1] == "HELD":
            break
        await asyncio.sleep(0.05)
    assert shown == [
        ("failing.work", "work, up to 2 attempts", None),
        ("failing.work", "after, not run; gate check: FAILED QUALITY_GATE 10 rows are too few", "QUALITY_GATE"),
        ("spine.hold", "check: HELD QUALITY_GATE 10 rows are too few", "HELD"),
    ]
    await handle.decide("waive", "check", by="ann", reason="a short week")
    result = await handle.result()
    assert result.status is WorkflowStatus.COMPLETED
    assert ("spine.decide", "check: waived by ann: a short week", None) in await activities(handle)


@pytest.mark.parametrize(
    ("workflow", "shown"), [(failing.LARGE, "spine.step"), (failing.LARGE_BESIDE, "spine.verdict")]
)
async def test_a_gate_that_fails_with_a_large_output_fails_as_any_other(service, workflow, shown):
    handle, result = await failed(service, workflow)
    assert (result.error_step, result.error, result.error_category) == ("check", "10 rows are too few", "QUALITY_GATE")
    assert (shown, "gate check: FAILED QUALITY_GATE 10 rows are too few", "QUALITY_GATE") in await activities(handle)


async def details(handle):
    metadata = await handle.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return metadata.current_details


async def test_an_ended_run_says_how_it_ended_also_where_its_end_had_to_wait_for_postgres(service, monkeypatch):
    tried = []

    def away(*arguments, **options):
        tried.append(1)
        if len(tried) <= 3:
            raise DatabaseAwayError("no connection")
        return begin_end(*arguments, **options)

    begin_end = run_activities.begin_end
    monkeypatch.setattr(run_activities, "begin_end", away)
    handle, result = await failed(service, failing.GATE)
    assert len(tried) == 4
    told = await details(handle)
    assert told.startswith(f"**FAILED at check (INTERNAL)** after {result.duration_seconds:.2f} s\n\n`check` failed")
    assert "Waits" not in told


async def test_a_run_that_cannot_begin_or_has_nothing_to_do_says_so(service):
    params = {"test": uuid4().hex}
    first = await service.client.start(failing.PIPELINE, params)
    run_id = (await first.result()).run_id
    second = await service.client.start(failing.PIPELINE, params)
    await second.result()
    assert f"Already completed by run `{run_id}` at" in await details(second)
    refused = await service.client.client.start_workflow(
        "failing.pipeline", {"daz": 1}, id=uuid4().hex, task_queue=service.client.task_queue
    )
    with pytest.raises(WorkflowFailureError):
        await refused.result()
    told = await details(RunHandle(workflow_id=refused.id, handle=refused, client=service.client.client))
    assert told.startswith("**FAILED before its first step** (CONFIGURATION)\n\nunknown param 'daz'")
