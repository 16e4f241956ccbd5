"""A workflow: a named, ordered list of steps, checked when it is made."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from spine_temporal.definition.busy import OnBusy, on_busy_of
from spine_temporal.definition.composite_steps import AnyStep, MapStep, WorkflowStep, flattened
from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.items import items_path
from spine_temporal.definition.json_values import JsonValueError, to_json
from spine_temporal.definition.limit import Limit
from spine_temporal.definition.routing import Routes, routes_of
from spine_temporal.definition.run_key import recording_domain
from spine_temporal.definition.runnable import Runnable
from spine_temporal.definition.simple_steps import PipelineStep
from spine_temporal.definition.task_queue import task_queue_of

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:\-]{0,199}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Workflow(Runnable):
    """What a job does, step by step.

    ``params_model`` validates params before anything runs. ``partition_by`` names the params that identify what a
    run works on (default: all of them, and without any each start is its own; ``()``: every start is the same); two
    runs of one partition never work at once. ``on_failure`` and
    ``on_cancel`` are pipeline steps that run when the run has failed or was cancelled: to release, to notify.
    """

    name: str
    steps: Sequence[AnyStep]
    domain: str = ""
    description: str = ""
    version: int = 1
    defaults: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    params_model: type[BaseModel] | None = None
    partition_by: Sequence[str] | None = None
    on_failure: Sequence[PipelineStep] = ()
    on_cancel: Sequence[PipelineStep] = ()
    #: What a start does that finds its partition held; a run option of that name wins.
    on_busy: OnBusy | str = OnBusy.FAIL
    #: Where its runs ask for workers; None: where whoever starts them says.
    task_queue: str | None = None
    #: Where the run goes after each step.
    routes: Routes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._check_name()
        self._check_steps()
        self._check_params()
        for name in ("steps", "on_failure", "on_cancel"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "tags", tuple(self.tags))
        task_queue_of(f"workflow {self.name!r}", self.task_queue)
        object.__setattr__(self, "on_busy", on_busy_of(f"workflow {self.name!r}", self.on_busy))
        object.__setattr__(self, "domain", self.domain or self.name)
        object.__setattr__(self, "routes", routes_of(self.steps))

    @property
    def recording_domain(self) -> str:
        """The domain under which manifest rows are kept."""
        return recording_domain(self.name)

    @property
    def all_steps(self) -> list[AnyStep]:
        """Every step: those inside of parallel steps behind them, then the hooks."""
        return [*flattened(self.steps), *self.on_failure, *self.on_cancel]

    def step(self, name: str) -> AnyStep | None:
        """Return the step of that name, wherever it stands, else None."""
        return next((step for step in self.all_steps if step.name == name), None)

    def sub_workflows(self) -> "list[Workflow]":
        """Return the workflows that its steps run as runs of their own."""
        return [
            step.workflow
            for step in self.all_steps
            if isinstance(step, WorkflowStep) or (isinstance(step, MapStep) and step.of_pipelines is None)
        ]

    def _check_name(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise DefinitionError(
                f"workflow name {self.name!r} must be 1 to 200 letters, digits, '_', '.', ':' or '-', "
                "and begin with a letter, digit or '_'"
            )
        if isinstance(self.version, bool) or not isinstance(self.version, int) or self.version < 1:
            raise DefinitionError(
                f"workflow {self.name!r}: version must be a whole number from 1, not {self.version!r}"
            )
        if not all(isinstance(text, str) for text in (self.domain, self.description, *self.tags)):
            raise DefinitionError(f"workflow {self.name!r}: domain, description and tags must be strings")

    def _check_steps(self) -> None:
        given: object = self.steps
        if not isinstance(given, list | tuple) or not given:
            raise DefinitionError(f"workflow {self.name!r} has no steps: give a list with at least one")
        for step in self.steps:
            if not isinstance(step, AnyStep):
                raise DefinitionError(
                    f"workflow {self.name!r}: {step!r} is no step; make steps with the functions of Step, such as "
                    "Step.pipeline and Step.lambda_"
                )
        self._check_hooks()
        self._check_twice()
        self._check_limits()
        self._check_cycle(self, (self.name,))
        self._check_items()

    def _check_hooks(self) -> None:
        for what in ("on_failure", "on_cancel"):
            hooks: object = getattr(self, what)
            if not isinstance(hooks, list | tuple) or not all(isinstance(hook, PipelineStep) for hook in hooks):
                raise DefinitionError(
                    f"workflow {self.name!r}: {what} must be a list of pipeline steps, made with Step.pipeline"
                )

    def _check_twice(self) -> None:
        for what in ("name", "stage"):
            seen: set[str] = set()
            for step in self.all_steps:
                value = getattr(step, what)
                if value in seen:
                    raise DefinitionError(
                        f"workflow {self.name!r} has two steps with the {what} {value!r}: give each its own"
                    )
                seen.add(value)

    def _check_limits(self) -> None:
        """Refuse two limits of one key: nobody could tell which of them holds."""
        known: dict[str, Limit] = {}
        for limit in (getattr(step, "limit", None) for step in self.all_steps):
            if limit is not None and known.setdefault(limit.key, limit) != limit:
                raise DefinitionError(
                    f"workflow {self.name!r} has two limits with the key {limit.key!r}: give the same to each step, "
                    f"and not {known[limit.key]} and {limit}"
                )

    def _check_cycle(self, workflow: "Workflow", above: tuple[str, ...]) -> None:
        """Refuse a sub-workflow that has the name of one that it runs in: Temporal would run it for ever."""
        for sub in workflow.sub_workflows():
            if sub.name in above:
                raise DefinitionError(
                    f"workflow {self.name!r} runs itself: {' > '.join((*above, sub.name))}; take the step out that "
                    "closes the circle, or rename the workflow"
                )
            self._check_cycle(sub, (*above, sub.name))

    def _check_items(self) -> None:
        """Refuse a map whose items cannot be there when it begins."""
        names = [step.name for step in self.all_steps]
        before: list[str] = []
        for step in self.steps:
            for inner in flattened([step]):
                if isinstance(inner, MapStep) and isinstance(inner.items, str):
                    self._check_path(inner, names, before)
            before += [inner.name for inner in flattened([step])]

    def _check_path(self, step: MapStep, names: Sequence[str], before: Sequence[str]) -> None:
        path = items_path(str(step.items), names)
        if path is None:
            raise DefinitionError(
                f"map {step.name!r}: items {step.items!r} names no step of this workflow; it has {', '.join(names)}"
            )
        if path.step is not None and path.step not in before:
            raise DefinitionError(
                f"map {step.name!r}: items {step.items!r} reads the output of {path.step!r}, which cannot have run "
                f"before it: move {path.step!r} in front of it"
            )
        known = None if self.params_model is None else self.params_model.model_fields
        if path.step is None and known is not None and path.keys[0] not in known:
            raise DefinitionError(
                f"map {step.name!r}: items names the param {path.keys[0]!r}, which is no field of "
                f"{self.params_model.__name__ if self.params_model else ''}; it has {', '.join(known)}"
            )

    def _check_params(self) -> None:
        try:
            object.__setattr__(self, "defaults", to_json(dict(self.defaults), f"workflow {self.name!r}: defaults"))
        except (JsonValueError, TypeError, ValueError) as error:
            raise DefinitionError(str(error)) from None
        if self.params_model is not None and not (
            isinstance(self.params_model, type) and issubclass(self.params_model, BaseModel)
        ):
            raise DefinitionError(f"workflow {self.name!r}: params_model must be a pydantic model class")
        if self.partition_by is not None:
            self._check_partition_by(self.partition_by)

    def _check_partition_by(self, names: Sequence[str]) -> None:
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise DefinitionError(f"workflow {self.name!r}: partition_by must be a list of param names, not {names!r}")
        object.__setattr__(self, "partition_by", tuple(names))
        known = None if self.params_model is None else self.params_model.model_fields
        for name in names:
            if known is not None and name not in known:
                raise DefinitionError(
                    f"workflow {self.name!r}: partition_by names {name!r}, which is no field of "
                    f"{self.params_model.__name__ if self.params_model else ''}; it has {', '.join(known)}"
                )
