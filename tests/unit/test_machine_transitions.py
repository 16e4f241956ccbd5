"""What the state machine asks for, and where its steps stand, after each event."""

from datetime import timedelta

import pytest

from spine_temporal import Step, Workflow, WorkflowStatus
from spine_temporal.definition.run_result import ItemCounts
from spine_temporal.machine.machine import advance
from spine_temporal.machine.state import Progressed
from tests.unit.machine_builders import (
    CANCELLED,
    NOON,
    bad,
    begin,
    choice,
    chosen,
    decided,
    ended,
    gate,
    ok,
    outcome,
    pipe,
    planned,
    play,
    routed,
    statuses,
    stopped,
)

LINE = planned(pipe("load"), gate("check"), pipe("publish"))
TOLERANT = planned(pipe("load", on_error="CONTINUE"), pipe("publish"))
HELD = planned(pipe("load"), gate("check", on_error="HOLD"), pipe("publish"))
GOES_ON = planned(gate("check", on_error="CONTINUE"), pipe("publish"))
HOOKS = {"on_failure": [pipe("tell"), pipe("clean")], "on_cancel": [pipe("undo")]}
HOOKED = planned(pipe("load"), **HOOKS)
BRANCHES = planned(choice("new", "full", "delta"), pipe("full"), pipe("delta"), pipe("after"))
ONE_BRANCH = planned(choice("new", "full", join="after"), pipe("full"), pipe("more"), pipe("after"))


@pytest.mark.parametrize(
    ("plan", "events", "asked", "status"),
    [
        (LINE, [], "do load", "RUNNING"),
        (LINE, [ok("load")], "do check", "RUNNING"),
        (LINE, [ok("load"), ok("check")], "do publish", "RUNNING"),
        (LINE, [ok("load"), ok("check"), ok("publish")], "finish", "COMPLETED"),
        (LINE, [bad("load")], "finish", "FAILED"),
        (LINE, [ok("load"), bad("check")], "finish", "FAILED"),
        (LINE, [ok("load"), routed("check", "publish")], "do publish", "RUNNING"),
        (LINE, [ok("load"), routed("check", "load")], "finish", "FAILED"),
        (LINE, [ok("load"), routed("check", "nowhere")], "finish", "FAILED"),
        (TOLERANT, [bad("load")], "do publish", "RUNNING"),
        (TOLERANT, [bad("load"), ok("publish")], "finish", "PARTIAL"),
        (TOLERANT, [bad("load"), bad("publish")], "finish", "FAILED"),
        (HELD, [ok("load"), ok("check")], "do publish", "RUNNING"),
        (HELD, [ok("load"), bad("check")], "hold check", "RUNNING"),
        (HELD, [ok("load"), bad("check"), decided("check", "waive")], "do publish", "RUNNING"),
        (HELD, [ok("load"), bad("check"), decided("check", "abort")], "finish", "FAILED"),
        (HELD, [ok("load"), bad("check"), decided("check", "retry")], "do check#1", "RUNNING"),
        (HELD, [ok("load"), bad("check"), decided("check", "retry", "load")], "do load#1", "RUNNING"),
        (HELD, [ok("load"), bad("check"), decided("load", "waive")], "", "RUNNING"),
        (HELD, [ok("load"), decided("check", "waive")], "", "RUNNING"),
        (HELD, [ok("load"), bad("check"), CANCELLED], "finish", "CANCELLED"),
        (LINE, [CANCELLED], "finish", "CANCELLED"),
        (HOOKED, [ok("load")], "finish", "COMPLETED"),
        (HOOKED, [bad("load")], "do tell", "RUNNING"),
        (HOOKED, [bad("load"), ok("tell")], "do clean", "RUNNING"),
        (HOOKED, [bad("load"), bad("tell")], "do clean", "RUNNING"),
        (HOOKED, [bad("load"), ok("tell"), bad("clean")], "finish", "FAILED"),
        (HOOKED, [bad("load"), CANCELLED], "finish", "FAILED"),
        (HOOKED, [CANCELLED], "do undo", "RUNNING"),
        (HOOKED, [CANCELLED, ok("undo")], "finish", "CANCELLED"),
        (HOOKED, [CANCELLED, bad("undo")], "finish", "CANCELLED"),
        (BRANCHES, [chosen("new", True)], "do full", "RUNNING"),
        (BRANCHES, [chosen("new", True), ok("full")], "do after", "RUNNING"),
        (BRANCHES, [chosen("new", False)], "do delta", "RUNNING"),
        (BRANCHES, [bad("new")], "finish", "FAILED"),
        (ONE_BRANCH, [chosen("new", True), ok("full")], "do more", "RUNNING"),
        (ONE_BRANCH, [chosen("new", False)], "do after", "RUNNING"),
    ],
)
def test_each_event_moves_the_run_on(plan, events, asked, status):
    state, all_asked = play(begin(plan), *events)
    assert (all_asked[-1], state.status) == (asked, status)


