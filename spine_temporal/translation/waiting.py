"""What a run waits for and what runs, as data: read from its state, rendered by whoever shows it.

A model crosses Temporal as the answer of the query ``waiting``, so its fields are only ever added, with defaults.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from spine_temporal.definition.run_result import ItemCounts
from spine_temporal.machine.plan import PlannedMap, PlannedPipeline, PlannedWait, PlannedWaitFor, PlannedWorkflow
from spine_temporal.machine.state import State, approval_of

#: Name of the query that answers with ``Waiting``.
WAITING = "waiting"


class _Cause(BaseModel):
    model_config = ConfigDict(frozen=True)

    def model_post_init(self, context: Any, /) -> None:
        """Count the kind as set: it tells causes apart, also where what was not set is left out."""
        self.model_fields_set.add("kind")


class HeldGate(_Cause):
    """A gate waits for a person, with what it had answered."""

    kind: Literal["held_gate"] = "held_gate"
    step: str
    category: str
    error: str
    #: Who decides, and what a waiver needs, in words; empty: anybody, by a word.
    asks: str = ""


class Timer(_Cause):
    """A step waits for some seconds, or until a moment."""

    kind: Literal["timer"] = "timer"
    step: str
    seconds: float | None = None
    until: datetime | None = None

    @property
    def ends(self) -> str:
        """When it ends, in words."""
        return f"until {self.until:%Y-%m-%d %H:%M:%S %Z}" if self.until else f"for {self.seconds or 0.0:g} s"


class OtherPartitions(_Cause):
    """A step waits for partitions of another workflow."""

    kind: Literal["other_partitions"] = "other_partitions"
    step: str
    workflow: str
    reached: str


class MissingCode(_Cause):
    """A step waits for a worker that has its code."""

    kind: Literal["missing_code"] = "missing_code"
    step: str
    step_kind: str
    workflow: str


class Unrecorded(_Cause):
    """The run waits until an activity of its own can write to Postgres."""

    kind: Literal["unrecorded"] = "unrecorded"
    activity: str
    #: What it records, in a line; may be empty.
    summary: str
    error: str


class BusyPartition(_Cause):
    """The run waits for its partition, which another run holds."""

    kind: Literal["busy_partition"] = "busy_partition"
    #: What was told at the first look.
    told: str


class DecidedGate(_Cause):
    """A held gate is decided: that is recorded, and a run of a backfill waits for a place then."""

    kind: Literal["decided_gate"] = "decided_gate"
    step: str
    #: Who has decided what, and why.
    decision: str


class RunningPipeline(_Cause):
    """A pipeline runs, or waits for its next attempt."""

    kind: Literal["running_pipeline"] = "running_pipeline"
    step: str
    pipeline: str
    max_attempts: int


class RunningMap(_Cause):
    """A map runs; ``items``: how far it has come, None where it begins."""

    kind: Literal["running_map"] = "running_map"
    step: str
    workflow: str
    items: ItemCounts | None = None


class RunningWorkflow(_Cause):
    """A sub-workflow runs."""

    kind: Literal["running_workflow"] = "running_workflow"
    step: str
    workflow: str


class RunningStep(_Cause):
    """A step runs of which there is no more to say: a gate, a choice, the steps side by side."""

    kind: Literal["running_step"] = "running_step"
    step: str


#: What keeps a run from going on that is no part of its state.
Obstacle = MissingCode | Unrecorded | BusyPartition | DecidedGate
Cause = Obstacle | HeldGate | Timer | OtherPartitions | RunningPipeline | RunningMap | RunningWorkflow | RunningStep


class Waiting(BaseModel):
    """Why a run has not gone on yet, in the order in which it is told; empty where nothing is to be said."""

    model_config = ConfigDict(frozen=True)

    causes: tuple[Annotated[Cause, Field(discriminator="kind")], ...] = ()


def waiting_of(state: State | None, obstacles: tuple[Obstacle, ...] = ()) -> Waiting:
    """Return what a run in this state waits for; ``None``: it has not begun."""
    if state is None:
        return Waiting(causes=obstacles)
    held = [_held(state, name) for name in state.held]
    decided = {cause.step for cause in obstacles if isinstance(cause, DecidedGate)}
    running = [_running(state, name) for name in state.running if name not in decided]
    return Waiting(causes=(*obstacles, *held, *running))


def _held(state: State, name: str) -> HeldGate:
    outcome = state.held[name]
    approval = approval_of(state, name)
    held = HeldGate(step=name, category=outcome.category or "", error=outcome.error or "")
    return held if approval is None else held.model_copy(update={"asks": approval.told})


def _running(state: State, name: str) -> Cause:
    match state.plan.places[name].step:
        case PlannedPipeline() as step:
            return RunningPipeline(step=name, pipeline=step.pipeline, max_attempts=step.retry.max_attempts)
        case PlannedWait() as step:
            return Timer(step=name, seconds=step.seconds, until=step.until)
        case PlannedWaitFor() as step:
            return OtherPartitions(step=name, workflow=step.workflow, reached=step.reached)
        case PlannedMap() as step:
            return RunningMap(step=name, workflow=step.workflow, items=state.executions[name].items)
        case PlannedWorkflow() as step:
            return RunningWorkflow(step=name, workflow=step.workflow)
        case _:
            return RunningStep(step=name)
