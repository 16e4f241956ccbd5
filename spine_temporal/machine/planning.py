"""From a Workflow to its Plan."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from spine_temporal.definition.composite_steps import (
    AnyStep,
    MapStep,
    ParallelStep,
    WaitForStep,
    WorkflowStep,
    partitions_of,
)
from spine_temporal.definition.params import known_params
from spine_temporal.definition.simple_steps import ChoiceStep, LambdaStep, PipelineStep, WaitStep
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.plan import (
    Plan,
    PlannedApproval,
    PlannedChoice,
    PlannedGate,
    PlannedLimit,
    PlannedMap,
    PlannedParallel,
    PlannedPipeline,
    PlannedRetry,
    PlannedWait,
    PlannedWaitFor,
    PlannedWorkflow,
)


def plan_of(workflow: Workflow) -> Plan:
    """Return the workflow as a plan."""
    steps = []
    for index, step in enumerate(workflow.steps):
        following = {"following": workflow.routes.following[index]}
        steps.append(_choice(workflow, index, step) if isinstance(step, ChoiceStep) else _planned(step, **following))
    return Plan(
        workflow=workflow.name,
        domain=workflow.domain,
        version=workflow.version,
        steps=tuple(steps),
        on_failure=tuple(_pipeline(hook) for hook in workflow.on_failure),
        on_cancel=tuple(_pipeline(hook) for hook in workflow.on_cancel),
    )


def _choice(workflow: Workflow, index: int, step: ChoiceStep) -> PlannedChoice:
    branching = workflow.routes.branchings[index]
    otherwise = branching.join if branching.otherwise is None else branching.otherwise
    return PlannedChoice(
        name=step.name,
        stage=step.stage,
        following=workflow.routes.following[index],
        then=branching.then,
        otherwise=workflow.routes.after(index, otherwise),
    )


def _approval(step: LambdaStep) -> dict[str, Any]:
    """Return what the gate asks of who decides, as a field of its form; no field where it asks nothing."""
    return {} if step.approval is None else {"approval": PlannedApproval(**asdict(step.approval))}


def _planned(step: AnyStep, following: int = 0) -> Any:  # noqa: PLR0911 - one for each kind
    head: dict[str, Any] = {"name": step.name, "stage": step.stage, "following": following}
    match step:
        case PipelineStep():
            return _pipeline(step, following)
        case LambdaStep():
            return PlannedGate(
                **head,
                **_approval(step),
                on_error=step.on_error,
                config=dict(step.config),
                deadline=step.deadline,
                at_deadline=step.at_deadline,
            )
        case WaitStep():
            return PlannedWait(**head, seconds=step.duration, until=step.until)
        case WaitForStep():
            return _wait_for(step, head)
        case ParallelStep():
            return PlannedParallel(
                **head,
                on_error=step.on_error,
                steps=tuple(_planned(inner) for inner in step.steps),
                max_concurrency=step.max_concurrency,
            )
        case MapStep():
            return _map(step, head)
        case WorkflowStep():
            return PlannedWorkflow(
                **head,
                **_task_queue(step.workflow),
                on_error=step.on_error,
                workflow=step.workflow.name,
                params={} if callable(step.params) else dict(step.params),
                known_params=known_params(step.workflow),
                computed=callable(step.params),
            )
    raise TypeError(f"{step!r} has no plan of its own")


def _pipeline(step: PipelineStep, following: int = 0) -> PlannedPipeline:
    limit = None if step.limit is None else PlannedLimit(**vars(step.limit))
    asked = {"memory": step.memory, "task_queue": step.task_queue, "limit": limit}
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    return PlannedPipeline(
        **given,
        name=step.name,
        stage=step.stage,
        following=following,
        on_error=step.on_error,
        pipeline=step.pipeline,
        params={} if callable(step.params) else dict(step.params),
        retry=PlannedRetry(**vars(step.retry)),
        timeout=step.timeout,
        heartbeat_timeout=step.heartbeat_timeout,
        computed=callable(step.params),
        sample_output=dict(step.sample_output),
        local=bool(step.local),
    )


def _map(step: MapStep, head: Mapping[str, Any]) -> PlannedMap:
    pipeline = step.of_pipelines
    return PlannedMap(
        **head,
        **_task_queue(step.workflow),
        on_error=step.on_error,
        workflow=step.workflow.name,
        pipeline=None if pipeline is None else _pipeline(pipeline),
        path=step.items if isinstance(step.items, str) else None,
        items=None if isinstance(step.items, str) or callable(step.items) else tuple(step.items),
        item_param=step.item_param,
        defaults={} if pipeline is None else dict(step.workflow.defaults),
        params=dict(step.params),
        known_params=known_params(step.workflow),
        max_concurrency=step.max_concurrency,
        tolerated_failures=step.tolerated_failures,
    )


def _task_queue(workflow: Workflow) -> dict[str, Any]:
    """Return where a sub-workflow's runs ask for workers; nothing where it does not say."""
    return {} if workflow.task_queue is None else {"task_queue": workflow.task_queue}


def _wait_for(step: WaitForStep, head: Mapping[str, Any]) -> PlannedWaitFor:
    return PlannedWaitFor(
        **head,
        on_error=step.on_error,
        workflow=step.workflow,
        partitions=None if callable(step.partition) else tuple(partitions_of(step.partition)),
        reached=step.reached,
        timeout=step.timeout,
        poll_interval=step.poll_interval,
        category=step.category,
    )
