"""What a worker can run: workflows and pipelines by name, loaded from modules and checked before anything starts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spine_temporal.checks import find_nondeterminism, later_steps, outputs_read
from spine_temporal.definition.composite_steps import AnyStep, MapStep
from spine_temporal.definition.deadline import Deadline
from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.foreign import as_workflow, native
from spine_temporal.definition.names import did_you_mean
from spine_temporal.definition.pipeline import Pipeline
from spine_temporal.definition.schedule import Schedule
from spine_temporal.definition.simple_steps import ChoiceStep, LambdaStep, PipelineStep
from spine_temporal.definition.workflow import Workflow
from spine_temporal.runtime.foreign_pipelines import known_pipelines
from spine_temporal.runtime.modules import imported_modules
from spine_temporal.runtime.timed import check_timed, timed_by_name
from spine_temporal.translation.classes import Source
from spine_temporal.translation.translate import sources_of

#: What is said where the modules define none, as in a folder that is no project's.
NO_WORKFLOWS = "none: go to the folder of your project, or name its modules in SPINE_MODULES or spine.toml"


@dataclass(frozen=True, kw_only=True)
class Definitions:
    """Workflows with where each is defined, and pipelines."""

    workflows: Mapping[str, tuple[Workflow, Source]] = field(default_factory=dict)
    pipelines: Mapping[str, type[Pipeline]] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    deadlines: Mapping[str, Deadline] = field(default_factory=dict)
    #: The modules that they were loaded from, in order; empty where they were given.
    modules: tuple[str, ...] = ()

    @property
    def named_pipelines(self) -> frozenset[str]:
        """The pipelines that steps of the workflows name."""
        return frozenset(step.pipeline for _, step in self.pipeline_steps)

    @property
    def task_queues(self) -> frozenset[str]:
        """The task queues that workflows and steps name."""
        found = [workflow.task_queue for workflow, _ in self.workflows.values()]
        found += [step.task_queue for _, step in self.pipeline_steps]
        return frozenset(name for name in found if name is not None)

    @property
    def pipeline_steps(self) -> list[tuple[Workflow, PipelineStep]]:
        """The steps of the workflows that name pipelines, with those that a map does for each item."""
        steps = [(workflow, step) for workflow, _ in self.workflows.values() for step in workflow.all_steps]
        named = [(workflow, step.of_pipelines if isinstance(step, MapStep) else step) for workflow, step in steps]
        return [(workflow, step) for workflow, step in named if isinstance(step, PipelineStep)]

    def require_pipelines(self, task_queues: Iterable[str]) -> None:
        """Raise ``DefinitionError`` where a step of one of these task queues names a pipeline that is not registered.

        Those of other task queues need not be: other workers have them.
        """
        served = set(task_queues)
        for workflow, step in self.pipeline_steps:
            if step.task_queue in served:
                _check_pipeline(workflow, step, self.pipelines)

    def domain_of(self, workflow: str) -> str:
        """Return the domain of a workflow; its name where no module defines it."""
        found = self.workflows.get(workflow)
        return found[0].domain if found else workflow

    @property
    def workflows_by_name(self) -> Mapping[str, Workflow]:
        """The workflows alone."""
        return {name: workflow for name, (workflow, _) in self.workflows.items()}

    def workflow(self, name: str) -> Workflow:
        """Return the workflow; raise ``DefinitionError`` naming those that there are."""
        if name not in self.workflows:
            known = ", ".join(sorted(self.workflows)) or NO_WORKFLOWS
            meant = did_you_mean(name, self.workflows)
            raise DefinitionError(f"unknown workflow {name!r}: the loaded modules have {known}{meant}")
        return self.workflows[name][0]


def load_definitions(modules: Iterable[str]) -> Definitions:
    """Import the modules with everything below them, and gather and check what they define.

    A module is a dotted name or the path of a ``.py`` file. Raises ``DefinitionError``. Who runs a single workflow
    (``WorkflowRunner``) loads them for the pipelines that they register.
    """
    found: dict[str, tuple[Workflow, Source]] = {}
    loaded = imported_modules(modules)
    for module in loaded:
        for attribute, value in list(vars(module).items()):
            workflow = native(value)
            if workflow is not None:
                _add(found, workflow, Source(module=module.__name__, attribute=attribute))
    _add_inner(found)
    return checked(
        Definitions(
            workflows=found,
            pipelines=known_pipelines(),
            schedules=timed_by_name(Schedule, loaded),
            deadlines=timed_by_name(Deadline, loaded),
            modules=tuple(module.__name__ for module in loaded),
        )
    )


def definitions_of(workflows: Iterable[Workflow], pipelines: Mapping[str, type[Pipeline]] | None = None) -> Definitions:
    """Gather and check these workflows, with the pipelines that are registered; ``pipelines`` win over those."""
    known = [as_workflow(workflow, "a worker") for workflow in workflows]
    found = {workflow.name: (workflow, source) for workflow, source in zip(known, sources_of(known), strict=True)}
    _add_inner(found)
    return checked(Definitions(workflows=found, pipelines={**known_pipelines(), **(pipelines or {})}))


def checked(definitions: Definitions) -> Definitions:
    """Return the definitions; raise ``DefinitionError`` for a pipeline that is not registered and an impure gate."""
    for workflow, named in definitions.pipeline_steps:
        if named.task_queue is None or named.pipeline in definitions.pipelines:  # else other workers have it
            _check_pipeline(workflow, named, definitions.pipelines)
    for workflow, _ in definitions.workflows.values():
        for step in workflow.all_steps:
            for code in _code_of(step):
                _check_code(workflow, step, code)
    check_timed(definitions.workflows_by_name, [*definitions.schedules.values(), *definitions.deadlines.values()])
    return definitions


def _code_of(step: AnyStep) -> list[Callable[..., Any]]:
    """Return the functions that a step asks."""
    names = ("handler", "condition", "params", "items", "partition")
    return [code for name in names if callable(code := getattr(step, name, None))]


def _add_inner(found: dict[str, tuple[Workflow, Source]]) -> None:
    """Add the sub-workflows that no module has by a name of its own."""
    for workflow, source in list(found.values()):
        _add_below(found, workflow, source)


def _add_below(found: dict[str, tuple[Workflow, Source]], workflow: Workflow, source: Source) -> None:
    for step in workflow.all_steps:
        inner = getattr(step, "workflow", None)
        if isinstance(inner, Workflow):
            below = Source(module=source.module, attribute=f"{source.attribute}:{step.name}")
            if inner.name not in found or found[inner.name][0] is not inner:
                _add(found, inner, below)
                _add_below(found, inner, below)


def _check_pipeline(workflow: Workflow, step: PipelineStep, pipelines: Mapping[str, type[Pipeline]]) -> None:
    if step.pipeline not in pipelines:
        known = f"one of {', '.join(sorted(pipelines))}" if pipelines else "one that is; none is yet"
        raise DefinitionError(
            f"step {step.name!r} of workflow {workflow.name!r} names the pipeline {step.pipeline!r}, which is not "
            f"registered: import the module with its @register_pipeline, or name {known}"
            f"{did_you_mean(step.pipeline, pipelines)}"
        )
    if step.local and not pipelines[step.pipeline].transactional:
        raise DefinitionError(
            f"step {step.name!r} of workflow {workflow.name!r}: the pipeline {step.pipeline!r} commits in parts, so it "
            "takes longer than a local step may: leave local out"
        )


def _check_code(workflow: Workflow, step: AnyStep, code: Callable[..., Any]) -> None:
    findings = find_nondeterminism(code)
    if findings:
        first = findings[0]
        what = "gate" if isinstance(step, LambdaStep | ChoiceStep) else "step"
        raise DefinitionError(
            f"{what} {step.name!r} of workflow {workflow.name!r} calls {first.call} ({first.where}), which "
            f"{first.why}: {first.advice}"
        )
    _check_reads(workflow, step, outputs_read(code))


def _check_reads(workflow: Workflow, step: AnyStep, read: Mapping[str, str]) -> None:
    known = [each.name for each in workflow.all_steps]
    later = later_steps(workflow, step)
    for name, where in read.items():
        head = f"step {step.name!r} of workflow {workflow.name!r} reads the output of {name!r}"
        if name not in known:
            hint = did_you_mean(name, known)
            raise DefinitionError(f"{head}, which is no step of it ({where}): it has {', '.join(known)}{hint}")
        if name in later:
            raise DefinitionError(f"{head}, which cannot have run before it ({where}): move {name!r} in front of it")


def _add(found: dict[str, tuple[Workflow, Source]], workflow: Workflow, source: Source) -> None:
    known = found.get(workflow.name)
    if known is not None and known[0] is not workflow:
        raise DefinitionError(
            f"workflow {workflow.name!r} is defined twice: {known[1].module}.{known[1].attribute} and "
            f"{source.module}.{source.attribute}; rename one"
        )
    found.setdefault(workflow.name, (workflow, source))