@pytest.mark.parametrize(
    ("plan", "events", "standing"),
    [
        (LINE, [bad("load")], {"load": "FAILED"}),
        (
            LINE,
            [ok("load"), routed("check", "publish"), CANCELLED],
            {"load": "COMPLETED", "check": "COMPLETED", "publish": "CANCELLED"},
        ),
        (HELD, [ok("load"), bad("check")], {"load": "COMPLETED", "check": "HELD"}),
        (HELD, [ok("load"), bad("check"), CANCELLED], {"load": "COMPLETED", "check": "CANCELLED"}),
        (HELD, [ok("load"), bad("check"), decided("check", "abort")], {"load": "COMPLETED", "check": "FAILED"}),
        (
            HELD,
            [ok("load"), bad("check"), decided("check", "waive")],
            {"load": "COMPLETED", "check": "COMPLETED", "publish": "RUNNING"},
        ),
        (HELD, [ok("load"), bad("check"), decided("check", "retry")], {"load": "COMPLETED", "check": "RUNNING"}),
        (HELD, [ok("load"), bad("check"), decided("check", "retry", "load")], {"load": "RUNNING"}),
        (HOOKED, [bad("load"), bad("tell"), ok("clean")], {"load": "FAILED", "tell": "FAILED", "clean": "COMPLETED"}),
        (
            BRANCHES,
            [chosen("new", True), ok("full"), ok("after")],
            {"new": "COMPLETED", "full": "COMPLETED", "delta": "SKIPPED", "after": "COMPLETED"},
        ),
        (BRANCHES, [chosen("new", False)], {"new": "COMPLETED", "full": "SKIPPED", "delta": "RUNNING"}),
        (
            ONE_BRANCH,
            [chosen("new", False)],
            {"new": "COMPLETED", "full": "SKIPPED", "more": "SKIPPED", "after": "RUNNING"},
        ),
    ],
)
def test_each_event_leaves_the_steps_where_they_stand(plan, events, standing):
    state, _ = play(begin(plan), *events)
    assert statuses(state) == standing


SIDE = planned(Step.parallel("both", [pipe("a"), pipe("b"), pipe("c")]), pipe("after"))
ONE_AT_ONCE = planned(Step.parallel("both", [pipe("a"), pipe("b"), pipe("c")], 1), pipe("after"))
TOLERATED = planned(Step.parallel("both", [pipe("a", on_error="CONTINUE"), pipe("b")]), pipe("after"))
BORNE = planned(Step.parallel("both", [pipe("a"), pipe("b")], on_error="CONTINUE"), pipe("after"))
GATED = planned(Step.parallel("both", [gate("a", on_error="HOLD"), pipe("b")]), pipe("after"))


