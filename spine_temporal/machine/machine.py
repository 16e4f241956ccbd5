"""The state machine: (state, event) -> (state, commands). It decides; its driver does."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.policies import ErrorPolicy
from spine_temporal.definition.run_result import Decision, StepStatus, WorkflowStatus
from spine_temporal.machine.plan import (
    AnyPlanned,
    Inner,
    Place,
    Plan,
    PlannedChoice,
    PlannedGate,
    PlannedParallel,
)
from spine_temporal.machine.state import (
    Cancelled,
    Command,
    Decided,
    Do,
    Event,
    Failure,
    Finish,
    Hold,
    Progressed,
    Run,
    State,
    StepEnded,
    Stop,
)
from spine_temporal.machine.step_outcome import CONDITION, Completed, Failed, Kept, Skipped, StepOutcome
from spine_temporal.machine.step_states import with_ended, with_running, with_skipped, without

Move = tuple[State, tuple[Command, ...]]

_CONFIGURATION = ErrorCategory.CONFIGURATION.value
#: Steps that have begun and not ended.
_OPEN = (StepStatus.RUNNING, StepStatus.HELD)


def start(plan: Plan, run: Run, kept: Mapping[str, Kept] | None = None) -> Move:
    """Begin a run at its first step that is not ``kept`` from an earlier run."""
    return _past_kept(_enter(State(plan=plan, run=run, kept=kept or {}), -1, 0, run.started_at), run.started_at)


def advance(state: State, event: Event) -> Move:
    """Take an event in; return the new state and what the driver must do now. A run that has ended stays as it is."""
    if state.status is not WorkflowStatus.RUNNING:
        return state, ()
    match event:
        case StepEnded():
            return _past_kept(_step_ended(state, event.outcome, event.at), event.at)
        case Decided():
            return _past_kept(_decided(state, event.step, event.decision, event.at), event.at)
        case Progressed():
            execution = state.executions[event.step]
            return state.with_execution(execution.model_copy(update={"items": event.items})), ()
        case Cancelled():
            return _cancelled(state, event.at)
    assert_never(event)


def _past_kept(move: Move, at: datetime) -> Move:
    """Let each step end at once that an earlier run has done."""
    state, asked = move
    left: list[Command] = []
    commands = list(asked)
    while commands:
        command = commands.pop(0)
        if not isinstance(command, Stop | Finish | Hold) and command.step.name in state.kept:
            state, more = _step_ended(state, state.kept[command.step.name], at)
            commands += more
        else:
            left.append(command)
    return state, tuple(left)


def _step_ended(state: State, outcome: StepOutcome, at: datetime) -> Move:
    place = state.plan.places[outcome.step]
    if place.position is None:
        return _hook_ended(with_ended(state, outcome, at), outcome.step, at)
    if place.parallel is not None:
        return _inner_ended(state, place, place.parallel, outcome, at)
    if isinstance(outcome, Failed) and _holds(state, place):
        return _hold(state, place.step, outcome)
    outcome, target = _routed(state, place.position, outcome)
    state = with_ended(state, outcome, at)
    if not isinstance(outcome, Failed):
        return _enter(state, place.position, target, at)
    if place.step.on_error is ErrorPolicy.CONTINUE or state.run.is_dry_run:
        return _enter(state, place.position, place.step.following, at)
    return _failed(state, outcome, at)


def _failed(state: State, outcome: Failed, at: datetime) -> Move:
    failure = state.halted.get(outcome.step) or _failure_of(outcome)
    return _finish(replace(state, failure=failure), WorkflowStatus.FAILED, at)


def _failure_of(outcome: Failed) -> Failure:
    return Failure(step=outcome.step, error=outcome.error, category=outcome.category)


def _routed(state: State, position: int, outcome: StepOutcome) -> tuple[StepOutcome, int]:
    """Return where the step sends the run; a route that is not forward fails the step."""
    step = state.plan.steps[position]
    if not isinstance(outcome, Completed):
        return outcome, step.following
    if isinstance(step, PlannedChoice):
        return outcome, step.then if outcome.output.get(CONDITION) else step.otherwise
    if outcome.next_step is None:
        return outcome, step.following
    later = [later.name for later in state.plan.steps[position + 1 :]]
    if outcome.next_step in later:
        return outcome, position + 1 + later.index(outcome.next_step)
    error = (
        f"gate {step.name!r} routes to {outcome.next_step!r}, which is no later step; "
        f"it may go to {', '.join(later) or 'none, being the last'}"
    )
    return outcome.refused(error, _CONFIGURATION), step.following


def _enter(state: State, position: int, target: int, at: datetime) -> Move:
    """Go on at ``target``; every step that is jumped over is skipped."""
    steps = state.plan.steps
    state = with_skipped(state, steps[position + 1 : target])
    if target >= len(steps):
        partial = any(step.status is StepStatus.FAILED for step in state.executions.values())
        return _finish(state, WorkflowStatus.PARTIAL if partial else WorkflowStatus.COMPLETED, at)
    step = steps[target]
    if isinstance(step, PlannedParallel):
        return _enter_parallel(state, step, at)
    return _begun(state, step, at)


def _begun(state: State, step: Inner | PlannedChoice, at: datetime) -> Move:
    return with_running(state, step, at), (Do(step=step, round=state.rounds.get(step.name, 0)),)


def _enter_parallel(state: State, parallel: PlannedParallel, at: datetime) -> Move:
    state = with_running(state, parallel, at)
    kept = state.kept.get(parallel.name)
    if isinstance(kept, Skipped):
        return _step_ended(with_skipped(state, parallel.steps), kept, at)
    names = tuple(step.name for step in parallel.steps)
    return _begin_waiting(replace(state, waiting={**state.waiting, parallel.name: names}), parallel, at)


def _begin_waiting(state: State, parallel: PlannedParallel, at: datetime) -> Move:
    """Begin as many of the waiting steps as may run at once."""
    waiting = state.waiting[parallel.name]
    room = len(waiting) if parallel.max_concurrency is None else parallel.max_concurrency - len(_open(state, parallel))
    commands: list[Command] = []
    for name in waiting[: max(room, 0)]:
        step = next(step for step in parallel.steps if step.name == name)
        state, more = _begun(state, step, at)
        commands += more
    left = waiting[max(room, 0) :]
    return replace(state, waiting={**state.waiting, parallel.name: left}), tuple(commands)


def _open(state: State, parallel: PlannedParallel) -> tuple[str, ...]:
    executions = (state.executions.get(step.name) for step in parallel.steps)
    return tuple(step.step_name for step in executions if step is not None and step.status in _OPEN)


def _inner_ended(state: State, place: Place, parallel: PlannedParallel, outcome: StepOutcome, at: datetime) -> Move:
    if isinstance(outcome, Completed) and outcome.next_step is not None:
        error = f"gate {outcome.step!r} is part of parallel {parallel.name!r} and cannot route: leave next_step out"
        outcome = outcome.refused(error, _CONFIGURATION)
    halted = parallel.name in state.halted
    if isinstance(outcome, Failed) and _holds(state, place) and not halted:
        return _hold(state, place.step, outcome)
    state = with_ended(state, outcome, at)
    commands: tuple[Command, ...] = ()
    stops = place.step.on_error is not ErrorPolicy.CONTINUE and not halted and not state.run.is_dry_run
    if isinstance(outcome, Failed) and stops:
        state = replace(state, halted={**state.halted, parallel.name: _failure_of(outcome)})
        state = with_skipped(replace(state, waiting={**state.waiting, parallel.name: ()}), parallel.steps)
        running = _open(state, parallel)
        commands = (Stop(steps=running),) if running else ()
    elif not halted:
        state, commands = _begin_waiting(state, parallel, at)
    if commands or _open(state, parallel):
        return state, commands
    return _step_ended(state, _parallel_outcome(state, parallel), at)


def _parallel_outcome(state: State, parallel: PlannedParallel) -> Completed | Failed:
    failure = state.halted.get(parallel.name)
    if failure is not None:
        return Failed(step=parallel.name, error=f"{failure.step}: {failure.error}", category=failure.category)
    outputs = {step.name: state.outputs[step.name] for step in parallel.steps if step.name in state.outputs}
    return Completed(step=parallel.name, output=outputs)


def _holds(state: State, place: Place) -> bool:
    """Whether a person is to decide of a failure there."""
    if state.run.is_dry_run or not isinstance(place.step, PlannedGate):
        return False
    policy = place.step.on_error
    return policy is ErrorPolicy.HOLD or (policy is ErrorPolicy.STOP and state.run.holds_gates)


def _hold(state: State, step: AnyPlanned, outcome: Failed) -> Move:
    assert isinstance(step, PlannedGate)  # noqa: S101 - nothing else is held
    execution = state.executions[step.name].model_copy(
        update={
            "status": StepStatus.HELD,
            "error": outcome.error,
            "error_category": outcome.category,
            "traceback": outcome.traceback,
        }
    )
    state = replace(state, held={**state.held, step.name: outcome}).with_execution(execution)
    return state, (Hold(step=step, outcome=outcome, round=state.rounds.get(step.name, 0)),)


def _decided(state: State, name: str, decision: Decision, at: datetime) -> Move:
    if name not in state.held:
        return state, ()
    held = state.held[name]
    state = replace(state, held=without(state.held, name))
    match decision.action:
        case "retry":
            return _sent_back(state, name, decision, at)
        case "waive":
            return _step_ended(state, held.waived(decision, at), at)
    told = {"error": f"{held.error} ({decision})", "decision": decision, "completed_at": at}
    return _aborted(state, held.model_copy(update=told), at)


def _aborted(state: State, outcome: Failed, at: datetime) -> Move:
    """Fail as with STOP."""
    place = state.plan.places[outcome.step]
    stopping = place.step.model_copy(update={"on_error": ErrorPolicy.STOP})
    if place.parallel is not None:
        unheld = replace(state, run=replace(state.run, holds_gates=False))
        inner = replace(place, step=stopping)
        after, commands = _inner_ended(unheld, inner, place.parallel, outcome, at)
        return replace(after, run=state.run), commands
    return _failed(with_ended(state, outcome, at), outcome, at)


def _sent_back(state: State, gate: str, decision: Decision, at: datetime) -> Move:
    """Check again; from an earlier step, whose outputs and those after it are forgotten first."""
    start_from = decision.start_from
    names = (gate,) if start_from is None else state.plan.span(start_from, gate)
    state = replace(state, rounds={**state.rounds, **{name: state.rounds.get(name, 0) + 1 for name in names}})
    if start_from is None:
        nothing = {"error": None, "error_category": None, "traceback": None}
        begun = {"status": StepStatus.RUNNING, **nothing, "decision": decision}
        step = state.plan.places[gate].step
        assert isinstance(step, PlannedGate)  # noqa: S101 - nothing else is held
        return state.with_execution(state.executions[gate].model_copy(update=begun)), (
            Do(step=step, round=state.rounds[gate]),
        )
    state = replace(
        state,
        executions={name: value for name, value in state.executions.items() if name not in names},
        outputs={name: value for name, value in state.outputs.items() if name not in names},
        kept={name: value for name, value in state.kept.items() if name not in names},
    )
    first = state.plan.places[start_from].position or 0
    return _enter(state, first - 1, first, at)


def _cancelled(state: State, at: datetime) -> Move:
    for execution in state.executions.values():
        if execution.status in _OPEN:
            ended = execution.model_copy(update={"status": StepStatus.CANCELLED, "completed_at": at})
            state = state.with_execution(ended)
    state = replace(state, held={}, waiting={})
    return _finish(state, state.ending or WorkflowStatus.CANCELLED, at)


def _finish(state: State, status: WorkflowStatus, at: datetime) -> Move:
    """End the run, after its hooks."""
    hooks = {WorkflowStatus.FAILED: state.plan.on_failure, WorkflowStatus.CANCELLED: state.plan.on_cancel}.get(status)
    if hooks and state.ending is None and not state.run.is_dry_run:
        return _begun(replace(state, ending=status), hooks[0], at)
    return replace(state, status=status, completed_at=at), (Finish(),)


def _hook_ended(state: State, name: str, at: datetime) -> Move:
    assert state.ending is not None  # noqa: S101 - hooks run at the end
    hooks = state.plan.on_failure if state.ending is WorkflowStatus.FAILED else state.plan.on_cancel
    position = [hook.name for hook in hooks].index(name) + 1
    if position < len(hooks):
        return _begun(state, hooks[position], at)
    return _finish(state, state.ending, at)
