"""What activities are asked for, and what their failures say of a step."""

import json
from datetime import UTC, datetime

import pytest
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ApplicationErrorCategory,
    CancelledError,
    ChildWorkflowError,
    RetryState,
    TimeoutType,
)
from temporalio.exceptions import TimeoutError as TemporalTimeoutError

from spine_temporal import RetryPolicy, Step, Workflow
from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.run_result import Decision, StepExecution, WorkflowResult
from spine_temporal.machine.state import Hold, State
from spine_temporal.machine.step_outcome import CONDITION, Completed
from spine_temporal.translation import failures, requests
from spine_temporal.translation.gate_messages import Verdict
from spine_temporal.translation.messages import Begun, Recorded
from spine_temporal.translation.payloads import SpinePayloadConverter, Unreadable
from spine_temporal.translation.pipeline_messages import PipelineRequest
from tests.unit.machine_builders import NOON, bad, begin, gate, outcome, pipe, planned, play

KEY = RunKey(run_id="r1", workflow="w", workflow_id="w/1", domain="d", partition={"day": "1"}, epoch=7)
ITEM = Workflow(name="item", steps=[pipe("work", on_error="RETRY", retry=RetryPolicy(max_attempts=5))])
PLAN = planned(
    pipe("load", params={"a": 1}, memory="512MB", on_error="RETRY", timeout=60, heartbeat_timeout=5),
    gate("check", on_error="HOLD"),
    Step.parallel("both", [pipe("x"), gate("y")]),
    Step.map("each", "weeks", ITEM),
    on_failure=[pipe("tell")],
)


def begun(**fields):
    return Begun(**{"plan": PLAN, "run_id": "r1", "started_at": NOON, "params": {}, "partition": {}, **fields})


def step(name):
    return PLAN.places[name].step


def asked(name="load", own=None, round_=0, **fields):
    return requests.pipeline_request(step(name), begun(**fields), KEY, own or {}, round_=round_)


@pytest.mark.parametrize(
    ("name", "rank"), [("load", 1), ("check", 2), ("both", 3), ("x", 4), ("y", 5), ("each", 6), ("tell", 7)]
)
def test_steps_have_ranks_behind_the_start_those_of_a_parallel_one_behind_it(name, rank):
    assert requests.rank_of(begun(), name) == rank


def test_a_pipeline_is_asked_for_as_its_step_says():
    told = asked(round_=2).model_dump(
        include={"step", "pipeline", "stage", "stage_rank", "on_error", "timeout", "heartbeat_timeout", "round"}
    )
    assert told == {
        "step": "load",
        "pipeline": "p",
        "stage": "STEP_LOAD",
        "stage_rank": 1,
        "on_error": "RETRY",
        "timeout": 60,
        "heartbeat_timeout": 5,
        "round": 2,
    }


@pytest.mark.parametrize(
    ("run", "own", "force", "given"),
    [
        ({"a": 0, "day": "1"}, {"a": 1}, False, {"a": 1, "day": "1"}),
        ({"day": "1"}, {}, True, {"day": "1", "force": True}),
        ({}, {"force": "mine"}, True, {"force": "mine"}),
    ],
)
def test_a_steps_own_params_win_over_the_runs(run, own, force, given):
    assert asked(own=own, params=run, force=force).params == given


def test_a_step_without_a_memory_of_its_own_asks_for_none():
    assert asked("load").memory == 512 * 2**20
    assert "memory" not in asked("x").model_fields_set


def batch(**fields):
    run = begun(params={"weeks": [1, 2], "day": "1"}, kept={"load": outcome("load")}, **fields)
    return requests.batch_of(step("each"), run, KEY, (1, 2), 3)


def test_a_map_is_asked_for_without_the_plan_and_the_items_of_its_run():
    whole = batch()
    assert (whole.begun.plan.steps, whole.begun.plan.on_failure, whole.begun.kept) == ((), (), {})
    assert (whole.begun.params, whole.items, whole.first, whole.tolerated, whole.round) == (
        {"day": "1"},
        (1, 2),
        0,
        0,
        3,
    )


