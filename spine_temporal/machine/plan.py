"""The Plan: a Workflow as JSON. A run keeps the plan that it began with, even if the definition changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from spine_temporal.definition.items import items_path
from spine_temporal.definition.policies import ErrorPolicy


class _Planned(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    stage: str
    #: Position of the step that follows; the number of steps is the end. Unused in a parallel step and for hooks.
    following: int = 0
    on_error: ErrorPolicy = ErrorPolicy.STOP

    def model_post_init(self, context: Any, /) -> None:
        """Mark the kind as set: JSON leaves out what was not set, and the kind tells the steps of a plan apart."""
        self.model_fields_set.add("kind")


class PlannedRetry(BaseModel):
    """How often and how fast a pipeline is tried again; times in seconds."""

    model_config = ConfigDict(frozen=True)

    max_attempts: int = 3
    initial_interval: float = 1.0
    backoff: float = 2.0
    max_interval: float = 60.0


class PlannedLimit(BaseModel):
    """What a pipeline shares with all others that use its source."""

    model_config = ConfigDict(frozen=True)

    key: str
    concurrency: int | None = None
    per_second: float | None = None


class PlannedPipeline(_Planned):
    """A pipeline step of a plan."""

    kind: Literal["pipeline"] = "pipeline"
    pipeline: str
    params: Mapping[str, Any] = Field(default_factory=dict)
    retry: PlannedRetry = Field(default_factory=PlannedRetry)
    timeout: float
    heartbeat_timeout: float
    #: Whether its first attempt runs within the workflow task, in the worker's process.
    local: bool = False
    #: Whether the worker that began the run has seen it to take moments: as ``local``, but in a process of its own, and
    #: not for long.
    brief: bool = False
    #: Whether code gives the params, when the step begins.
    computed: bool = False
    sample_output: Mapping[str, Any] = Field(default_factory=dict)
    #: Bytes that an attempt may take; None: the worker's default.
    memory: int | None = None
    #: Where its attempts ask for workers; None: where the run does.
    task_queue: str | None = None
    limit: PlannedLimit | None = None


class PlannedApproval(BaseModel):
    """What a plan asks of who decides of a held gate; durations in seconds."""

    model_config = ConfigDict(frozen=True)

    approvers: tuple[str, ...] = ()
    evidence: bool = False
    four_eyes: bool = False
    remind: float | None = None
    escalate: float | None = None

    @property
    def told(self) -> str:
        """Who decides, and what a waiver needs, in words; empty where nothing is asked."""
        needs = " and ".join([*["evidence"] * self.evidence, *["a second person"] * self.four_eyes])
        who = f"{', '.join(self.approvers)} decide" if self.approvers else ""
        return "; ".join(part for part in (who, f"a waiver needs {needs}" if needs else "") if part)


class PlannedGate(_Planned):
    """A lambda step of a plan; its handler stays code."""

    kind: Literal["lambda"] = "lambda"
    config: Mapping[str, Any] = Field(default_factory=dict)
    #: Seconds that a person has where the gate is held, and what is decided then.
    deadline: float | None = None
    at_deadline: str = "abort"
    #: What is asked of who decides; None: nothing.
    approval: PlannedApproval | None = None


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


class PlannedMap(_Planned):
    """A map of a plan: the same for each item, as activities where ``pipeline`` is there, else as runs."""

    kind: Literal["map"] = "map"
    workflow: str
    pipeline: PlannedPipeline | None = None
    #: Where the items are: a path, or themselves; neither: code gives them.
    path: str | None = None
    items: tuple[Any, ...] | None = None
    item_param: str | None = "item"
    #: The defaults of the item's workflow; the run's params win over them.
    defaults: Mapping[str, Any] = Field(default_factory=dict)
    params: Mapping[str, Any] = Field(default_factory=dict)
    #: The run's params that an item's run is given; None: all.
    known_params: tuple[str, ...] | None = None
    max_concurrency: int = 4
    tolerated_failures: int | float = 0
    #: Where the items' runs ask for workers; None: where the run does.
    task_queue: str | None = None

    @property
    def computed(self) -> bool:
        """Whether code gives the items, when the step begins."""
        return self.path is None and self.items is None

    @property
    def items_param(self) -> str | None:
        """The run's param that is the list of items, which no item is given."""
        path = items_path(self.path, ()) if self.path is not None else None
        return path.keys[0] if path is not None and path.step is None and len(path.keys) == 1 else None