@pytest.mark.parametrize(
    ("plan", "events", "asked", "status"),
    [
        (SIDE, [], "do a, do b, do c", "RUNNING"),
        (SIDE, [ok("b"), ok("a")], "", "RUNNING"),
        (SIDE, [ok("b"), ok("a"), ok("c")], "do after", "RUNNING"),
        (SIDE, [bad("b")], "stop a+c", "RUNNING"),
        (SIDE, [bad("b"), stopped("a")], "", "RUNNING"),
        (SIDE, [bad("b"), bad("a")], "", "RUNNING"),
        (SIDE, [bad("b"), stopped("a"), stopped("c")], "finish", "FAILED"),
        (SIDE, [bad("b"), ok("a"), bad("c")], "finish", "FAILED"),
        (SIDE, [routed("a", "after")], "stop b+c", "RUNNING"),
        (SIDE, [ok("a"), CANCELLED], "finish", "CANCELLED"),
        (ONE_AT_ONCE, [], "do a", "RUNNING"),
        (ONE_AT_ONCE, [ok("a")], "do b", "RUNNING"),
        (ONE_AT_ONCE, [bad("a")], "finish", "FAILED"),
        (TOLERATED, [bad("a")], "", "RUNNING"),
        (TOLERATED, [bad("a"), ok("b")], "do after", "RUNNING"),
        (TOLERATED, [bad("a"), ok("b"), ok("after")], "finish", "PARTIAL"),
        (BORNE, [bad("a"), stopped("b")], "do after", "RUNNING"),
        (BORNE, [bad("a"), stopped("b"), ok("after")], "finish", "PARTIAL"),
        (GATED, [bad("a")], "hold a", "RUNNING"),
        (GATED, [bad("a"), ok("b")], "", "RUNNING"),
        (GATED, [bad("a"), bad("b")], "stop a", "RUNNING"),
        (GATED, [bad("a"), ok("b"), decided("a", "waive")], "do after", "RUNNING"),
        (GATED, [bad("a"), decided("a", "waive")], "", "RUNNING"),
        (GATED, [bad("a"), decided("a", "abort")], "stop b", "RUNNING"),
        (GATED, [bad("a"), decided("a", "retry")], "do a#1", "RUNNING"),
        (GATED, [bad("a"), decided("a", "retry"), bad("a")], "hold a#1", "RUNNING"),
        (GATED, [bad("b"), bad("a")], "finish", "FAILED"),
    ],
)
def test_each_event_moves_a_parallel_step_on(plan, events, asked, status):
    state, all_asked = play(begin(plan), *events)
    assert (all_asked[-1], state.status) == (asked, status)


@pytest.mark.parametrize(
    ("plan", "events", "standing"),
    [
        (SIDE, [bad("b")], {"both": "RUNNING", "a": "RUNNING", "b": "FAILED", "c": "RUNNING"}),
        (
            SIDE,
            [bad("b"), stopped("a"), ok("c")],
            {"both": "FAILED", "a": "CANCELLED", "b": "FAILED", "c": "COMPLETED"},
        ),
        (ONE_AT_ONCE, [ok("a"), bad("b")], {"both": "FAILED", "a": "COMPLETED", "b": "FAILED", "c": "SKIPPED"}),
        (GATED, [bad("a"), bad("b"), stopped("a")], {"both": "FAILED", "a": "CANCELLED", "b": "FAILED"}),
    ],
)
def test_each_event_leaves_the_steps_of_a_parallel_one_where_they_stand(plan, events, standing):
    state, _ = play(begin(plan), *events)
    assert statuses(state) == standing


def test_a_parallel_step_gives_the_outputs_of_its_steps_by_name_and_fails_with_the_first_failure():
    state, _ = play(begin(TOLERATED), bad("a"), ok("b", rows=1))
    assert state.outputs["both"] == {"b": {"rows": 1}}
    state, _ = play(begin(SIDE), bad("b", error="first"), bad("a", error="second"), stopped("c"))
    assert (state.failure.step, state.failure.error, state.failure.category) == ("b", "first", "DATA_QUALITY")
    assert state.executions["both"].error == "b: first"


@pytest.mark.parametrize("event", [ok("load"), bad("check"), decided("check", "waive"), CANCELLED])
def test_a_run_that_has_ended_stays_as_it_is(event):
    state, _ = play(begin(LINE), bad("load"))
    assert advance(state, event) == (state, ())


def test_a_route_that_is_not_forward_names_where_the_gate_may_go():
    state, _ = play(begin(LINE), ok("load"), routed("check", "load"))
    assert (state.failure.category, state.failure.error) == (
        "CONFIGURATION",
        "gate 'check' routes to 'load', which is no later step; it may go to publish",
    )


