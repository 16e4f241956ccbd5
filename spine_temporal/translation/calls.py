"""The three ways in which a run calls out: record something, ask a verdict's copy, run a pipeline."""

from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from temporalio import workflow as temporal
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception
from temporalio.exceptions import TimeoutError as TemporalTimeoutError

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.machine.plan import PlannedPipeline
from spine_temporal.machine.step_outcome import StepOutcome
from spine_temporal.translation.messages import PipelineRequest
from spine_temporal.translation.requests import cause_of, failed_outcome

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


async def record(activity: str, request: BaseModel, answer: type[Answer] | None, summary: str) -> Any:
    """Run one of the run's own activities: locally, and where Postgres is away as an activity that waits for it."""
    try:
        return await temporal.execute_local_activity(
            activity,
            request,
            result_type=answer,
            start_to_close_timeout=timedelta(seconds=20),
            retry_policy=_LOCALLY,
            summary=summary,
        )
    except FailureError as error:
        if is_cancelled_exception(error) or not _waits(error):
            raise
        temporal.set_current_details(f"Waits: {summary}: {cause_of(error)}")
    return await temporal.execute_activity(
        activity,
        request,
        result_type=answer,
        start_to_close_timeout=timedelta(seconds=60),
        retry_policy=_PATIENTLY,
        summary=summary,
    )


async def run_pipeline(step: PlannedPipeline, request: PipelineRequest) -> StepOutcome:
    """Run a pipeline's activity; whatever it fails of is the step's outcome."""
    retry = step.retry
    try:
        outcome: StepOutcome = await temporal.execute_activity(
            step.pipeline,
            request,
            result_type=StepOutcome,
            activity_id=step.name,
            summary=f"{step.name}: {step.pipeline}",
            start_to_close_timeout=timedelta(seconds=step.timeout + _GRACE),
            heartbeat_timeout=timedelta(seconds=step.heartbeat_timeout),
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
        return failed_outcome(step.name, error)
    return outcome


def _waits(error: FailureError) -> bool:
    cause = cause_of(error)
    if isinstance(cause, ApplicationError):
        kind = cause.type or ""
        return kind in ErrorCategory.__members__ and ErrorCategory(kind).retryable
    return isinstance(cause, TemporalTimeoutError)
