"""The ways through a plan: what the machine asks for where all passes, at each branch, and where a step fails."""

from collections.abc import Mapping
from datetime import UTC, datetime

from spine_temporal.machine.machine import advance, start
from spine_temporal.machine.plan import (
    AnyPlanned,
    Plan,
    PlannedChoice,
    PlannedMap,
    PlannedPipeline,
    PlannedWaitFor,
    PlannedWorkflow,
)
from spine_temporal.machine.state import Command, Finish, Hold, Run, State, StepEnded, Stop
from spine_temporal.machine.step_outcome import CONDITION, Cancelled, Completed, Failed, StepOutcome

#: Name of the path on which every step passes and every choice answers yes.
ALL_PASS = "all pass"  # noqa: S105 - a name
_AT = datetime(2000, 1, 1, tzinfo=UTC)


def command_paths(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return what is asked for, in order, by the path's name.

    ``all pass``; ``CHOICE: no`` for each choice; and ``STEP fails`` for each step whose failure asks for more than the
    run's end, from that failure on.
    """
    paths: dict[str, tuple[str, ...]] = {}
    left: list[tuple[str, Mapping[str, bool]]] = [(ALL_PASS, {})]
    while left:
        name, answers = left.pop(0)
        walk = _Walk(plan, answers)
        paths[name] = walk.asked
        for step, commands in walk.failures.items():
            if commands not in {(), ("finish",)}:
                paths.setdefault(f"{step} fails", commands)
        for choice in walk.choices:
            other = f"{choice}: no"
            if choice not in answers and other not in paths and other not in {path for path, _ in left}:
                left.append((other, {**answers, choice: False}))
    return paths


class _Walk:
    """One way through a plan."""

    def __init__(self, plan: Plan, answers: Mapping[str, bool]) -> None:
        self._answers = answers
        #: The choices on the way.
        self.choices: list[str] = []
        #: What is asked for where a step fails, instead of the rest of the way.
        self.failures: dict[str, tuple[str, ...]] = {}
        state, commands = start(plan, Run(run_id="", started_at=_AT))
        self.asked = tuple(self._to_the_end(state, commands))

    def _to_the_end(self, state: State, commands: tuple[Command, ...]) -> list[str]:
        asked: list[str] = []
        waiting = list(commands)
        while waiting:
            command = waiting.pop(0)
            asked.append(asked_by(command))
            if isinstance(command, Finish):
                break
            if isinstance(command, Stop | Hold):
                continue
            step = command.step
            if isinstance(step, PlannedChoice):
                self.choices.append(step.name)
            failed = Failed(step=step.name, error="")
            self.failures[step.name] = _after(state, failed)
            output = {CONDITION: self._answers.get(step.name, True)} if isinstance(step, PlannedChoice) else {}
            state, more = _ended(state, Completed(step=step.name, output=output))
            waiting += more
        return asked


def _after(state: State, outcome: StepOutcome) -> tuple[str, ...]:
    """Return what is asked for after a failure: until the run ends, or waits for a person."""
    state, commands = _ended(state, outcome)
    asked: list[str] = []
    waiting = list(commands)
    while waiting:
        command = waiting.pop(0)
        asked.append(asked_by(command))
        if isinstance(command, Finish | Hold):
            break
        names = command.steps if isinstance(command, Stop) else (command.step.name,)
        for name in names:
            end = Cancelled(step=name) if isinstance(command, Stop) else Completed(step=name)
            state, more = _ended(state, end)
            waiting += more
    return tuple(asked)


def _ended(state: State, outcome: StepOutcome) -> tuple[State, tuple[Command, ...]]:
    return advance(state, StepEnded(outcome=outcome, at=_AT))


def asked_by(command: Command) -> str:
    """Return in a line what a command asks for."""
    match command:
        case Finish():
            return "finish"
        case Stop():
            return f"stop {', '.join(command.steps)}"
        case Hold():
            return f"hold {command.step.name}"
    return f"{command.step.name}: {work_of(command.step)}"


def work_of(step: AnyPlanned) -> str:
    """Return what a step does, as far as Temporal is told of it."""
    match step:
        case PlannedPipeline():
            return f"pipeline {step.pipeline}{_told(local=step.local, computed=step.computed)}"
        case PlannedMap():
            of = f"pipeline {step.pipeline.pipeline}" if step.pipeline else f"workflow {step.workflow}"
            return f"map of {of}{_told(computed=step.computed)}"
        case PlannedWorkflow():
            return f"workflow {step.workflow}{_told(computed=step.computed)}"
        case PlannedWaitFor():
            return f"wait_for {step.workflow}{_told(computed=step.computed)}"
    return step.kind


def _told(**flags: bool) -> str:
    set_ = [name for name, value in flags.items() if value]
    return f" ({', '.join(set_)})" if set_ else ""
