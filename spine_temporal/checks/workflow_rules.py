"""Rules of workflows and of the pipelines that they name: SPN5xx."""

import re
from collections.abc import Iterator
from itertools import pairwise

from spine_temporal.checks.findings import Finding
from spine_temporal.checks.loaded import FoundWorkflow, Loaded
from spine_temporal.definition.composite_steps import AnyStep, MapStep, ParallelStep, WorkflowStep
from spine_temporal.definition.names import did_you_mean
from spine_temporal.definition.simple_steps import ChoiceStep, LambdaStep, PipelineStep, WaitStep
from spine_temporal.definition.workflow import Workflow

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
#: How steps are named that bring data in.
_BRINGS_IN = re.compile(r"(^|[._])(ingest|fetch|load|extract|download|import|pull)")


def workflow_findings(found: FoundWorkflow, loaded: Loaded) -> Iterator[Finding]:
    """Yield what is wrong with a workflow as a whole and with the pipelines that its steps name."""
    workflow = found.workflow
    yield from _pipelines(found, loaded)
    yield from _names(found)
    if not _has_pipeline(workflow):
        yield Finding.of("SPN502", found.place, f"workflow {workflow.name!r} has no pipeline step")
    yield from _unchecked(found)
    if sum(each.workflow.name == workflow.name for each in loaded.workflows) > 1:
        yield Finding.of("SPN510", found.place, f"workflow {workflow.name!r} is defined twice")


def _pipelines(found: FoundWorkflow, loaded: Loaded) -> Iterator[Finding]:
    for step in found.workflow.all_steps:
        named = step.of_pipelines if isinstance(step, MapStep) else step
        if not isinstance(named, PipelineStep):
            continue
        head = f"step {step.name!r} of workflow {found.workflow.name!r} names the pipeline {named.pipeline!r}"
        pipeline = loaded.pipelines.get(named.pipeline)
        if pipeline is None and named.task_queue is not None:
            continue  # the workers of that task queue have it
        if pipeline is None:
            meant = did_you_mean(named.pipeline, loaded.pipelines)
            yield Finding.of("SPN501", found.place_of_step(step.name), f"{head}, which is not registered{meant}")
        elif named.local and not pipeline.transactional:
            yield Finding.of("SPN511", found.place_of_step(step.name), f"{head} as local, which commits in parts")


def _names(found: FoundWorkflow) -> Iterator[Finding]:
    workflow = found.workflow
    if not _NAME.fullmatch(workflow.name):
        yield Finding.of("SPN505", found.place, f"workflow {workflow.name!r} is not named domain.operation")
    elif workflow.domain != workflow.name and not workflow.name.startswith(f"{workflow.domain}."):
        message = f"workflow {workflow.name!r} does not begin with its domain {workflow.domain!r}"
        yield Finding.of("SPN505", found.place, message)
    for step in workflow.all_steps:
        if isinstance(step, PipelineStep) and not _NAME.fullmatch(step.pipeline):
            message = f"step {step.name!r} names the pipeline {step.pipeline!r}, which is not domain.operation"
            yield Finding.of("SPN505", found.place_of_step(step.name), message)


def _has_pipeline(workflow: Workflow) -> bool:
    return any(
        isinstance(step, PipelineStep) or (isinstance(step, MapStep | WorkflowStep) and _has_pipeline(step.workflow))
        for step in workflow.all_steps
    )


def _unchecked(found: FoundWorkflow) -> Iterator[Finding]:
    """Yield steps that bring data in where the next step to work on it is no gate."""
    steps = [step for step in found.workflow.steps if not isinstance(step, WaitStep)]
    for step, following in pairwise(steps):
        if _brings_in(step) and not isinstance(following, LambdaStep | ChoiceStep):
            message = (
                f"step {following.name!r} of workflow {found.workflow.name!r} goes on with what {step.name!r} "
                "brought in, and no gate has checked it"
            )
            yield Finding.of("SPN506", found.place_of_step(step.name), message)


def _brings_in(step: AnyStep) -> bool:
    if isinstance(step, ParallelStep):
        return any(map(_brings_in, step.steps))
    return isinstance(step, PipelineStep) and bool(_BRINGS_IN.search(step.pipeline) or _BRINGS_IN.search(step.name))
