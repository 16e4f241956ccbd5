"""Which gates ride with a pipeline's request, and how a run ends with its last pipeline."""

from datetime import timedelta

import pytest

from spine_temporal import Step
from spine_temporal.definition.run_result import WorkflowStatus
from spine_temporal.machine.door import door_of, end_after, ended_with
from spine_temporal.machine.machine import advance
from spine_temporal.machine.step_outcome import Completed
from tests.unit.machine_builders import NOON, bad, begin, choice, gate, ok, outcome, pipe, planned

LATER = NOON + timedelta(seconds=30)


def at(plan, *events, **options):
    """Return the state of a run after these events."""
    state, _ = begin(plan, **options)
    for event in events:
        state, _ = advance(state, event)
    return state


@pytest.mark.parametrize(
    ("steps", "gates"),
    [
        ([gate("g"), pipe("p")], ["g"]),
        ([gate("g"), gate("h"), pipe("p"), gate("i")], ["g", "h"]),
        ([gate("g", on_error="HOLD"), gate("h", on_error="CONTINUE"), pipe("p")], ["g", "h"]),
        ([gate("g")], None),
        ([gate("g"), gate("h")], None),
        ([gate("g"), Step.wait("w", 1), pipe("p")], None),
        ([gate("g"), choice("c", "p"), pipe("p")], None),
        ([gate("g"), Step.parallel("b", [pipe("p"), pipe("q")])], None),
        ([gate("g"), pipe("p", params=lambda ctx: {"rows": ctx.get_output("g", "rows")})], None),
    ],
)
def test_the_gates_right_before_a_pipeline_ride_with_it(steps, gates):
    plan = planned(*steps)
    door = door_of(at(plan), "g")
    assert (door and [one.name for one in door.gates]) == gates
    assert door is None or door.pipeline.name == "p"


def test_the_branch_that_a_gate_ends_goes_on_at_the_join():
    plan = planned(choice("c", "g", "q", join="p"), gate("g"), pipe("q"), pipe("p"))
    state = at(plan, ok("c", condition=True))
    assert door_of(state, "g").pipeline.name == "p"


def test_a_gate_beside_others_and_one_of_a_dry_run_have_no_door():
    beside = planned(Step.parallel("b", [gate("g"), pipe("q")]), pipe("p"))
    assert door_of(at(beside), "g") is None
    assert door_of(at(planned(gate("g"), pipe("p")), is_dry_run=True), "g") is None


def test_a_pipeline_that_an_earlier_run_has_done_has_no_door():
    plan = planned(gate("g"), pipe("p"))
    assert door_of(at(plan, kept={"p": Completed(step="p", kept_from="r0")}), "g") is None


@pytest.mark.parametrize(
    ("fields", "passes"),
    [
        ({}, True),
        ({"next_step": "p"}, True),
        ({"next_step": "q"}, False),
        ({"next_step": "nowhere"}, False),
        ({"error": "bad"}, False),
    ],
)
def test_a_gate_lets_the_run_pass_to_the_pipeline_behind_it_and_nowhere_else(fields, passes):
    state = at(planned(gate("g", on_error="CONTINUE"), pipe("p"), pipe("q")))
    after = door_of(state, "g").passed(state, outcome("g", **fields), NOON)
    assert (after is not None) is passes
    assert after is None or after.running == ("p",)


DONE = Completed(
    step="last", output={"row_count": 3}, attempt=2, started_at=NOON + timedelta(seconds=5), completed_at=LATER
)


@pytest.mark.parametrize(
    ("before", "status"),
    [
        ([ok("first", row_count=1), ok("check", least=1)], WorkflowStatus.COMPLETED),
        ([bad("first"), ok("check")], WorkflowStatus.PARTIAL),
        ([ok("first"), bad("check")], WorkflowStatus.PARTIAL),
    ],
)
def test_the_result_that_a_last_pipeline_records_is_the_one_that_the_machine_comes_to(before, status):
    plan = planned(pipe("first", on_error="CONTINUE"), gate("check", on_error="CONTINUE"), pipe("last"))
    state = at(plan, *before)
    recorded = ended_with(end_after(state, plan.steps[-1], NOON), DONE)
    assert recorded == advance(state, ok("last").__class__(outcome=DONE, at=LATER))[0].result
    assert recorded.status is status


@pytest.mark.parametrize(
    "plan",
    [
        planned(pipe("last"), gate("check")),
        planned(Step.parallel("both", [pipe("last"), pipe("other")])),
        planned(pipe("last"), pipe("more")),
    ],
)
def test_a_pipeline_with_something_left_behind_it_does_not_end_the_run(plan):
    step = plan.places["last"].step
    assert end_after(at(plan), step, NOON) is None


def test_a_hook_and_a_dry_run_do_not_end_the_run():
    plan = planned(pipe("last"), on_failure=[pipe("tell")])
    assert end_after(at(plan, bad("last")), plan.on_failure[0], NOON) is None
    assert end_after(at(planned(pipe("last")), is_dry_run=True), planned(pipe("last")).steps[0], NOON) is None
