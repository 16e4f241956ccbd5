"""How a run calls the activities of its own, which record what becomes of it."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from temporalio import workflow as temporal
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)
from temporalio.exceptions import TimeoutError as TemporalTimeoutError

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.translation.failures import (
    cause_of,
    failed_verdict,
    is_answer,
    recorded_by,
    verdict_summary,
)
from spine_temporal.translation.gate_messages import HoldRequest, Verdict
from spine_temporal.translation.messages import HOLD, SHOW, VERDICT, Recorded
from spine_temporal.translation.shown_details import ShownDetails
from spine_temporal.translation.waiting import BusyPartition, Obstacle, Unrecorded

Answer = TypeVar("Answer", bound=BaseModel)

#: Never tried again: Temporal refused the size, and will again.
TOO_LARGE = "PayloadsTooLarge"

#: The quick way: inside the workflow task, which costs one event. Two tries, as a connection may be stale.
_LOCALLY = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    maximum_attempts=2,
    non_retryable_error_types=[ErrorCategory.PARTITION_BUSY.value],
)
#: The patient way: as an activity that the Web UI shows waiting, for as long as Postgres is away.
_PATIENTLY = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    maximum_interval=timedelta(seconds=20),
    non_retryable_error_types=[TOO_LARGE],
)
#: Characters of a summary: it is a label in the Web UI, and Temporal limits what it keeps of one.
_LONGEST_SUMMARY = 200


async def record(
    activity: str,
    request: BaseModel,
    answer: type[Answer] | None,
    summary: str = "",
    *,
    shown: ShownDetails,
    late: Callable[[], None] | None = None,
) -> Any:
    """Run one of the run's own activities: locally, and as an activity that waits where Postgres is away.

    A run that waits for its partition does so in the same way: Temporal repeats the activity, no worker is held
    meanwhile, and no event is written.

    ``late`` is called when the run is cancelled meanwhile; the run then still waits for the local answer.
    """
    try:
        return await _to_its_end(
            temporal.execute_local_activity(
                activity,
                request,
                result_type=answer,
                start_to_close_timeout=timedelta(seconds=20),
                retry_policy=_LOCALLY,
                summary=one_line(summary),
            ),
            late,
        )
    except FailureError as error:
        if is_cancelled_exception(error) or not _waits(error):
            raise
        obstacle = _obstacle(error, activity, summary)
    with shown.during(obstacle):
        return await record_patiently(activity, request, answer, summary)


async def record_patiently(activity: str, request: BaseModel, answer: type[Answer] | None, summary: str) -> Any:
    """Run one of the run's own activities as an activity from the start: it may be beside others.

    Local ones that run at once may replay in another order.
    """
    return await temporal.execute_activity(
        activity,
        request,
        result_type=answer,
        start_to_close_timeout=timedelta(seconds=20),
        retry_policy=_PATIENTLY,
        summary=one_line(summary),
    )


async def record_verdict(verdict: Verdict, what: str, *, beside: bool, shown: ShownDetails) -> tuple[Verdict, bool]:
    """Record a verdict; return what history holds of it, and whether its recording has failed with it."""
    summary = verdict_summary(what, verdict)
    recorded: Verdict
    try:
        if beside:
            recorded = await record_patiently(VERDICT, verdict, Verdict, summary)
        else:
            recorded = await record(VERDICT, verdict, Verdict, summary, shown=shown)
    except FailureError as error:
        failed = failed_verdict(error)
        if failed is None:
            raise
        return failed, True
    return recorded, False


async def show_failure(failed: Verdict, what: str) -> None:
    """Run an activity that fails with the failed verdict, so that the Web UI shows it.

    The verdict itself was recorded within the workflow task, which the timeline shows as neutral.
    """
    shown = Verdict(step=failed.step, error=failed.error, category=failed.category, traceback=failed.traceback)
    await _failing(SHOW, shown, verdict_summary(what, failed))


async def record_hold(request: HoldRequest) -> Recorded | None:
    """Record that a gate is held, by an activity that fails of it; return what its failure tells."""
    failure = await _failing(HOLD, request, f"{request.step}: HELD {request.category} {request.error}")
    return recorded_by(failure) if failure is not None else None


async def _failing(activity: str, request: BaseModel, summary: str) -> ActivityError | None:
    """Run an activity that answers by failing, and return its failure; None in a history of an older worker."""
    try:
        await record_patiently(activity, request, None, summary)
    except ActivityError as error:
        if is_cancelled_exception(error) or not is_answer(error):
            raise
        return error
    return None


async def _to_its_end(call: Coroutine[Any, Any, Any], late: Callable[[], None] | None) -> Any:
    """Wait for a local answer, also where the run is cancelled meanwhile: ``late`` is told of it.

    A workflow task that was lost may have done all of the run; only the answer says whether it has.
    """
    if late is None:
        return await call
    task = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if task.cancelled():
            raise
        late()
    try:
        return await task
    except FailureError:
        raise asyncio.CancelledError from None


def _obstacle(error: FailureError, activity: str, summary: str) -> Obstacle:
    """Return what keeps the run from going on: another run that holds its partition, or a Postgres that is away."""
    cause = cause_of(error)
    if _is_busy(cause):
        return BusyPartition(told=str(cause))
    return Unrecorded(activity=activity, summary=summary, error=str(cause))


def _is_busy(cause: BaseException | None) -> bool:
    return isinstance(cause, ApplicationError) and cause.type == ErrorCategory.PARTITION_BUSY.value


def _waits(error: FailureError) -> bool:
    cause = cause_of(error)
    if isinstance(cause, ApplicationError):
        kind = cause.type or ""
        known = kind in ErrorCategory.__members__
        return not cause.non_retryable and known and (ErrorCategory(kind).retryable or _is_busy(cause))
    return isinstance(cause, TemporalTimeoutError)


def one_line(summary: str) -> str | None:
    """Return a summary as Temporal takes it; None for no summary."""
    line = " ".join(summary.split())
    return line[:_LONGEST_SUMMARY] or None
