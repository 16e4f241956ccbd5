"""The kinds of step that consist of other steps or runs: parallel, map, sub-workflow, and a wait for another run."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spine_temporal.definition.context import WorkflowContext
from spine_temporal.definition.errors import DefinitionError, ErrorCategory
from spine_temporal.definition.json_values import JsonValueError, to_json
from spine_temporal.definition.policies import ErrorPolicy
from spine_temporal.definition.runnable import Runnable
from spine_temporal.definition.simple_steps import ChoiceStep, Params, PipelineStep, SimpleStep
from spine_temporal.definition.step_checks import (
    NOTHING,
    check_concurrency,
    check_step,
    freeze,
    json_or_function,
    refuse_retry,
)

if TYPE_CHECKING:
    from spine_temporal.definition.workflow import Workflow

Items = str | Sequence[Any] | Callable[[WorkflowContext], Sequence[Any]]
Partitions = Mapping[str, Any] | Sequence[Mapping[str, Any]] | Callable[[WorkflowContext], Any]

#: Seconds that a partition of another workflow is waited for, and between two looks.
DEFAULT_WAIT_FOR = 24 * 3600.0
DEFAULT_POLL_INTERVAL = 30.0

_PARAM = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, kw_only=True)
class ParallelStep:
    """Runs its steps side by side; its output is theirs by name. A failure with STOP cancels the others."""

    name: str
    steps: Sequence["AnyStep"]
    #: Steps at once; None: all.
    max_concurrency: int | None = None
    on_error: ErrorPolicy = ErrorPolicy.STOP
    stage: str = ""

    def __post_init__(self) -> None:
        check_step(self)
        refuse_retry(self)
        check_concurrency(self)
        given: object = self.steps
        if not isinstance(given, list | tuple) or not given:
            raise DefinitionError(f"parallel {self.name!r} has no steps: give a list with at least one")
        for step in self.steps:
            if not isinstance(step, AnyStep) or isinstance(step, ChoiceStep | ParallelStep):
                what = f"a {_kind(step)}" if isinstance(step, AnyStep) else repr(step)
                raise DefinitionError(
                    f"parallel {self.name!r} cannot hold {what}: give it pipelines, gates, waits, maps and "
                    "sub-workflows, and put choices into a sub-workflow (Step.workflow)"
                )
        freeze(self, "steps", tuple(self.steps))


@dataclass(frozen=True, kw_only=True)
class MapStep:
    """Runs a workflow for each item, bounded, with the results in the items' order."""

    name: str
    #: A param's name, a path into a step's output (``list_weeks.weeks``), a list, or a pure function of the context.
    items: Items
    workflow: "Workflow"
    max_concurrency: int = 4
    #: The param that holds the item; None: each item is a dict of params.
    item_param: str | None = "item"
    #: Added to the run's params, for every item.
    params: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    #: How many items may fail before the step fails: a count, or a share of the items between 0 and 1.
    tolerated_failures: int | float = 0
    on_error: ErrorPolicy = ErrorPolicy.STOP
    stage: str = ""

    def __post_init__(self) -> None:
        check_step(self)
        refuse_retry(self)
        check_concurrency(self)
        _check_workflow(self, "iterator_workflow")
        self._check_items()
        if self.item_param is not None and (
            not isinstance(self.item_param, str) or not _PARAM.fullmatch(self.item_param)
        ):
            raise DefinitionError(f"map {self.name!r}: item_param must be the name of a param, not {self.item_param!r}")
        if callable(self.params):
            raise DefinitionError(f"map {self.name!r}: params must be a dict; what differs by item belongs into items")
        json_or_function(self, "params")
        self._check_tolerated(self.tolerated_failures)

    @property
    def of_pipelines(self) -> PipelineStep | None:
        """The pipeline of each item, if the iterator is that one step, without a partition, params model or hooks.

        Its items then run as plain activities of the map's run.
        """
        steps, workflow = self.workflow.steps, self.workflow
        own = workflow.partition_by or workflow.params_model or workflow.on_failure or workflow.on_cancel
        if len(steps) == 1 and isinstance(steps[0], PipelineStep) and not callable(steps[0].params) and not own:
            return steps[0]
        return None

    def _check_items(self) -> None:
        if isinstance(self.items, str | list | tuple) and not self.items:
            raise DefinitionError(f"map {self.name!r} has no items: name a param, or a path such as 'list_weeks.weeks'")
        if isinstance(self.items, list | tuple):
            try:
                freeze(self, "items", tuple(to_json(list(self.items), f"map {self.name!r}: items")))
            except JsonValueError as error:
                raise DefinitionError(str(error)) from None
        elif not isinstance(self.items, str) and not callable(self.items):
            raise DefinitionError(
                f"map {self.name!r}: items must be a param's name, a path into a step's output such as "
                f"'list_weeks.weeks', a list, or a function of the context, not {self.items!r}"
            )

    def _check_tolerated(self, value: Any) -> None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or value < 0 or (isinstance(value, float) and value >= 1):
            raise DefinitionError(
                f"map {self.name!r}: tolerated_failures must be a count (5) or a share below 1 (0.05), not {value!r}"
            )


