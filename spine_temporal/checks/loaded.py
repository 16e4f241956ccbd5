"""What is checked: modules that were imported, those that could not be, and the workflows that they hold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType

from spine_temporal.checks.findings import Place
from spine_temporal.checks.places import assignment_of, place_of
from spine_temporal.checks.sources import Source, Sources
from spine_temporal.definition.pipeline import Pipeline, registered_pipelines
from spine_temporal.definition.workflow import Workflow


@dataclass(frozen=True, kw_only=True)
class ImportFailure:
    """A module that raised when it was imported."""

    name: str
    error: BaseException
    #: Its file, where there is one.
    file: str | None = None


@dataclass(frozen=True, kw_only=True)
class FoundWorkflow:
    """A workflow, and where its definition stands."""

    workflow: Workflow
    module: ModuleType
    attribute: str
    source: Source | None

    @property
    def place(self) -> Place:
        """Where it is defined."""
        return place_of(self.source, self.attribute, str(self.module.__file__))

    def place_of_step(self, name: str) -> Place:
        """Return where a step of it is made; where that is not seen, where the workflow is."""
        return place_of(self.source, self.attribute, str(self.module.__file__), step=name)


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """The modules that are checked, and what else was loaded for what it registers."""

    modules: Sequence[ModuleType]
    others: Sequence[ModuleType] = ()
    failures: Sequence[ImportFailure] = ()
    sources: Sources = field(default_factory=Sources)

    @cached_property
    def workflows(self) -> list[FoundWorkflow]:
        """The workflows that the checked modules define, each once, with the sub-workflows that have no name."""
        found: dict[int, FoundWorkflow] = {}
        elsewhere = {id(each.workflow) for each in self._named(self.others) if _is_assigned(each)}
        for each in sorted(self._named(self.modules), key=lambda each: not _is_assigned(each)):
            if _is_assigned(each) or id(each.workflow) not in elsewhere:
                found.setdefault(id(each.workflow), each)
        for each in list(found.values()):
            _add_inner(found, each, elsewhere)
        return list(found.values())

    @cached_property
    def seen_by_workers(self) -> list[Workflow]:
        """Every workflow that a worker finds in what was loaded."""
        seen: dict[int, Workflow] = {}
        waiting = [each.workflow for each in self._named([*self.modules, *self.others])]
        while waiting:
            workflow = waiting.pop()
            waiting += [] if id(workflow) in seen else workflow.sub_workflows()
            seen[id(workflow)] = workflow
        return list(seen.values())

    @cached_property
    def pipelines(self) -> dict[str, type[Pipeline]]:
        """The pipelines that are registered."""
        return dict(registered_pipelines())

    def source_of(self, module: ModuleType) -> Source | None:
        """Return the source of a module."""
        return self.sources.of(str(module.__file__)) if getattr(module, "__file__", None) else None

    def _named(self, modules: Sequence[ModuleType]) -> Iterator[FoundWorkflow]:
        for module in modules:
            for attribute, value in list(vars(module).items()):
                if isinstance(value, Workflow):
                    yield FoundWorkflow(
                        workflow=value, module=module, attribute=attribute, source=self.source_of(module)
                    )


def _is_assigned(found: FoundWorkflow) -> bool:
    return found.source is not None and assignment_of(found.source, found.attribute) is not None


def _add_inner(found: dict[int, FoundWorkflow], outer: FoundWorkflow, elsewhere: set[int]) -> None:
    for inner in outer.workflow.sub_workflows():
        if id(inner) not in found and id(inner) not in elsewhere:
            found[id(inner)] = FoundWorkflow(
                workflow=inner, module=outer.module, attribute=outer.attribute, source=outer.source
            )
            _add_inner(found, found[id(inner)], elsewhere)
