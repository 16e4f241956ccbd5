"""How a run calls out for a step: run a pipeline, a sub-workflow or a part of a map, wait for others."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow as temporal
from temporalio.common import RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    is_cancelled_exception,
)

from spine_temporal.definition.json_values import clean_text
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.machine.plan import PlannedMap, PlannedPipeline, PlannedWaitFor, PlannedWorkflow
from spine_temporal.machine.step_outcome import Completed, Failed
from spine_temporal.translation.bookkeeping import TOO_LARGE, one_line
from spine_temporal.translation.failures import cause_of, door_told, failed_once, failed_outcome, verdict_summary
from spine_temporal.translation.gate_messages import DoorVerdicts
from spine_temporal.translation.map_messages import BatchRequest, BatchResult, ItemsDone, ItemsRequest
from spine_temporal.translation.messages import MAP, STEPS, STRETCH, WAIT_FOR, Begun, WaitForRequest
from spine_temporal.translation.pipeline_messages import PipelineRequest, ShutDoor, StepDone
from spine_temporal.translation.requests import sub_options
from spine_temporal.translation.step_messages import StepsDone, StepsRequest, StretchDone, StretchRequest

#: Seconds that Temporal waits beyond a pipeline's time limit, so that the worker reports first that it has passed.
_GRACE = 30.0
#: Characters of the id of a group; Temporal takes 1000 at most.
_LONGEST_ID = 200


def _told_of(request: PipelineRequest, shut: ShutDoor | None) -> str:
    """Say what the gates before the pipeline have answered, and what the Web UI cannot: how often it is tried at most.

    The UI shows how often Temporal tries, which has no limit of its own.
    """
    door = shut.door if shut is not None else request.door
    most = request.retry.max_attempts
    attempts = "not run" if shut is not None else "1 attempt" if most == 1 else f"up to {most} attempts"
    gates = [verdict_summary(f"gate {verdict.step}", verdict) for verdict in (door.verdicts if door else ())]
    return "; ".join([f"{request.step}, {attempts}", *gates])


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What the activity of a pipeline has come to."""

    outcome: StepDone | Failed
    #: What it tells of the gates before the pipeline; None: nothing.
    door: DoorVerdicts | None = None


async def run_within_task(request: PipelineRequest, *, shut: ShutDoor | None = None) -> Ran | PipelineRequest:
    """Try a pipeline once within the workflow task; return how the step ended, or the request to try it again with.

    Where a gate keeps the door ``shut``, the same activity is asked, and told so.
    """
    try:
        tried: StepDone = await temporal.execute_local_activity(
            request.pipeline,
            shut or request,
            result_type=StepDone,
            summary=one_line(_told_of(request, shut)),
            **_once(request.timeout),
        )
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        cause = cause_of(error)
        if isinstance(cause, ApplicationError) and cause.non_retryable:
            return _failed(request, error)
        return request.tried_again(failed_once(cause))
    return Ran(outcome=tried, door=tried.door)