@dataclass(frozen=True, kw_only=True)
class WorkflowStep:
    """Runs another workflow as a run of its own; its outputs by step are the step's output."""

    name: str
    workflow: "Workflow"
    #: Added to the run's params, of which it is given those that its ``params_model`` knows.
    params: Params = field(default_factory=lambda: NOTHING)
    on_error: ErrorPolicy = ErrorPolicy.STOP
    stage: str = ""

    def __post_init__(self) -> None:
        check_step(self)
        refuse_retry(self)
        _check_workflow(self, "workflow")
        json_or_function(self, "params")


@dataclass(frozen=True, kw_only=True)
class WaitForStep:
    """Waits until partitions of another workflow have reached a stage. Occupies no worker between two looks."""

    name: str
    #: The other workflow's name.
    workflow: str
    #: One, several, or a pure function of the context that gives them.
    partition: Partitions
    reached: str = "COMPLETED"
    #: Seconds.
    timeout: float = DEFAULT_WAIT_FOR
    poll_interval: float = DEFAULT_POLL_INTERVAL
    #: Of the failure where the time has passed.
    category: str = ErrorCategory.TIMEOUT.value
    on_error: ErrorPolicy = ErrorPolicy.STOP
    stage: str = ""

    def __post_init__(self) -> None:
        check_step(self)
        refuse_retry(self)
        if not isinstance(self.workflow, str) or not self.workflow:
            raise DefinitionError(f"step {self.name!r} must name the workflow that it waits for, not {self.workflow!r}")
        if not callable(self.partition):
            try:
                listed = partitions_of(self.partition)
            except ValueError as error:
                raise DefinitionError(f"step {self.name!r}: {error}") from None
            freeze(self, "partition", tuple(listed))


AnyStep = SimpleStep | ChoiceStep | ParallelStep | MapStep | WorkflowStep | WaitForStep


def flattened(steps: Sequence[AnyStep]) -> list[AnyStep]:
    """Return every step in order, those of a parallel step behind it."""
    flat: list[AnyStep] = []
    for step in steps:
        flat.append(step)
        if isinstance(step, ParallelStep):
            flat += step.steps
    return flat


def partitions_of(given: Any) -> list[dict[str, Any]]:
    """Return the partitions as a list of JSON objects; raise ``ValueError`` for anything else."""
    listed = [given] if isinstance(given, Mapping) else given
    if not isinstance(listed, list | tuple) or not listed or not all(isinstance(one, Mapping) for one in listed):
        raise ValueError(f"partition must be a dict of params, or a list with at least one, not {given!r}")
    made: list[dict[str, Any]] = to_json([dict(one) for one in listed], "partition")
    return made


def _check_workflow(step: Any, what: str) -> None:
    if not isinstance(step.workflow, Runnable):
        raise DefinitionError(f"step {step.name!r}: {what} must be a Workflow, not {step.workflow!r}")


def _kind(step: Any) -> str:
    return type(step).__name__.removesuffix("Step").lower()
