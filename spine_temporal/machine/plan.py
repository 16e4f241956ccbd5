"""The Plan: a Workflow as JSON. A run keeps the plan that it began with, whatever the definition becomes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field

from spine_temporal.definition.policies import ErrorPolicy
from spine_temporal.definition.steps import AnyStep, ChoiceStep, LambdaStep, PipelineStep, WaitStep
from spine_temporal.definition.workflow import Workflow


class _Planned(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    stage: str
    #: Position of the step that follows; the number of steps is the end.
    following: int
    on_error: ErrorPolicy = ErrorPolicy.STOP


class PlannedRetry(BaseModel):
    """How often and how fast a pipeline is tried again; times in seconds."""

    model_config = ConfigDict(frozen=True)

    max_attempts: int = 3
    initial_interval: float = 1.0
    backoff: float = 2.0
    max_interval: float = 60.0


class PlannedPipeline(_Planned):
    """A pipeline step of a plan."""

    kind: Literal["pipeline"] = "pipeline"
    pipeline: str
    params: Mapping[str, Any] = Field(default_factory=dict)
    retry: PlannedRetry = Field(default_factory=PlannedRetry)
    timeout: float
    heartbeat_timeout: float


class PlannedGate(_Planned):
    """A lambda step of a plan; its handler stays code."""

    kind: Literal["lambda"] = "lambda"
    config: Mapping[str, Any] = Field(default_factory=dict)


class PlannedChoice(_Planned):
    """A choice of a plan; its condition stays code."""

    kind: Literal["choice"] = "choice"
    then: int
    otherwise: int


class PlannedWait(_Planned):
    """A wait of a plan: for seconds, or until a moment."""

    kind: Literal["wait"] = "wait"
    seconds: float | None = None
    until: datetime | None = None

    def left(self, now: datetime) -> float:
        """Return how many seconds are to be waited from ``now`` on."""
        if self.until is None:
            return self.seconds or 0.0
        return max(0.0, (self.until - now).total_seconds())


AnyPlanned = PlannedPipeline | PlannedGate | PlannedChoice | PlannedWait
PlannedStep = Annotated[AnyPlanned, Field(discriminator="kind")]


class Plan(BaseModel):
    """The steps of a workflow, in order, as plain data."""

    model_config = ConfigDict(frozen=True)

    workflow: str
    domain: str
    version: int
    steps: tuple[PlannedStep, ...]


def plan_of(workflow: Workflow) -> Plan:
    """Return the workflow as a plan."""
    return Plan(
        workflow=workflow.name,
        domain=workflow.domain,
        version=workflow.version,
        steps=tuple(_planned(workflow, index, step) for index, step in enumerate(workflow.steps)),
    )


def _planned(workflow: Workflow, index: int, step: AnyStep) -> AnyPlanned:
    following = workflow.routes.following[index]
    match step:
        case PipelineStep():
            return PlannedPipeline(
                name=step.name,
                stage=step.stage,
                following=following,
                on_error=step.on_error,
                pipeline=step.pipeline,
                params=dict(step.params),
                retry=PlannedRetry(**vars(step.retry)),
                timeout=step.timeout,
                heartbeat_timeout=step.heartbeat_timeout,
            )
        case LambdaStep():
            return PlannedGate(
                name=step.name, stage=step.stage, following=following, on_error=step.on_error, config=dict(step.config)
            )
        case ChoiceStep():
            branching = workflow.routes.branchings[index]
            otherwise = branching.join if branching.otherwise is None else branching.otherwise
            return PlannedChoice(
                name=step.name,
                stage=step.stage,
                following=following,
                then=branching.then,
                otherwise=workflow.routes.after(index, otherwise),
            )
        case WaitStep():
            return PlannedWait(
                name=step.name, stage=step.stage, following=following, seconds=step.duration, until=step.until
            )
    assert_never(step)
