"""The door of a pipeline: the gates right before it, whose verdicts ride in its request. Pure.

Which gates those are follows from the plan alone: the command that asks for the pipeline is the same whatever its gates
say, so that an edited gate cannot break a replay.
"""

from dataclasses import dataclass
from datetime import datetime

from spine_temporal.definition.run_result import StepStatus, WorkflowResult, WorkflowStatus
from spine_temporal.machine.machine import advance
from spine_temporal.machine.plan import PlannedGate, PlannedPipeline
from spine_temporal.machine.state import Do, State, StepEnded
from spine_temporal.machine.step_outcome import Answered, Completed


@dataclass(frozen=True, kw_only=True)
class Door:
    """A pipeline and the gates before it, in order."""

    gates: tuple[PlannedGate, ...]
    pipeline: PlannedPipeline

    def passed(self, state: State, answer: Answered, at: datetime) -> State | None:
        """Return the state after a gate has let the run pass to the door's next step; None where it has not.

        Where it has failed it has not, also where the run goes on all the same: its failure is shown first.
        """
        steps = (*self.gates, self.pipeline)
        following = steps[1 + [step.name for step in steps].index(answer.step)]
        after, commands = advance(state, StepEnded(outcome=answer, at=at))
        has_passed = after.executions[answer.step].status is StepStatus.COMPLETED
        return after if has_passed and [one.step for one in commands if isinstance(one, Do)] == [following] else None


def door_of(state: State, gate: str) -> Door | None:
    """Return the door whose first gate this is; None where its verdict has to be recorded by itself.

    That is so where no pipeline follows, or one whose params code computes, which may read what the gates give.
    """
    plan, place = state.plan, state.plan.places[gate]
    if place.position is None or place.parallel is not None or state.run.is_dry_run:
        return None
    gates: list[PlannedGate] = []
    step = place.step
    while isinstance(step, PlannedGate) and step.following < len(plan.steps):
        gates.append(step)
        step = plan.steps[step.following]
        if step.name in state.kept:
            return None
    if not isinstance(step, PlannedPipeline) or step.computed:
        return None
    return Door(gates=tuple(gates), pipeline=step)


def door_ahead(state: State, step: str) -> Door | None:
    """Return the pipeline that a step is, or that comes right behind a gate; None where it is, or has, no such.

    A pipeline with no gate before it has a door all the same, which stands open.
    """
    place = state.plan.places[step]
    if not isinstance(place.step, PlannedPipeline):
        return door_of(state, step) if isinstance(place.step, PlannedGate) else None
    if place.position is None or place.parallel is not None or state.run.is_dry_run or place.step.computed:
        return None
    return None if place.step.name in state.kept else Door(gates=(), pipeline=place.step)


def end_after(state: State, pipeline: PlannedPipeline, at: datetime) -> WorkflowResult | None:
    """Return what the run comes to if this pipeline, which is all that runs, succeeds with nothing in its output.

    None where something would be left to do.
    """
    place = state.plan.places[pipeline.name]
    is_last = pipeline.following >= len(state.plan.steps)
    if place.position is None or place.parallel is not None or state.run.is_dry_run or not is_last:
        return None
    after, _ = advance(state, StepEnded(outcome=Completed(step=pipeline.name), at=at))
    return None if after.status is WorkflowStatus.RUNNING else after.result


def ended_with(result: WorkflowResult, outcome: Completed) -> WorkflowResult:
    """Return the result of ``end_after`` as this outcome of the pipeline makes it: the run ends when its step does."""
    ended = outcome.completed_at or result.completed_at
    assert ended is not None  # noqa: S101 - the run has ended
    steps = [
        step.model_copy(
            update={
                "started_at": outcome.started_at or step.started_at,
                "completed_at": ended,
                "duration_seconds": max((ended - (outcome.started_at or step.started_at or ended)).total_seconds(), 0),
                "attempt": outcome.attempt,
            }
        )
        if step.step_name == outcome.step
        else step
        for step in result.step_executions
    ]
    return result.model_copy(
        update={
            "completed_at": ended,
            "duration_seconds": max((ended - result.started_at).total_seconds(), 0),
            "step_executions": steps,
            "outputs": {**result.outputs, outcome.step: outcome.output},
        }
    )
