"""The state machine: (state, event) -> (state, commands). It decides; its driver does."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.outcome import StepExecution, StepStatus, WorkflowStatus
from spine_temporal.definition.policies import ErrorPolicy
from spine_temporal.machine.plan import AnyPlanned, Plan, PlannedChoice, PlannedGate, PlannedPipeline, PlannedWait
from spine_temporal.machine.state import (
    Cancelled,
    Command,
    Evaluate,
    Event,
    Failure,
    Finish,
    Run,
    RunPipeline,
    State,
    StepEnded,
    Wait,
)
from spine_temporal.machine.step_outcome import CONDITION, StepOutcome

Move = tuple[State, tuple[Command, ...]]


def start(plan: Plan, run: Run, kept: Mapping[str, StepOutcome] | None = None) -> Move:
    """Begin a run at its first step that is not ``kept`` from an earlier run."""
    return _past_kept(_enter(State(plan=plan, run=run, kept=kept or {}), -1, 0, run.started_at), run.started_at)


def advance(state: State, event: Event) -> Move:
    """Take an event in; return the new state and what the driver must do now. A run that has ended stays as it is."""
    if state.status is not WorkflowStatus.RUNNING:
        return state, ()
    match event:
        case StepEnded():
            return _past_kept(_step_ended(state, event.outcome, event.at), event.at)
        case Cancelled():
            return _cancelled(state, event.at)
    assert_never(event)


def _past_kept(move: Move, at: datetime) -> Move:
    """Let each step end at once that an earlier run has done."""
    state, commands = move
    while commands and not isinstance(commands[0], Finish) and commands[0].step.name in state.kept:
        state, commands = _step_ended(state, state.kept[commands[0].step.name], at)
    return state, commands


def _step_ended(state: State, outcome: StepOutcome, at: datetime) -> Move:
    position = next(index for index, step in enumerate(state.plan.steps) if step.name == outcome.step)
    step = state.plan.steps[position]
    outcome, target = _routed(state, position, outcome)
    state = _with_ended(state, outcome, at)
    if not outcome.failed:
        return _enter(state, position, target, at)
    if step.on_error is ErrorPolicy.CONTINUE or state.run.is_dry_run:
        return _enter(state, position, step.following, at)
    failure = Failure(
        step=step.name, error=outcome.error or "", category=outcome.category or ErrorCategory.INTERNAL.value
    )
    return _finish(replace(state, failure=failure), WorkflowStatus.FAILED, at)


def _routed(state: State, position: int, outcome: StepOutcome) -> tuple[StepOutcome, int]:
    """Return where the step sends the run; a route that is not forward fails the step."""
    step = state.plan.steps[position]
    if outcome.failed:
        return outcome, step.following
    if isinstance(step, PlannedChoice) and outcome.skip_reason is None:
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
    return outcome.model_copy(update={"error": error, "category": ErrorCategory.CONFIGURATION.value}), step.following


def _with_ended(state: State, outcome: StepOutcome, at: datetime) -> State:
    begun = state.executions[outcome.step]
    started = outcome.started_at or begun.started_at or at
    ended = outcome.completed_at or at
    execution = begun.model_copy(
        update={
            "status": _status_of(outcome),
            "started_at": started,
            "completed_at": ended,
            "duration_seconds": max((ended - started).total_seconds(), 0.0),
            "attempt": outcome.attempt,
            "error": outcome.error,
            "error_category": outcome.category if outcome.failed else None,
            "next_step": outcome.next_step,
            "kept_from": outcome.kept_from,
            "reason": outcome.skip_reason,
        }
    )
    state = state.with_execution(execution)
    if (outcome.failed or outcome.skip_reason is not None) and not outcome.output:
        return state
    return replace(state, outputs={**state.outputs, outcome.step: outcome.output})


def _status_of(outcome: StepOutcome) -> StepStatus:
    if outcome.skip_reason is not None:
        return StepStatus.SKIPPED
    return StepStatus.FAILED if outcome.failed else StepStatus.COMPLETED


def _enter(state: State, position: int, target: int, at: datetime) -> Move:
    """Go on at ``target``; every step that is jumped over is skipped."""
    steps = state.plan.steps
    for passed in steps[position + 1 : target]:
        if passed.name not in state.executions:
            state = state.with_execution(
                StepExecution(step_name=passed.name, step_type=passed.kind, status=StepStatus.SKIPPED)
            )
    if target >= len(steps):
        partial = any(step.status is StepStatus.FAILED for step in state.executions.values())
        return _finish(state, WorkflowStatus.PARTIAL if partial else WorkflowStatus.COMPLETED, at)
    step = steps[target]
    state = state.with_execution(
        StepExecution(step_name=step.name, step_type=step.kind, status=StepStatus.RUNNING, started_at=at)
    )
    return state, (_command(step),)


def _command(step: AnyPlanned) -> Command:
    match step:
        case PlannedPipeline():
            return RunPipeline(step=step)
        case PlannedGate() | PlannedChoice():
            return Evaluate(step=step)
        case PlannedWait():
            return Wait(step=step)
    assert_never(step)


def _cancelled(state: State, at: datetime) -> Move:
    for name in state.running:
        execution = state.executions[name]
        state = state.with_execution(execution.model_copy(update={"status": StepStatus.CANCELLED, "completed_at": at}))
    return _finish(state, WorkflowStatus.CANCELLED, at)


def _finish(state: State, status: WorkflowStatus, at: datetime) -> Move:
    return replace(state, status=status, completed_at=at), (Finish(),)