def test_a_map_of_a_list_is_asked_for_without_it():
    listed = planned(Step.map("each", [1, 2, 3], ITEM)).steps[0]
    whole = requests.batch_of(listed, begun(), KEY, (1, 2, 3), 0)
    assert (whole.step.items, whole.items) == ((), (1, 2, 3))


def test_an_item_is_asked_for_under_its_place_in_the_whole_map():
    part = batch(force=True).model_copy(update={"first": 500})
    request = requests.item_request(part, 1, step("each").pipeline)
    assert (request.step, request.params, request.is_item) == (
        "each[501]",
        {"day": "1", "force": True, "item": 2},
        True,
    )
    assert (request.stage, request.on_error, request.retry.max_attempts, request.round) == ("", "RETRY", 5, 3)


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({}, {"lineage": "r1/below"}),
        ({"lineage": "r0"}, {"lineage": "r0/below"}),
        ({"force": True, "holds_gates": True}, {"force": True, "on_gate_failure": "hold", "lineage": "r1/below"}),
        ({"is_dry_run": True}, {"dry_run": True}),
    ],
)
def test_a_sub_workflow_runs_as_its_parent_does(fields, options):
    assert requests.sub_options(begun(**fields), "below") == options


def test_a_held_gate_is_recorded_with_what_it_answered():
    command = Hold(step=step("check"), outcome=outcome("check", error="too few", category="QUALITY_GATE"), round=2)
    told = requests.hold_request(KEY, command)
    assert (told.step, told.round, told.error, told.category) == ("check", 2, "too few", "QUALITY_GATE")
    plain = requests.hold_request(KEY, Hold(step=step("check"), outcome=outcome("check", error="")))
    assert (plain.error, plain.category) == ("", "INTERNAL")


def test_a_decision_takes_back_each_step_from_where_it_goes_with_its_last_round():
    state, _ = begin(PLAN)
    state = State(plan=PLAN, run=state.run, rounds={"check": 2})
    back = Decision(action="retry", by="ann", reason="why", start_from="load")
    assert requests.sent_back(state, "check", back) == {"load": 0, "check": 2}
    assert requests.sent_back(state, "check", back.model_copy(update={"start_from": None})) == {}


@pytest.mark.parametrize(("name", "of"), [("load", "load"), ("each[7]", "each"), ("a.b-c", "a.b-c")])
def test_an_execution_is_of_its_step_and_an_item_of_its_map(name, of):
    assert requests.step_of(requests.execution_name(name, 3)) == of


@pytest.mark.parametrize(("run_id", "reset_of"), [("r1", None), ("r2", "r1")])
def test_a_verdict_of_a_run_that_was_reset_asks_why_it_was(run_id, reset_of):
    asked = Verdict.of("check", outcome("check"), reset_of=requests.reset_of(begun(), run_id))
    assert asked.reset_of == reset_of


@pytest.mark.parametrize(
    "answered",
    [
        outcome("check", output={"n": 1}, next_step="load", quality={"passed": True}),
        outcome("check", error="too few", category="QUALITY_GATE", traceback="line", output={"n": 1}),
    ],
)
def test_a_verdict_gives_back_what_the_code_has_answered(answered):
    recorded = Verdict.model_validate_json(Verdict.of("check", answered).model_dump_json(exclude_unset=True))
    assert recorded.outcome == answered
    assert not recorded.missing


def test_a_verdict_says_that_the_code_is_not_there():
    assert Verdict.of("check", None).missing


@pytest.mark.parametrize(
    ("name", "fields", "written"),
    [
        ("load", {}, None),
        ("check", {"output": {"share": 0.5}}, ("STEP_CHECK", 2, None, {"share": 0.5}, "r1")),
        ("check", {"kept_from": "r0"}, ("STEP_CHECK", 2, None, {}, "r0")),
        ("check", {"output": {"text": "x" * 5000}}, ("STEP_CHECK", 2, None, {}, "r1")),
        (
            "each",
            {"output": {"row_count": 5, "results": []}, "items": {"total": 2, "completed": 2}},
            ("STEP_EACH", 6, 5, {"total": 2, "completed": 2, "failed": 0}, "r1"),
        ),
    ],
)
def test_a_step_that_is_no_pipeline_has_its_stage_written_for_it(name, fields, written):
    stage = requests.stage_of(begun(), Completed(step=name, **fields))
    told = stage and (stage.stage, stage.stage_rank, stage.row_count, stage.metrics, stage.execution_id)
    assert told == written


