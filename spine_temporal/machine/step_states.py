"""How the beginning and the end of a step change the state of its run."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, assert_never

from spine_temporal.definition.run_result import StepExecution, StepStatus
from spine_temporal.machine.plan import AnyPlanned, PlannedParallel
from spine_temporal.machine.state import State
from spine_temporal.machine.step_outcome import Cancelled, Completed, Failed, Skipped, StepOutcome


def with_running(state: State, step: AnyPlanned, at: datetime) -> State:
    """Return the state in which the step runs."""
    return state.with_execution(
        StepExecution(step_name=step.name, step_type=step.kind, status=StepStatus.RUNNING, started_at=at)
    )


def with_skipped(state: State, steps: tuple[AnyPlanned, ...]) -> State:
    """Return the state in which those of the steps that have not begun are skipped."""
    for passed in steps:
        if passed.name not in state.executions:
            state = state.with_execution(
                StepExecution(step_name=passed.name, step_type=passed.kind, status=StepStatus.SKIPPED)
            )
        if isinstance(passed, PlannedParallel):
            state = with_skipped(state, passed.steps)
    return state


def with_ended(state: State, outcome: StepOutcome, at: datetime) -> State:
    """Return the state in which the step has ended so, with its output."""
    begun = state.executions[outcome.step]
    started = outcome.started_at or begun.started_at or at
    ended = outcome.completed_at or at
    execution = begun.changed(
        status=_status_of(outcome),
        started_at=started,
        completed_at=ended,
        duration_seconds=max((ended - started).total_seconds(), 0.0),
        attempt=outcome.attempt,
        decision=outcome.decision or begun.decision,
        **_told(outcome),
    )
    outputs = state.outputs
    if isinstance(outcome, Completed) or (isinstance(outcome, Failed) and outcome.output):
        outputs = {**outputs, outcome.step: outcome.output}
    executions = {**state.executions, outcome.step: execution}
    return replace(state, executions=executions, held=without(state.held, outcome.step), outputs=outputs)


def _told(outcome: StepOutcome) -> dict[str, Any]:
    """Return what each way of ending alone tells; what an earlier round has told is forgotten."""
    names = ("error", "traceback", "next_step", "kept_from", "items")
    told = {name: getattr(outcome, name, None) for name in names}
    category = outcome.category if isinstance(outcome, Failed) else None
    reason = outcome.skip_reason if isinstance(outcome, Skipped) else None
    return told | {"error_category": category, "reason": reason}


def without(held: Mapping[str, Failed], name: str) -> Mapping[str, Failed]:
    """Return the held gates but that one."""
    return {step: outcome for step, outcome in held.items() if step != name}


def _status_of(outcome: StepOutcome) -> StepStatus:
    match outcome:
        case Completed():
            return StepStatus.COMPLETED
        case Failed():
            return StepStatus.FAILED
        case Skipped():
            return StepStatus.SKIPPED
        case Cancelled():
            return StepStatus.CANCELLED
    assert_never(outcome)