async def run_pipeline(request: PipelineRequest, *, task_queue: str | None = None, shut: ShutDoor | None = None) -> Ran:
    """Run a pipeline's activity and return how the step ended; a failed activity is a failed step.

    ``shut``: as within the workflow task.
    """
    try:
        outcome: StepDone = await temporal.execute_activity(
            request.pipeline,
            shut or request,
            result_type=StepDone,
            summary=one_line(_told_of(request, shut)),
            **_options(request.step, request, task_queue),
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        return _failed(request, error)
    return Ran(outcome=outcome, door=outcome.door)


async def run_items(request: ItemsRequest, *, task_queue: str | None = None) -> ItemsDone | Failed:
    """Run items that go together; ``Failed`` where somebody else has ended their activity."""
    common = request.common
    try:
        done: ItemsDone = await temporal.execute_activity(
            common.pipeline,
            request,
            result_type=ItemsDone,
            summary=one_line(f"{request.step}, {len(request.items)} items"),
            **_options(request.step, common, task_queue),
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        failed = failed_outcome(request.step, error)
        return request.all_alone() if _is_too_large(error) else failed
    return done


def group_id(steps: Sequence[str]) -> str:
    """Return the id of the activity of steps that go together: their names, as far as Temporal takes them."""
    joined = "+".join(steps)
    return joined if len(joined) <= _LONGEST_ID else f"{steps[0]}+{len(steps) - 1}"


async def run_steps(request: StepsRequest) -> StepsDone:
    """Run brief steps that go together. Where their activity fails as a whole, each goes on by itself."""
    try:
        done: StepsDone = await temporal.execute_activity(
            STEPS,
            request,
            result_type=StepsDone,
            activity_id=group_id([step.step for step in request.steps]),
            summary=one_line(request.step),
            start_to_close_timeout=timedelta(seconds=max(step.timeout for step in request.steps) + _GRACE),
            heartbeat_timeout=timedelta(seconds=min(step.heartbeat_timeout for step in request.steps)),
            retry_policy=RetryPolicy(non_retryable_error_types=[TOO_LARGE]),
            cancellation_type=temporal.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        return StepsDone(again=tuple(step.step for step in request.steps))
    return done


def is_cancelled() -> bool:
    """Whether the step was cancelled while it waited for a local activity, which has ended otherwise."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def run_stretch(request: StretchRequest, pipelines: Sequence[PlannedPipeline]) -> StretchDone:
    """Run pipelines one behind another, within the workflow task; ``pipelines``: all that may come.

    Where their activity fails as a whole, nobody knows how far it has come: the first one goes on by itself, and finds
    what is committed.
    """
    try:
        done: StretchDone = await temporal.execute_local_activity(
            STRETCH,
            request,
            result_type=StretchDone,
            summary=one_line(", ".join(pipeline.name for pipeline in pipelines)),
            **_once(sum(pipeline.timeout for pipeline in pipelines)),
        )
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        return StretchDone(again=pipelines[0].name)
    return done


def _is_too_large(error: ActivityError) -> bool:
    return isinstance(error.cause, ApplicationError) and error.cause.type == TOO_LARGE


def _options(name: str, request: PipelineRequest, task_queue: str | None) -> dict[str, Any]:
    """Return how the activity of a pipeline is scheduled."""
    retry = request.retry
    return {
        "task_queue": task_queue,
        "activity_id": f"{name}#{request.round}" if request.round else name,
        "start_to_close_timeout": timedelta(seconds=request.timeout + _GRACE),
        "heartbeat_timeout": timedelta(seconds=request.heartbeat_timeout),
        # The worker counts the pipeline's failures and says which is the last: an attempt that was lost with its
        # worker, or that waited for Postgres, is no failure of the pipeline. Temporal counts all of them, and would
        # end the activity at its own number without asking: so it is given none.
        "retry_policy": RetryPolicy(
            initial_interval=timedelta(seconds=retry.initial_interval),
            backoff_coefficient=retry.backoff,
            maximum_interval=timedelta(seconds=retry.max_interval),
            non_retryable_error_types=[TOO_LARGE],
        ),
        "cancellation_type": temporal.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    }


def _once(timeout: float) -> dict[str, Any]:
    """Return how pipelines are tried within the workflow task: once, and waited for where the run is cancelled."""
    return {
        "start_to_close_timeout": timedelta(seconds=timeout + _GRACE),
        "retry_policy": RetryPolicy(maximum_attempts=1),
        "cancellation_type": temporal.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    }


def _failed(request: PipelineRequest, error: FailureError) -> Ran:
    return Ran(outcome=failed_outcome(request.step, error), door=door_told(error))


async def run_workflow(
    name: str, begun: Begun, step: PlannedWorkflow | PlannedMap, params: Mapping[str, Any]
) -> WorkflowResult | Failed:
    """Run another workflow as a child; its result, or the failed outcome of the step that runs it."""
    options = sub_options(begun, name)
    try:
        result: WorkflowResult = await temporal.execute_child_workflow(
            step.workflow,
            args=[dict(params), options] if options else [dict(params)],
            id=_child_id(name, begun),
            task_queue=step.task_queue,
            # What a run before its reset has left open.
            id_reuse_policy=WorkflowIDReusePolicy.TERMINATE_IF_RUNNING,
            result_type=WorkflowResult,
            cancellation_type=temporal.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            parent_close_policy=temporal.ParentClosePolicy.REQUEST_CANCEL,
            # Of a child the Web UI's timeline shows the summary alone, and not its type.
            static_summary=one_line(f"{name}: {step.workflow}"),
        )
    except ChildWorkflowError as error:
        if is_cancelled_exception(error):
            raise
        return failed_outcome(name, error)
    return result


async def run_batch(request: BatchRequest) -> BatchResult:
    """Run a part of a map as a child, which has a history of its own."""
    last = request.first + len(request.items) - 1
    name = f"{request.step.name}[{request.first}-{last}]"
    batch: BatchResult = await temporal.execute_child_workflow(
        MAP,
        request,
        id=_child_id(f"{name}#{request.round}" if request.round else name, request.begun),
        id_reuse_policy=WorkflowIDReusePolicy.TERMINATE_IF_RUNNING,
        result_type=BatchResult,
        cancellation_type=temporal.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        parent_close_policy=temporal.ParentClosePolicy.REQUEST_CANCEL,
        static_summary=one_line(name),
    )
    return batch


def _child_id(name: str, begun: Begun) -> str:
    """Return the same id in every replay, also of a run that was reset, whose run id is another."""
    return f"{begun.plan.workflow}/{name}~{begun.run_id}"


async def wait_for(step: PlannedWaitFor, request: WaitForRequest, *, is_under_way: bool) -> Completed | Failed:
    """Look for the partitions until they are there; between two looks no worker is held, and no event written.

    ``is_under_way``: whether an earlier look of the step, which was cancelled, may not have ended yet. Temporal takes
    no id twice, so this look then gets an id of Temporal's own.
    """
    try:
        outcome: Completed = await temporal.execute_activity(
            WAIT_FOR,
            request,
            result_type=Completed,
            activity_id=None if is_under_way else step.name,
            summary=one_line(f"{step.name}: {step.workflow} to be {step.reached}"),
            start_to_close_timeout=timedelta(seconds=20),
            schedule_to_close_timeout=timedelta(seconds=step.timeout),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=step.poll_interval),
                backoff_coefficient=1.0,
                non_retryable_error_types=[TOO_LARGE],
            ),
            cancellation_type=temporal.ActivityCancellationType.TRY_CANCEL,
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        last = f": {clean_text(str(cause_of(error)))}" if isinstance(cause_of(error), ApplicationError) else ""
        message = f"{step.workflow} was not {step.reached} within {step.timeout:g} s{last}"
        return Failed(step=step.name, error=message, category=step.category)
    return outcome.model_copy(update={"step": step.name})
