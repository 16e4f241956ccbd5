"""How a run calls out: record something, run a pipeline, a sub-workflow or a part of a map, wait for others."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from temporalio import workflow as temporal
from temporalio.common import RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    is_cancelled_exception,
)
from temporalio.exceptions import TimeoutError as TemporalTimeoutError

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.json_values import clean_text
from spine_temporal.definition.outcome import WorkflowResult
from spine_temporal.machine.plan import PlannedWaitFor
from spine_temporal.machine.step_outcome import StepOutcome
from spine_temporal.translation.messages import (
    MAP,
    WAIT_FOR,
    BatchRequest,
    BatchResult,
    Begun,
    PipelineRequest,
    WaitForRequest,
)
from spine_temporal.translation.requests import cause_of, failed_outcome, sub_options

Answer = TypeVar("Answer", bound=BaseModel)

#: Never tried again: Temporal refused the size, and will again.
TOO_LARGE = "PayloadsTooLarge"

#: The quick way: inside the workflow task, which costs one event. Two tries, as a connection may be stale.
_LOCALLY = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=2)
#: The patient way: as an activity that the Web UI shows waiting, for as long as Postgres is away.
_PATIENTLY = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    maximum_interval=timedelta(seconds=20),
    non_retryable_error_types=[TOO_LARGE],
)
#: Seconds that the worker's own time limit of a pipeline gets to speak first.
_GRACE = 30.0


async def record(
    activity: str, request: BaseModel, answer: type[Answer] | None, summary: str, *, beside: bool = False
) -> Any:
    """Run one of the run's own activities: locally, and where Postgres is away as an activity that waits for it.

    ``beside`` others it is an activity from the start: local ones that run at once may replay in another order.
    """
    if beside:
        return await _patiently(activity, request, answer, summary)
    try:
        return await temporal.execute_local_activity(
            activity,
            request,
            result_type=answer,
            start_to_close_timeout=timedelta(seconds=20),
            retry_policy=_LOCALLY,
        )
    except FailureError as error:
        if is_cancelled_exception(error) or not _waits(error):
            raise
        temporal.set_current_details(f"Waits: {summary}: {cause_of(error)}")
    return await _patiently(activity, request, answer, summary)


async def _patiently(activity: str, request: BaseModel, answer: type[Answer] | None, summary: str) -> Any:
    return await temporal.execute_activity(
        activity,
        request,
        result_type=answer,
        start_to_close_timeout=timedelta(seconds=60),
        retry_policy=_PATIENTLY,
        summary=summary,
    )


async def run_pipeline(request: PipelineRequest, *, local: bool = False) -> StepOutcome:
    """Run a pipeline's activity; whatever it fails of is the step's outcome.

    A ``local`` one is tried once within the workflow task; where that must be tried again, as any other.
    """
    if local:
        try:
            tried: StepOutcome = await temporal.execute_local_activity(
                request.pipeline,
                request,
                result_type=StepOutcome,
                start_to_close_timeout=timedelta(seconds=request.timeout + _GRACE),
                retry_policy=RetryPolicy(maximum_attempts=1),
                cancellation_type=temporal.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            cause = cause_of(error)
            if isinstance(cause, ApplicationError) and cause.non_retryable:
                return failed_outcome(request.step, error)
        else:
            return tried
        request = request.model_copy(update={"again": True})
    return await _run_pipeline(request)


async def _run_pipeline(request: PipelineRequest) -> StepOutcome:
    retry = request.retry
    try:
        outcome: StepOutcome = await temporal.execute_activity(
            request.pipeline,
            request,
            result_type=StepOutcome,
            activity_id=f"{request.step}#{request.round}" if request.round else request.step,
            summary=f"{request.step}: {request.pipeline}",
            start_to_close_timeout=timedelta(seconds=request.timeout + _GRACE),
            heartbeat_timeout=timedelta(seconds=request.heartbeat_timeout),
            # The worker counts the pipeline's failures and says which is the last: an attempt that was lost with
            # its worker, or that waited for Postgres, is no failure of the pipeline.
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=retry.initial_interval),
                backoff_coefficient=retry.backoff,
                maximum_interval=timedelta(seconds=retry.max_interval),
                non_retryable_error_types=[TOO_LARGE],
            ),
            cancellation_type=temporal.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        return failed_outcome(request.step, error)
    return outcome


async def run_workflow(
    name: str, begun: Begun, workflow: str, params: Mapping[str, Any]
) -> WorkflowResult | StepOutcome:
    """Run another workflow as a child; its result, or the failed outcome of the step that runs it."""
    options = sub_options(begun, name)
    try:
        result: WorkflowResult = await temporal.execute_child_workflow(
            workflow,
            args=[dict(params), options] if options else [dict(params)],
            id=_child_id(name, begun),
            # What a run before its reset has left open.
            id_reuse_policy=WorkflowIDReusePolicy.TERMINATE_IF_RUNNING,
            result_type=WorkflowResult,
            cancellation_type=temporal.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            parent_close_policy=temporal.ParentClosePolicy.REQUEST_CANCEL,
            static_summary=f"{name}: {workflow}",
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
    repeated = f"#{request.round}" if request.round else ""
    batch: BatchResult = await temporal.execute_child_workflow(
        MAP,
        request,
        id=_child_id(f"{name}{repeated}", request.begun),
        id_reuse_policy=WorkflowIDReusePolicy.TERMINATE_IF_RUNNING,
        result_type=BatchResult,
        cancellation_type=temporal.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        parent_close_policy=temporal.ParentClosePolicy.REQUEST_CANCEL,
        static_summary=name,
    )
    return batch


def _child_id(name: str, begun: Begun) -> str:
    """Return the same id in every replay, also of a run that was reset, whose run id is another."""
    return f"{begun.plan.workflow}/{name}~{begun.run_id}"


async def wait_for(step: PlannedWaitFor, request: WaitForRequest) -> StepOutcome:
    """Look for the partitions until they are there; between two looks no worker is held, and no event written."""
    try:
        outcome: StepOutcome = await temporal.execute_activity(
            WAIT_FOR,
            request,
            result_type=StepOutcome,
            activity_id=step.name,
            summary=f"{step.name}: {step.workflow} to be {step.reached}",
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
        return StepOutcome(step=step.name, error=message, category=step.category)
    return outcome.model_copy(update={"step": step.name})


def _waits(error: FailureError) -> bool:
    cause = cause_of(error)
    if isinstance(cause, ApplicationError):
        kind = cause.type or ""
        return kind in ErrorCategory.__members__ and ErrorCategory(kind).retryable
    return isinstance(cause, TemporalTimeoutError)
