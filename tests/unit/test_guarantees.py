"""The tables of the state machine on the page of guarantees are those of the machine, walked to its ends."""

import re

from spine_temporal import ErrorPolicy, Step
from spine_temporal.definition.run_result import StepStatus, WorkflowStatus
from spine_temporal.machine.machine import advance
from spine_temporal.machine.plan import PlannedChoice, PlannedGate
from tests.conftest import ROOT
from tests.unit.machine_builders import CANCELLED, bad, begin, choice, chosen, decided, gate, ok, pipe, planned, stopped

PAGE = (ROOT / "docs" / "guarantees.md").read_text()
HOOKS = {"on_failure": [pipe("f"), pipe("g")], "on_cancel": [pipe("x")]}
LINES = [
    [pipe("a"), gate("b")],
    [pipe("a", on_error="CONTINUE"), pipe("b", on_error="CONTINUE")],
    [pipe("a"), gate("b", on_error="HOLD"), pipe("c")],
    [pipe("a", on_error="CONTINUE"), pipe("c", on_error="CONTINUE"), gate("b", on_error="HOLD")],
    [pipe("d"), choice("a", "b", "c"), pipe("b"), pipe("c"), gate("e", on_error="HOLD")],
    [choice("a", "b", "c"), pipe("b"), pipe("c")],
    [Step.parallel("s", [pipe("a"), gate("b", on_error="HOLD")]), pipe("c")],
    [pipe("c"), Step.parallel("s", [pipe("a"), gate("b", on_error="HOLD")])],
    [Step.parallel("s", [pipe("a"), pipe("b", on_error="CONTINUE"), pipe("d")], max_concurrency=2), pipe("c")],
    [Step.parallel("s", [pipe("a"), pipe("b")], on_error="CONTINUE")],
]
PLANS = [planned(*line, **hooks) for line in LINES for hooks in ({}, HOOKS)]


def events(state):
    """What can happen to a run now, each with its name and the step that it is of."""
    yield "the run is cancelled", None, CANCELLED
    stopping = {name for names in state.halted for name in names_of(state, names)}
    for name, execution in state.executions.items():
        step = state.plan.places[name].step
        if name in stopping and execution.status in {StepStatus.RUNNING, StepStatus.HELD}:
            yield "is stopped", name, stopped(name)
        if execution.status is StepStatus.RUNNING and not hasattr(step, "steps"):
            done = chosen(name, True) if isinstance(step, PlannedChoice) else ok(name)
            yield "completes", name, done
            yield "fails", name, bad(name)
        if execution.status is StepStatus.HELD and isinstance(step, PlannedGate):
            for action in ("waive", "retry", "abort"):
                yield f"`{action}`", name, decided(name, action)
            if state.plan.places[name].parallel is None and state.plan.places[name].position:
                yield "`retry`, from an earlier step", name, decided(name, "retry", state.plan.steps[0].name)


def names_of(state, parallel):
    return [step.name for step in state.plan.places[parallel].step.steps]


def key_of(state):
    executions = tuple((name, each.status) for name, each in sorted(state.executions.items()))
    return state.status, state.ending, executions, tuple(sorted(state.halted)), bool(state.rounds)


def moves():
    """Each move of each plan: the state before, the event's name, its step, the state after, the commands."""
    for plan in PLANS:
        for holds in (False, True):
            left, seen = [begin(plan, holds_gates=holds)[0]], set()
            while left:
                before = left.pop()
                if key_of(before) in seen:
                    continue
                seen.add(key_of(before))
                for event, step, given in events(before):
                    after, commands = advance(before, given)
                    yield before, event, step, after, commands
                    if after.status is WorkflowStatus.RUNNING:
                        left.append(after)


def of_steps():
    """What becomes of each step by an event of its own, or of another's."""
    for before, event, step, after, _ in moves():
        for name in before.executions | after.executions:
            was, becomes = status_in(before, name), status_in(after, name)
            has_inner = hasattr(before.plan.places[name].step, "steps")
            others = "the last step in it ends" if has_inner and was == "RUNNING" else "another step ends"
            if was != becomes or name == step:
                yield was, event if step in {name, None} or "retry" in event else others, becomes


def status_in(state, name):
    execution = state.executions.get(name)
    return "not begun" if execution is None else execution.status.value


def phase(state):
    return f"{state.status}, in its hooks" if state.ending and state.status is WorkflowStatus.RUNNING else state.status


def of_runs():
    for before, event, step, after, commands in moves():
        if phase(before) != phase(after):
            asked = " and ".join(sorted({type(command).__name__ for command in commands}))
            yield phase(before), named(before, event, step), phase(after), asked


def named(state, event, step):
    """The event as the table of runs has it."""
    if step is None:
        return event
    if event.startswith("`"):
        return f"a held gate: {event}"
    return f"a {'hook' if state.plan.places[step].position is None else 'step'} {event}"


def table(title):
    """The rows of the page's table, without what the last cell says of each."""
    part = PAGE.split(f"\n### {title}\n", 1)[1].split("\n#", 1)[0]
    rows = [tuple(row.split(" | ")[:-1]) for row in re.findall(r"^\| (.*) \|$", part, re.MULTILINE)[1:]]
    assert len(rows) == len(set(rows))
    return set(rows)


def test_the_table_of_steps_is_the_machines():
    assert table("A step") == set(of_steps())


def test_the_table_of_runs_is_the_machines():
    assert table("A run") == set(of_runs())


def test_every_status_and_policy_is_told():
    for each in (*StepStatus, *WorkflowStatus, *ErrorPolicy):
        assert re.search(rf"\b{each}\b", PAGE), each