def test_a_dry_run_writes_no_stage():
    assert requests.stage_of(begun(is_dry_run=True), outcome("check")) is None


def test_a_run_ends_in_the_stage_behind_all_of_its_steps():
    state, _ = play(begin(PLAN), bad("load"), bad("tell"))
    assert requests.end_request(begun(), KEY, state.result).stage_rank == 8


def test_a_result_carries_the_first_tracebacks_that_fit():
    half = "x" * (requests.MAX_RESULT_BYTES // 2)
    steps = [
        StepExecution(step_name=name, step_type="lambda", status="FAILED", traceback=half if name != "b" else None)
        for name in "abcd"
    ]
    now = datetime.now(UTC)
    result = WorkflowResult(workflow_name="w", run_id="r", status="FAILED", started_at=now, step_executions=steps)
    carried = requests.carried(result).step_executions
    assert [step.traceback is not None for step in carried] == [True, False, True, False]


@pytest.mark.parametrize(
    ("params", "options", "extra", "words"),
    [
        ({"day": "1"}, None, (), ""),
        (None, None, (), ""),
        ({}, {}, (1, 2), "'w' takes two arguments, params and run options, and was given 4"),
        (Unreadable(reason="params: no JSON"), None, (), "params: no JSON"),
        ({}, Unreadable(reason="run options: no JSON"), (), "run options: no JSON"),
        (b"abc", None, (), "params of 'w' must be a JSON object, not 3 bytes"),
        ({}, b"", (), "run options of 'w' must be a JSON object, not 0 bytes"),
    ],
)
def test_a_start_that_cannot_be_read_is_told_why(params, options, extra, words):
    assert requests.unreadable_start("w", params, options, extra) == words


def test_only_a_run_that_may_write_nothing_more_is_lost():
    categories = ["CLAIM_LOST", "STATE_LOST", "DATA_QUALITY", "INTERNAL", "OF_OUR_OWN"]
    lost = [failures.is_lost(outcome("load", error="x", category=category)) for category in categories]
    assert lost == [True, True, False, False, False]
    failure = failures.lost(outcome("load", error="taken over", category="CLAIM_LOST"))
    assert (failure.message, failure.type, failure.non_retryable) == ("taken over", "CLAIM_LOST", True)


def of_activity(cause):
    error = ActivityError(
        "activity failed", scheduled_event_id=1, started_event_id=2, identity="", activity_type="p", activity_id="load",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )  # fmt: skip
    error.__cause__ = cause
    return error


def of_child(cause):
    error = ChildWorkflowError(
        "child failed", namespace="", workflow_id="w", run_id="r", workflow_type="w", initiated_event_id=1,
        started_event_id=2, retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )  # fmt: skip
    error.__cause__ = cause
    return error


def timed_out(kind):
    return TemporalTimeoutError("timed out", type=kind, last_heartbeat_details=[])


@pytest.mark.parametrize(
    ("error", "category", "message", "attempt"),
    [
        (of_activity(ApplicationError("bad (attempt 3 of 3)", 3, "bad", type="TIMEOUT")), "TIMEOUT", "bad", 3),
        (
            of_activity(ApplicationError("bad (attempt 1 of 3)", 1, 3, type="TIMEOUT")),
            "TIMEOUT",
            "bad (attempt 1 of 3)",
            1,
        ),
        (of_activity(ApplicationError("bad", type="DATA_QUALITY")), "DATA_QUALITY", "bad", 1),
        (ApplicationError("bad", 2, "bad", type="DATA_QUALITY"), "DATA_QUALITY", "bad", 2),
        (of_activity(ApplicationError("bad", type="ValueError")), "INTERNAL", "bad", 1),
        (of_activity(ApplicationError("bad")), "INTERNAL", "bad", 1),
        (of_activity(ApplicationError("too large", type="PayloadsTooLarge")), "CONFIGURATION", "too large", 1),
        (of_child(ApplicationError("bad", type="OF_OUR_OWN")), "OF_OUR_OWN", "bad", 1),
        (of_activity(timed_out(TimeoutType.HEARTBEAT)), "TIMEOUT", "the activity passed its heartbeat timeout", 1),
        (of_activity(timed_out(None)), "TIMEOUT", "the activity passed its timeout", 1),
        (
            of_activity(CancelledError("by somebody")),
            "CANCELLED",
            "it was cancelled in Temporal, and not by this run",
            1,
        ),
        (of_activity(None), "INTERNAL", "activity failed", 1),
        (of_activity(ApplicationError("password=hunter2", type="INTERNAL")), "INTERNAL", None, 1),
    ],
)
def test_an_activitys_failure_is_the_outcome_of_its_step(error, category, message, attempt):
    failed = failures.failed_outcome("load", error)
    assert (failed.step, failed.category, failed.attempt) == ("load", category, attempt)
    assert failed.error == message if message else "hunter2" not in failed.error


def test_an_activitys_failure_is_the_runs_own_where_the_run_fails_of_it():
    failure = failures.failure_of(of_activity(ApplicationError("busy", type="PARTITION_BUSY")))
    assert (failure.message, failure.type, failure.non_retryable) == ("busy", "PARTITION_BUSY", True)


FAILED = Verdict(step="check", error="too few", category="QUALITY_GATE")


def test_a_failed_verdict_travels_as_a_failure_and_comes_back_as_it_was():
    failure = failures.verdict_failure(FAILED, FAILED)
    assert (str(failure), failure.type, failure.non_retryable) == ("QUALITY_GATE: check: too few", "QUALITY_GATE", True)
    assert failures.failed_verdict(of_activity(failure)) == FAILED
    assert failures.is_answer(of_activity(failure))


@pytest.mark.parametrize(
    "failure",
    [
        ApplicationError("away", FAILED, type="DEPENDENCY"),
        ApplicationError("no details", type="INTERNAL", non_retryable=True),
        ApplicationError("others", "text", type="INTERNAL", non_retryable=True),
        ApplicationError("no failure", Verdict(step="check"), type="INTERNAL", non_retryable=True),
        timed_out(TimeoutType.START_TO_CLOSE),
    ],
)
def test_what_failed_otherwise_is_no_verdict(failure):
    assert failures.failed_verdict(of_activity(failure)) is None
    assert not failures.is_answer(of_activity(failure))


def test_what_an_activity_has_recorded_that_fails_as_it_is_meant_to_is_read_from_its_failure():
    benign = ApplicationErrorCategory.BENIGN
    told = ApplicationError("held", Recorded(epoch=8), type="HELD", category=benign)
    assert failures.recorded_by(of_activity(told)) == Recorded(epoch=8)
    assert failures.recorded_by(of_activity(ApplicationError("held", type="HELD", category=benign))) is None
    assert failures.recorded_by(of_activity(timed_out(TimeoutType.HEARTBEAT))) is None


@pytest.mark.parametrize(
    ("verdict", "line"),
    [
        (Verdict(step="check"), "gate check: passed"),
        (FAILED, "gate check: FAILED QUALITY_GATE too few"),
        (Verdict(step="check", missing=True), "gate check: no code here"),
        (Verdict(step="check", output={CONDITION: True}), "gate check: yes"),
        (Verdict(step="check", output={CONDITION: False}), "gate check: no"),
        (Verdict(step="check", output={CONDITION: "soft"}), "gate check: passed"),
    ],
)
def test_a_verdict_is_told_in_a_line(verdict, line):
    assert failures.verdict_summary("gate check", verdict) == line


def test_a_request_keeps_the_json_names_that_histories_and_older_workers_know():
    request = asked().model_copy(update={"was_tried_locally": True, "task_may_repeat": True})
    written = json.loads(SpinePayloadConverter().to_payloads([request])[0].data)
    assert {"again": True, "repeated": True}.items() <= written.items()
    assert not {"was_tried_locally", "task_may_repeat"} & written.keys()
    read = PipelineRequest.model_validate(written)
    assert read == request
    assert PipelineRequest.model_validate_json(request.model_dump_json(by_alias=False)) == request
