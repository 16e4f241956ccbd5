"""A workflow: a named, ordered list of steps, checked when it is made."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.json_values import JsonValueError, to_json
from spine_temporal.definition.routing import Routes, routes_of
from spine_temporal.definition.steps import AnyStep

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:\-]{0,199}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Workflow:
    """What a job does, step by step.

    ``params_model`` validates params before anything runs. ``partition_by`` names the params that identify what a
    run works on (default: all of them); two runs of one partition never work at once.
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
    #: Where the run goes after each step.
    routes: Routes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._check_name()
        self._check_steps()
        self._check_params()
        object.__setattr__(self, "steps", tuple(self.steps))
        object.__setattr__(self, "tags", tuple(self.tags))
        object.__setattr__(self, "domain", self.domain or self.name)
        object.__setattr__(self, "routes", routes_of(self.steps))

    @property
    def recording_domain(self) -> str:
        """The domain under which manifest rows are kept."""
        return f"workflow.{self.name}"

    def step(self, name: str) -> AnyStep | None:
        """Return the step of that name, else None."""
        return next((step for step in self.steps if step.name == name), None)

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
                    f"workflow {self.name!r}: {step!r} is no step; make steps with Step.pipeline, Step.lambda_, "
                    "Step.choice or Step.wait"
                )
        for what in ("name", "stage"):
            seen: set[str] = set()
            for step in self.steps:
                value = getattr(step, what)
                if value in seen:
                    raise DefinitionError(
                        f"workflow {self.name!r} has two steps with the {what} {value!r}: give each its own"
                    )
                seen.add(value)

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
        if isinstance(names, str) or not names or not all(isinstance(name, str) for name in names):
            raise DefinitionError(f"workflow {self.name!r}: partition_by must be a list of param names, not {names!r}")
        object.__setattr__(self, "partition_by", tuple(names))
        known = None if self.params_model is None else self.params_model.model_fields
        for name in names:
            if known is not None and name not in known:
                raise DefinitionError(
                    f"workflow {self.name!r}: partition_by names {name!r}, which is no field of "
                    f"{self.params_model.__name__ if self.params_model else ''}; it has {', '.join(known)}"
                )