class PlannedWorkflow(_Planned):
    """A sub-workflow of a plan."""

    kind: Literal["workflow"] = "workflow"
    workflow: str
    params: Mapping[str, Any] = Field(default_factory=dict)
    #: The run's params that it is given; None: all.
    known_params: tuple[str, ...] | None = None
    #: Whether code gives the params, when the step begins.
    computed: bool = False
    #: Where its run asks for workers; None: where the run does.
    task_queue: str | None = None


class PlannedWaitFor(_Planned):
    """A wait for partitions of another workflow."""

    kind: Literal["wait_for"] = "wait_for"
    workflow: str
    #: None: code gives them, when the step begins.
    partitions: tuple[Mapping[str, Any], ...] | None = None
    reached: str
    timeout: float
    poll_interval: float
    category: str

    @property
    def computed(self) -> bool:
        """Whether code gives the partitions, when the step begins."""
        return self.partitions is None


Inner = PlannedPipeline | PlannedGate | PlannedWait | PlannedMap | PlannedWorkflow | PlannedWaitFor


class PlannedParallel(_Planned):
    """Steps of a plan that run side by side."""

    kind: Literal["parallel"] = "parallel"
    steps: tuple[Annotated[Inner, Field(discriminator="kind")], ...]
    max_concurrency: int | None = None


AnyPlanned = Inner | PlannedChoice | PlannedParallel
PlannedStep = Annotated[AnyPlanned, Field(discriminator="kind")]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a step stands in its plan."""

    step: AnyPlanned
    #: Among the plan's steps; None: it is a hook.
    position: int | None
    #: The parallel step that it is part of.
    parallel: PlannedParallel | None = None


class Plan(BaseModel):
    """The steps of a workflow, in order, as plain data."""

    model_config = ConfigDict(frozen=True)

    workflow: str
    domain: str
    version: int
    steps: tuple[PlannedStep, ...]
    on_failure: tuple[PlannedPipeline, ...] = ()
    on_cancel: tuple[PlannedPipeline, ...] = ()

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy, with its own places: its steps may be others."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("places", None)
        return copied

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """Where each step stands, by name, in the order of their ranks: those of a parallel step behind it."""
        places: dict[str, Place] = {}
        for position, step in enumerate(self.steps):
            places[step.name] = Place(step=step, position=position)
            if isinstance(step, PlannedParallel):
                for inner in step.steps:
                    places[inner.name] = Place(step=inner, position=position, parallel=step)
        for hook in (*self.on_failure, *self.on_cancel):
            places[hook.name] = Place(step=hook, position=None)
        return places

    @property
    def width(self) -> int:
        """How many pipelines may begin at once."""
        return max((_width_of(step) for step in self.steps), default=1)

    def span(self, first: str, last: str) -> tuple[str, ...]:
        """Return the names of the steps from one to another, both included, with the steps of a parallel step."""
        begins, ends = self.places[first].position, self.places[last].position
        assert begins is not None and ends is not None  # noqa: S101, PT018 - nobody goes back to a hook, or from one
        return tuple(name for name, place in self.places.items() if place.position in range(begins, ends + 1))


def _width_of(step: AnyPlanned) -> int:
    match step:
        case PlannedParallel():
            return min(len(step.steps), step.max_concurrency or len(step.steps))
        case PlannedMap():
            return step.max_concurrency
        case _:
            return 1