def test_a_gate_beside_others_cannot_route():
    state, _ = play(begin(GATED), routed("a", "after"), ok("b"))
    assert state.held["a"].error == "gate 'a' is part of parallel 'both' and cannot route: leave next_step out"


@pytest.mark.parametrize(
    ("plan", "options", "asked"),
    [
        (LINE, {"holds_gates": True}, "hold check"),
        (LINE, {"holds_gates": False}, "finish"),
        (HELD, {"is_dry_run": True}, "do publish"),
        (LINE, {"is_dry_run": True, "holds_gates": True}, "do publish"),
    ],
)
def test_a_failed_gate_is_held_where_the_run_says_so_and_never_in_a_dry_run(plan, options, asked):
    _, all_asked = play(begin(plan, **options), ok("load"), bad("check"))
    assert all_asked[-1] == asked


def test_a_run_that_holds_gates_holds_neither_those_that_let_it_go_on_nor_pipelines():
    assert play(begin(GOES_ON, holds_gates=True), bad("check"))[1][-1] == "do publish"
    assert play(begin(LINE, holds_gates=True), bad("load"))[1][-1] == "finish"


def test_a_run_goes_on_holding_its_gates_after_one_beside_others_was_aborted():
    plan = planned(Step.parallel("both", [gate("a")], on_error="CONTINUE"), gate("after"))
    state, asked = play(begin(plan, holds_gates=True), bad("a"), decided("a", "abort"), bad("after"))
    assert asked == ["do a", "hold a", "do after", "hold after"]
    assert state.run.holds_gates


def test_in_a_dry_run_no_failure_stops_others_and_no_hook_runs():
    state, asked = play(begin(SIDE, is_dry_run=True), bad("a"), ok("b"), ok("c"), ok("after"))
    assert asked == ["do a, do b, do c", "", "", "do after", "finish"]
    assert state.status is WorkflowStatus.PARTIAL
    assert play(begin(HOOKED, is_dry_run=True), CANCELLED)[1][-1] == "finish"


def test_a_decision_is_kept_with_its_step():
    waived, _ = play(begin(HELD), ok("load"), bad("check", output={"share": 0.5}), decided("check", "waive"))
    check = waived.executions["check"]
    assert (str(check.decision), check.error, check.error_category) == ("waived by ann: why", None, None)
    assert waived.outputs["check"] == {"share": 0.5}
    aborted, _ = play(begin(HELD), ok("load"), bad("check"), decided("check", "abort"))
    assert aborted.failure.error == "bad (aborted by ann: why)"
    again, _ = play(begin(HELD), ok("load"), bad("check"), decided("check", "retry"), ok("check"))
    assert again.executions["check"].decision.action == "retry"


def test_a_run_that_is_sent_back_forgets_what_it_did_since_and_counts_the_rounds():
    plan = planned(pipe("load"), pipe("parse"), gate("check", on_error="HOLD"))
    state, _ = play(
        begin(plan), ok("load", rows=1), ok("parse", rows=1), bad("check"), decided("check", "retry", "parse")
    )
    assert state.outputs == {"load": {"rows": 1}}
    assert state.rounds == {"parse": 1, "check": 1}
    state, asked = play((state, ()), ok("parse", rows=2), bad("check"), decided("check", "retry", "load"))
    assert asked[-2:] == ["hold check#1", "do load#1"]
    assert state.rounds == {"load": 1, "parse": 2, "check": 2}


def test_what_is_done_again_is_all_from_the_step_to_the_gate():
    plan = planned(pipe("load"), Step.parallel("both", [pipe("a"), pipe("b")]), gate("check"), pipe("after"))
    assert plan.span("load", "check") == ("load", "both", "a", "b", "check")
    assert plan.span("both", "check") == ("both", "a", "b", "check")


KEPT = {
    "load": outcome("load", output={"rows": 1}, kept_from="r0"),
    "check": outcome("check", kept_from="r0"),
    "publish": outcome("publish", skip_reason="not today"),
    "new": outcome("new", output={"condition": False}, kept_from="r0"),
    "b": outcome("b", output={"rows": 2}, kept_from="r0"),
    "both": outcome("both", skip_reason="not today"),
}


