"""What a person may decide of a held gate, and what the sender is told of anything else."""

import pytest
from temporalio.exceptions import ApplicationError

from spine_temporal import Step
from spine_temporal.definition.run_result import Decision
from spine_temporal.translation.decisions import decision_of
from tests.unit.machine_builders import bad, begin, choice, chosen, gate, ok, pipe, planned, play

HOLDS = {"on_error": "HOLD"}
LINE = planned(pipe("load"), choice("new", "full", "delta"), pipe("full"), pipe("delta"), gate("check", **HOLDS))
SIDE = planned(pipe("load"), Step.parallel("both", [gate("a", **HOLDS), gate("b", **HOLDS)]))
HELD, _ = play(begin(LINE), ok("load"), chosen("new", True), ok("full"), bad("check"))
BOTH_HELD, _ = play(begin(SIDE), ok("load"), bad("a"), bad("b"))
RUNS, _ = play(begin(LINE))
ANN = {"by": "ann", "reason": "known"}
WAIVED = Decision(action="waive", by="bob", reason="seen")


def refusal(given, state=HELD, action="waive", decided=None, **options):
    with pytest.raises(ApplicationError) as error:
        decision_of(action, given, state, decided or {}, **options)
    assert (error.value.type, error.value.non_retryable) == ("CONFIGURATION", True)
    return error.value.message


@pytest.mark.parametrize(
    ("state", "given", "step"),
    [(HELD, ANN, "check"), (HELD, {**ANN, "step": "check"}, "check"), (BOTH_HELD, {**ANN, "step": "b"}, "b")],
)
def test_the_only_held_step_need_not_be_named(state, given, step):
    assert decision_of("waive", given, state, {}) == (step, Decision(action="waive", by="ann", reason="known"))


def test_of_two_held_steps_the_one_that_is_not_decided_need_not_be_named():
    assert decision_of("abort", ANN, BOTH_HELD, {"a": WAIVED})[0] == "b"


@pytest.mark.parametrize("start_from", ["load", "new", "full"])
def test_a_retry_may_go_back_to_a_step_that_ran_before(start_from):
    _, decision = decision_of("retry", {**ANN, "from": start_from}, HELD, {})
    assert (decision.action, decision.start_from) == ("retry", start_from)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"by": "ann"}, 'reason: Field required; give {"step": "NAME", "by": "WHO", "reason": "WHY"}'),
        ({"reason": "known"}, "by: Field required"),
        ({**ANN, "by": ""}, "by: String should have at least 1 character"),
        ({**ANN, "by": "a" * 201}, "by: String should have at most 200 characters"),
        ({**ANN, "reason": ""}, "reason: String should have at least 1 character"),
        ({**ANN, "reason": 7}, "reason: Input should be a valid string"),
        ({**ANN, "whom": "x"}, "whom: Extra inputs are not permitted"),
        ({**ANN, "start_from": "load"}, "start_from: Extra inputs are not permitted"),
        (None, "the argument: Input should be a valid dictionary"),
        ("waive it", "the argument: Input should be a valid dictionary"),
        (["check"], "the argument: Input should be a valid dictionary"),
    ],
)
def test_what_is_no_decision_is_refused_with_what_would_be(given, words):
    assert words in refusal(given)


@pytest.mark.parametrize(
    ("state", "decided", "step", "words"),
    [
        (RUNS, {}, None, "name the step to decide of; no step of this run is held"),
        (None, {}, None, "name the step to decide of; no step of this run is held"),
        (RUNS, {}, "check", "step 'check' is not held; no step of this run is held"),
        (HELD, {}, "load", "step 'load' is not held; held: check"),
        (HELD, {}, "nowhere", "step 'nowhere' is not held; held: check"),
        (BOTH_HELD, {}, None, "name the step to decide of; held: a, b"),
        (HELD, {"check": WAIVED}, None, "name the step to decide of; no step of this run is held"),
        (BOTH_HELD, {"a": WAIVED}, "a", "step 'a' is decided already, waived by bob: seen; held: b"),
    ],
)
def test_a_step_that_is_not_held_or_is_decided_is_refused_with_those_that_are(state, decided, step, words):
    assert refusal({**ANN, "step": step}, state, decided=decided) == words


@pytest.mark.parametrize(
    ("state", "action", "given", "words"),
    [
        (HELD, "waive", {"from": "load"}, "'from' goes with retry, not with waive"),
        (HELD, "abort", {"from": "load"}, "'from' goes with retry, not with abort"),
        (HELD, "retry", {"from": "check"}, "from 'check' is no step that ran before 'check'"),
        (HELD, "retry", {"from": "nowhere"}, "from 'nowhere' is no step that ran before 'check'; those are load, new"),
        (
            HELD,
            "retry",
            {"from": "delta"},
            "from 'delta' is no step that ran before 'check'; those are load, new, full",
        ),
        (BOTH_HELD, "retry", {"from": "load", "step": "a"}, "runs beside others in 'both': only the check can be"),
    ],
)
def test_a_run_goes_back_only_to_a_step_that_ran_before(state, action, given, words):
    assert words in refusal({**ANN, **given}, state, action)


@pytest.mark.parametrize(("now", "is_late"), [(99, False), (100, False), (100.1, True)])
def test_a_decision_that_its_sender_has_given_up_is_refused(now, is_late):
    given = {**ANN, "until": 100}
    if is_late:
        assert refusal(given, now=now).startswith("it came too late")
    else:
        assert decision_of("waive", given, HELD, {}, now)[0] == "check"


def test_what_is_kept_of_a_decision_holds_no_secret_and_no_nul():
    _, decision = decision_of("waive", {"by": "ann\x00", "reason": "password=hunter2"}, HELD, {})
    assert decision.by == "ann\\x00"
    assert "hunter2" not in decision.reason
