"""The state of a run, what can happen to it, and what it asks its driver to do. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from spine_temporal.definition.context import WorkflowContext
from spine_temporal.definition.run_result import (
    Decision,
    ItemCounts,
    StepExecution,
    StepStatus,
    WorkflowResult,
    WorkflowStatus,
)
from spine_temporal.machine.plan import Inner, Plan, PlannedApproval, PlannedChoice, PlannedGate
from spine_temporal.machine.step_outcome import Failed, Kept, StepOutcome


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the machine knows of its run. It is fixed, and has nothing of Temporal's or Postgres's (``Begun`` has)."""

    run_id: str
    started_at: datetime
    params: Mapping[str, Any] = field(default_factory=dict)
    partition: Mapping[str, Any] = field(default_factory=dict)
    is_dry_run: bool = False
    #: Whether a gate that would stop the run waits for a person instead.
    holds_gates: bool = False


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The failure that ended a run."""

    step: str
    error: str
    category: str


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that the machine knows; every event gives a new one."""

    plan: Plan
    run: Run
    executions: Mapping[str, StepExecution] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: Steps that are not done again: how each ended in the run that this one resumes.
    kept: Mapping[str, Kept] = field(default_factory=dict)
    #: How many times a person has sent the run back to each step; steps that were never sent back to are absent.
    rounds: Mapping[str, int] = field(default_factory=dict)
    #: Of each parallel step that runs: the steps that have not begun.
    waiting: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Of each parallel step that a failure has stopped: that failure.
    halted: Mapping[str, Failure] = field(default_factory=dict)
    #: Gates that wait for a person, with what they had answered.
    held: Mapping[str, Failed] = field(default_factory=dict)
    failure: Failure | None = None
    #: How the run ends when its hooks have run.
    ending: WorkflowStatus | None = None
    status: WorkflowStatus = WorkflowStatus.RUNNING
    completed_at: datetime | None = None

    @property
    def running(self) -> tuple[str, ...]:
        """The steps that have begun and not ended."""
        return tuple(name for name, step in self.executions.items() if step.status is StepStatus.RUNNING)

    @property
    def context(self) -> WorkflowContext:
        """What a gate sees now."""
        return WorkflowContext(
            params=self.run.params,
            outputs=self.outputs,
            partition=self.run.partition,
            run_id=self.run.run_id,
            workflow_name=self.plan.workflow,
            started_at=self.run.started_at,
            is_dry_run=self.run.is_dry_run,
        )

    def context_of(self, step: str) -> WorkflowContext:
        """What the code of a step sees: never what runs beside it, which may have ended or not."""
        parallel = self.plan.places[step].parallel
        if parallel is None:
            return self.context
        beside = {inner.name for inner in parallel.steps}
        outputs = {name: output for name, output in self.outputs.items() if name not in beside}
        return replace(self, outputs=outputs).context

    @property
    def result(self) -> WorkflowResult:
        """What the run has come to."""
        ended = self.completed_at
        result = WorkflowResult(
            workflow_name=self.plan.workflow,
            run_id=self.run.run_id,
            status=self.status,
            started_at=self.run.started_at,
            completed_at=ended,
            duration_seconds=max((ended - self.run.started_at).total_seconds(), 0.0) if ended else None,
            partition=dict(self.run.partition),
            completed_steps=self._steps_that(StepStatus.COMPLETED),
            skipped_steps=self._steps_that(StepStatus.SKIPPED),
            failed_steps=self._steps_that(StepStatus.FAILED),
            step_executions=list(self.executions.values()),
            outputs=dict(self.outputs),
            is_dry_run=self.run.is_dry_run,
        )
        if self.failure is None:
            return result
        failure = {"error_step": self.failure.step, "error": self.failure.error}
        return result.model_copy(update=failure | {"error_category": self.failure.category})

    def with_execution(self, execution: StepExecution) -> "State":
        """Return the state with this step's execution added or replaced."""
        return replace(self, executions={**self.executions, execution.step_name: execution})

    def _steps_that(self, status: StepStatus) -> list[str]:
        return [name for name, step in self.executions.items() if step.status is status]


@dataclass(frozen=True, kw_only=True)
class StepEnded:
    """Event: a step that the driver was asked to do has ended."""

    outcome: StepOutcome
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Decided:
    """Event: somebody has decided of a held gate."""

    step: str
    decision: Decision
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Progressed:
    """Event: a map has come further."""

    step: str
    items: ItemCounts


@dataclass(frozen=True, kw_only=True)
class Cancelled:
    """Event: somebody cancelled the run."""

    at: datetime


Event = StepEnded | Decided | Progressed | Cancelled


@dataclass(frozen=True, kw_only=True)
class Do:
    """Command: do this step, then send ``StepEnded``: for a gate or a choice, with the verdict that was recorded."""

    step: Inner | PlannedChoice
    #: How many times a person has sent the run back to it.
    round: int = 0


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Command: the gate is held; record it, wait for a person or the deadline, then send ``Decided``."""

    step: PlannedGate
    outcome: Failed
    round: int = 0


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Command: stop these steps, and send ``StepEnded`` for each when it has stopped."""

    steps: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Finish:
    """Command: the run has ended; record it and give back its result."""


Doing = Do | Hold
Command = Doing | Stop | Finish


def approval_of(state: State, step: str) -> PlannedApproval | None:
    """Return what a step asks of who decides; None: nothing."""
    planned = state.plan.places[step].step
    return planned.approval if isinstance(planned, PlannedGate) else None