@pytest.mark.parametrize(
    ("plan", "kept", "asked"),
    [
        (LINE, ["load"], "do check"),
        (LINE, ["check"], "do load"),
        (LINE, ["load", "check"], "do publish"),
        (LINE, ["load", "check", "publish"], "finish"),
        (BRANCHES, ["new"], "do delta"),
        (SIDE, ["b"], "do a, do c"),
        (SIDE, ["both"], "do after"),
    ],
)
def test_a_run_begins_behind_what_is_kept(plan, kept, asked):
    assert play(begin(plan, {name: KEPT[name] for name in kept}))[1] == [asked]


def test_what_is_kept_is_told_with_its_output_and_its_run():
    state, _ = begin(LINE, {name: KEPT[name] for name in ("load", "check", "publish")})
    assert statuses(state) == {"load": "COMPLETED", "check": "COMPLETED", "publish": "SKIPPED"}
    assert (state.executions["load"].kept_from, state.outputs["load"]) == ("r0", {"rows": 1})
    assert (state.executions["publish"].reason, "publish" in state.outputs) == ("not today", False)


def test_a_parallel_step_that_is_left_out_leaves_out_its_steps():
    state, _ = begin(SIDE, {"both": KEPT["both"]})
    assert statuses(state) == {"both": "SKIPPED", "a": "SKIPPED", "b": "SKIPPED", "c": "SKIPPED", "after": "RUNNING"}


def test_a_step_that_is_done_again_is_kept_no_more():
    plan = planned(pipe("load"), gate("check", on_error="HOLD"))
    _, asked = play(begin(plan, {"load": KEPT["load"]}), bad("check"), decided("check", "retry", "load"))
    assert asked == ["do check", "hold check", "do load#1"]


def test_a_step_lasts_from_when_it_began_to_when_it_ended_and_never_less_than_nothing():
    state, _ = play(begin(LINE), ended("load", at=NOON + timedelta(seconds=5)))
    assert state.executions["load"].duration_seconds == 5
    state, _ = play(begin(LINE), ended("load", started_at=NOON, completed_at=NOON - timedelta(seconds=5)))
    assert state.executions["load"].duration_seconds == 0


def test_an_output_is_kept_of_a_failed_step_where_it_gave_one():
    state, _ = play(begin(GOES_ON), bad("check", output={"share": 0.5}))
    assert state.outputs == {"check": {"share": 0.5}}
    state, _ = play(begin(GOES_ON), bad("check"))
    assert state.outputs == {}


def test_a_map_that_has_come_further_is_told_and_asks_for_nothing():
    plan = planned(Step.map("each", [1, 2, 3], Workflow(name="item", steps=[pipe("work")])))
    counts = ItemCounts(total=3, completed=1, failed=1)
    state, commands = advance(begin(plan)[0], Progressed(step="each", items=counts))
    assert (state.executions["each"].items, commands) == (counts, ())


def test_the_code_of_a_step_beside_others_does_not_see_what_they_gave():
    state, _ = play(begin(planned(pipe("load"), Step.parallel("both", [pipe("a"), gate("b")]))), ok("load"), ok("a"))
    assert set(state.context_of("b").outputs) == {"load"}
    assert set(state.context_of("load").outputs) == {"load", "a"}


def test_a_failure_without_a_category_counts_as_a_fault_in_code():
    state, _ = play(begin(LINE), ended("load", error="bad"))
    assert state.failure.category == "INTERNAL"


def test_the_result_tells_each_step_and_the_first_failure():
    state, _ = play(begin(HOOKED), bad("load"), bad("tell", error="worse"), ok("clean", rows=0))
    result = state.result
    assert (result.status, result.error_step, result.error, result.error_category) == (
        "FAILED",
        "load",
        "bad",
        "DATA_QUALITY",
    )
    assert (result.completed_steps, result.failed_steps) == (["clean"], ["load", "tell"])
    assert result.outputs == {"clean": {"rows": 0}}
