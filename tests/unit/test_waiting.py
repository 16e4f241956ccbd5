"""What a run waits for, as data: computed from its state, carried as JSON, told to the Web UI and to the terminal."""

import types
from datetime import UTC, datetime
from typing import get_args

import pytest

from spine_temporal import Step, StepResult, Workflow
from spine_temporal.client.why import ReasonKind, _of_cause
from spine_temporal.definition.run_result import Decision, ItemCounts
from spine_temporal.machine.machine import advance, start
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.state import Progressed, Run, StepEnded
from spine_temporal.machine.step_outcome import Failed
from spine_temporal.translation import shown_details
from spine_temporal.translation.details import current_details
from spine_temporal.translation.live_run import LiveRun
from spine_temporal.translation.payloads import SpinePayloadConverter
from spine_temporal.translation.shown_details import ShownDetails
from spine_temporal.translation.waiting import (
    BusyPartition,
    Cause,
    DecidedGate,
    HeldGate,
    MissingCode,
    OtherPartitions,
    RunningMap,
    RunningPipeline,
    RunningStep,
    RunningWorkflow,
    Timer,
    Unrecorded,
    Waiting,
    waiting_of,
)

BEGAN = datetime(2026, 1, 2, tzinfo=UTC)
MISSING = MissingCode(step="check", step_kind="lambda", workflow="waits")
BUSY = BusyPartition(told="waits for partition {} of 'waits', after workflow 'first', which holds it")
DECIDED = DecidedGate(step="check", decision="waived by ann: known")
AWAY = Unrecorded(activity="spine.end", summary="COMPLETED", error="POSTGRES_AWAY: gone")


def passes(ctx, config):
    return StepResult.ok()


CHILD = Workflow(name="child", steps=[Step.pipeline("work", "child.work")])


def begun(step, *outcomes, progress=None):
    """Return the state of a run of this step, with what has become of it."""
    state, _ = start(plan_of(Workflow(name="waits", steps=[step])), Run(run_id="run", started_at=BEGAN))
    for outcome in outcomes:
        state, _ = advance(state, StepEnded(outcome=outcome, at=BEGAN))
    return state if progress is None else advance(state, Progressed(step=step.name, items=progress))[0]


STATES = {
    "pipeline": (
        begun(Step.pipeline("one", "waits.one")),
        RunningPipeline(step="one", pipeline="waits.one", max_attempts=3),
    ),
    "gate": (begun(Step.lambda_("check", passes)), RunningStep(step="check")),
    "held": (
        begun(
            Step.lambda_("check", passes, on_error="HOLD"),
            Failed(step="check", error="a | b\nc", category="QUALITY_GATE"),
        ),
        HeldGate(step="check", category="QUALITY_GATE", error="a | b\nc"),
    ),
    "seconds": (begun(Step.wait("settle", 5)), Timer(step="settle", seconds=5)),
    "until": (
        begun(Step.wait("settle", until=datetime(2026, 1, 3, 4, 5, 6, tzinfo=UTC))),
        Timer(step="settle", until=datetime(2026, 1, 3, 4, 5, 6, tzinfo=UTC)),
    ),
    "partitions": (
        begun(Step.wait_for("source", "other", {"day": "1"})),
        OtherPartitions(step="source", workflow="other", reached="COMPLETED"),
    ),
    "map": (
        begun(Step.map("all", [1, 2, 3], CHILD), progress=ItemCounts(total=3, completed=1, failed=1)),
        RunningMap(step="all", workflow="child", items=ItemCounts(total=3, completed=1, failed=1)),
    ),
    "map that begins": (begun(Step.map("all", [1], CHILD)), RunningMap(step="all", workflow="child")),
    "workflow": (begun(Step.workflow("sub", CHILD)), RunningWorkflow(step="sub", workflow="child")),
}


@pytest.mark.parametrize("case", STATES)
def test_a_state_says_what_the_run_waits_for(case):
    state, expected = STATES[case]
    assert waiting_of(state).causes == (expected,)


def test_what_no_state_knows_comes_first_and_is_all_before_the_run_begins():
    state, held = STATES["held"]
    assert waiting_of(state, (MISSING,)).causes == (MISSING, held)
    assert waiting_of(None, (AWAY,)).causes == (AWAY,)
    assert waiting_of(None).causes == ()


def test_every_cause_crosses_temporal_as_it_is():
    whole = Waiting(causes=(MISSING, AWAY, BUSY, DECIDED, *(cause for _, cause in STATES.values())))
    assert {type(cause) for cause in whole.causes} == set(get_args(Cause))
    converter = SpinePayloadConverter()
    assert converter.from_payloads(converter.to_payloads([whole]), [Waiting]) == [whole]


@pytest.mark.parametrize(
    ("case", "line"),
    [
        ("pipeline", "Runs: `one` (pipeline `waits.one`, up to 3 attempts); its last failure stands under Pending"),
        ("gate", "Runs: `check`"),
        ("held", "Waits: `check` is held for a person (QUALITY_GATE: a \\| b c): `spine-temporal waive`, `retry-step`"),
        ("seconds", "Waits: `settle`, a timer, for 5 s"),
        ("until", "Waits: `settle`, a timer, until 2026-01-03 04:05:06 UTC"),
        ("partitions", "Waits: `source`, for other to be COMPLETED; its last look is under Pending Activities"),
        ("map", "Runs: `all` (a map of `child`): 2 of 3 items, 1 failed"),
        ("map that begins", "Runs: `all` (a map of `child`): begins"),
        ("workflow", "Runs: `sub` (workflow `child`): see Relationships"),
    ],
)
def test_the_web_ui_has_a_line_of_each(case, line):
    status = "HELD" if case == "held" else "RUNNING"
    assert current_details(STATES[case][0]).startswith(f"**{status}**\n\n{line}")


def test_the_web_ui_says_above_all_what_cannot_be_recorded_and_what_code_is_missing_below_how_the_run_stands():
    state, _ = STATES["gate"]
    away = "Waits: spine.end COMPLETED: POSTGRES_AWAY: gone"
    missing = "Waits: a worker whose 'waits' has the lambda step 'check'"
    assert current_details(state, (MISSING, AWAY)).startswith(f"{away}\n\n**RUNNING**\n\n{missing}\n\nRuns: `check`")
    assert current_details(None, (AWAY,)) == away
    assert current_details(None, (BUSY,)) == f"Waits: {BUSY.told}; its last look is under Pending Activities"


@pytest.mark.parametrize(
    ("cause", "kind", "text"),
    [
        (
            STATES["held"][1],
            ReasonKind.HELD,
            "`check` is held for a person (QUALITY_GATE: a | b c): `spine-temporal waive`, `retry-step` or `abort`, or "
            "the update of that name",
        ),
        (STATES["seconds"][1], ReasonKind.WAITS, "`settle`, a timer, for 5 s"),
        (
            STATES["partitions"][1],
            ReasonKind.WAITS,
            "`source`, for other to be COMPLETED; its last look is under Pending Activities",
        ),
        (MISSING, ReasonKind.WAITS, "a worker whose 'waits' has the lambda step 'check'"),
        (DECIDED, ReasonKind.WAITS, "`check`, waived by ann: known: it goes on when that is recorded"),
        (AWAY, ReasonKind.WAITS, "spine.end COMPLETED: POSTGRES_AWAY: gone"),
    ],
)
def test_the_terminal_has_a_reason_of_each_wait(cause, kind, text):
    [reason] = _of_cause(cause)
    assert (reason.kind, reason.text) == (kind, text)


@pytest.mark.parametrize("case", ["pipeline", "gate", "map", "workflow"])
def test_the_terminal_leaves_what_runs_to_temporals_own_description(case):
    assert _of_cause(STATES[case][1]) == []


def test_a_held_gate_that_is_decided_waits_for_nobody_and_does_not_run(shown):
    state = STATES["held"][0]
    live = LiveRun(spine=None, begun=None, key=None, state=state, details=ShownDetails())
    live.details.reached(live.shown)
    with live.going_on("check", Decision(action="waive", by="ann", reason="known")):
        assert live.details.waiting.causes == (DECIDED,)
        assert shown[-1].startswith("**RUNNING**\n\nWaits: `check`, waived by ann: known: it goes on when that is")
        assert [step.status for step in live.shown.result.step_executions] == ["RUNNING"]
    assert live.shown is state
    assert state.held.keys() == {"check"}


@pytest.fixture
def shown(monkeypatch):
    """What the Web UI is given, in order."""
    told = []
    monkeypatch.setattr(shown_details.temporal, "set_current_details", told.append)
    return told


@types.coroutine
def _never():
    yield


async def _waits(details):
    with details.during(AWAY):
        await _never()


def test_what_keeps_a_run_is_shown_while_it_lasts_whatever_ends_it(shown):
    details = ShownDetails()
    details.reached(STATES["gate"][0])
    alone = shown[-1]
    block = details.during(AWAY)
    block.__enter__()
    assert details.waiting.causes[0] == AWAY
    assert shown[-1] == f"Waits: spine.end COMPLETED: POSTGRES_AWAY: gone\n\n{alone}"
    assert not block.__exit__(OSError, OSError("gone"), None)
    assert details.waiting.causes == (RunningStep(step="check"),)
    assert shown[-1] == alone


def test_a_run_that_is_dropped_from_memory_tells_nothing_more(shown):
    """Its coroutines are closed where the garbage is collected: in another run, or in none."""
    waits = _waits(ShownDetails())
    waits.send(None)
    told = len(shown)
    waits.close()
    assert len(shown) == told == 1
