"""The Temporal activity of a pipeline: a place for its attempt, heartbeats, the time limit, and what to retry."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.faults import fault_of
from spine_temporal.definition.json_values import clean_text
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.pipeline import Pipeline
from spine_temporal.definition.run_key import RunKey
from spine_temporal.machine.door import ended_with
from spine_temporal.machine.pipeline_answer import failed_step
from spine_temporal.machine.retries import tried_again
from spine_temporal.recording.database import Database
from spine_temporal.recording.database_errors import DatabaseAwayError
from spine_temporal.recording.executions import Failed, fail_execution
from spine_temporal.recording.fence import ClaimLostError, StateLostError
from spine_temporal.recording.lending import TransactionEndedError
from spine_temporal.recording.quality import record_quality
from spine_temporal.runtime.attempt import Attempt
from spine_temporal.runtime.attempts import attempt_of
from spine_temporal.runtime.brief_steps import LONGEST, BriefSteps
from spine_temporal.runtime.claims import Claims, fenced
from spine_temporal.runtime.deadlines import given_up_at
from spine_temporal.runtime.ending import record_loss
from spine_temporal.runtime.failed_verdicts import log_verdict
from spine_temporal.runtime.heart import Heart
from spine_temporal.runtime.item_groups import run_group
from spine_temporal.runtime.lost_workers import LostTooOftenError, LostWorkers
from spine_temporal.runtime.metrics import ATTEMPT_SECONDS, ATTEMPTS
from spine_temporal.runtime.processes.host import NoProcessError
from spine_temporal.runtime.resume_starter import ResumeStarter
from spine_temporal.runtime.run_metrics import count_checks, count_end, count_rows
from spine_temporal.runtime.source_limits import LIMITED, LimitedError, SourceLimits
from spine_temporal.translation.failures import verdict_failure
from spine_temporal.translation.map_messages import ItemsDone, ItemsRequest
from spine_temporal.translation.messages import FailedOnce, PipelineRequest, ShutDoor, StepDone

_log = logging.getLogger(__name__)

#: Bytes of a message that is tried again: Temporal replaces a failure of more than 4 kB by "exceeds size limit".
_MAX_RETRIED_BYTES = 3000


class Running(Protocol):
    """An attempt that is being made."""

    @property
    def done(self) -> "asyncio.Future[Any]": ...  # noqa: D102
    async def result(self) -> StepDone: ...  # noqa: D102
    async def stop(self) -> StepDone | None: ...  # noqa: D102


class Place(Protocol):
    """Where attempts are made: in processes, or in threads of the worker."""

    async def begin(self, attempt: Attempt, beat: Callable[..., None]) -> Running: ...  # noqa: D102
    async def fingerprint(self, pipeline: type[Pipeline], params: Mapping[str, Any], patience: float) -> Any: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class NotBriefError(SpineError):
    """Raised when a step that used to be brief has taken as long as it may within a workflow task."""

    def __init__(self) -> None:
        super().__init__(f"longer than the {LONGEST:g} s of a brief step", ErrorCategory.TRANSIENT)


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a worker makes attempts."""

    database: Database
    activities: Place
    #: For what its step says to run within the workflow task.
    local: Place
    lost: LostWorkers
    brief: BriefSteps
    limits: SourceLimits

    def of(self, request: PipelineRequest) -> Place:
        """Return where the attempt that the present activity asks for is made."""
        return self.local if activity.info().is_local and not request.is_brief else self.activities


def pipeline_activity(
    pipeline: type[Pipeline], done: Callable[[PipelineRequest], Awaitable[StepDone]]
) -> Callable[..., Any]:
    """Return the activity of a pipeline, under the pipeline's name; ``done`` does a step of it."""

    @activity.defn(name=pipeline.name)
    async def run(request: PipelineRequest | ShutDoor | ItemsRequest) -> StepDone | ItemsDone:
        if isinstance(request, ShutDoor):
            return _refused(request)
        if isinstance(request, ItemsRequest):
            return await run_group(request, done) if pipeline.transactional else request.all_alone()
        return await done(request)

    return run


def done_by(
    pipeline: type[Pipeline], places: Places, claims: Claims, resumes: ResumeStarter
) -> Callable[[PipelineRequest], Awaitable[StepDone]]:
    """Return what does a step of a pipeline, within an activity: an attempt, behind the fence."""

    async def done(request: PipelineRequest) -> StepDone:
        if request.failed_once is not None and activity.info().attempt == 1:
            raise _waiting(request.failed_once)
        if request.key.was_reset and not request.is_item:
            resume = await _requested(resumes, request)
            if resume is not None:
                return StepDone(step=request.step, resume=resume)
        outcomes: list[StepDone] = []

        async def work(asked: PipelineRequest) -> None:
            outcomes.append(await _run(pipeline, places, asked))

        try:
            key = await fenced(claims, request, work)
        except SpineError as error:
            raise await _lost(places.database, request, error) from None
        return _told_to(request, outcomes[-1], key)

    return done


def _told_to(request: PipelineRequest, done: StepDone, key: RunKey) -> StepDone:
    """Return what the run is told of a step that is done, under the key with which it was."""
    more: dict[str, Any] = {} if key == request.key else {"epoch": key.epoch}
    if request.door is not None:
        more["door"] = request.door
    if done.is_end and request.ending is not None:
        count_end(ended_with(request.ending.result, done))
    return done.model_copy(update=more)


def _refused(request: ShutDoor) -> StepDone:
    """Tell the run that a gate keeps the pipeline from running: by a failure, where the gate has failed."""
    last = request.door.verdicts[-1]
    if last.failed:
        log_verdict(last)
        raise verdict_failure(last, request.door)
    return StepDone(step=request.step, door=request.door)


async def _run(pipeline: type[Pipeline], places: Places, request: PipelineRequest) -> StepDone:
    info = activity.info()
    heart = Heart(info.heartbeat_details, silent=info.is_local)
    request = _with_time(request)
    number, progress = request.number(info.attempt), info.heartbeat_details
    attempt = attempt_of(request, pipeline, places.database, heart.tell, number, progress, is_local=info.is_local)
    heart.start(request.heartbeat_timeout / 3)
    try:
        await places.lost.count(attempt)
        async with places.limits.held(attempt):
            running = await places.of(request).begin(attempt, heart.tell)
            done = await _within_time(running, request)
            places.brief.note(attempt, done)
            return _counted(attempt, done)
    except LimitedError as limited:
        ATTEMPTS.labels(request.pipeline, "waiting").inc()
        raise _limited(limited) from None
    except (ClaimLostError, StateLostError):
        raise
    except asyncio.CancelledError:
        ATTEMPTS.labels(request.pipeline, "cancelled").inc()
        raise
    except SpineError as error:
        places.brief.note(attempt, None)
        heart.beat()  # the next attempt is given what this one told last
        # Without its cause: Temporal replaces a failure of more than a few kilobytes by "exceeds size limit".
        raise await _failure(attempt, places.database, error) from None
    finally:
        heart.stop()


def _with_time(request: PipelineRequest) -> PipelineRequest:
    """Return the request with when its attempt is too late to end the run."""
    ending = request.ending
    if ending is None:
        return request
    timed = ending.model_copy(update={"until": given_up_at(ending.result.completed_at)})
    return request.model_copy(update={"ending": timed})


def _counted(attempt: Attempt, outcome: StepDone) -> StepDone:
    request = attempt.request
    ATTEMPTS.labels(request.pipeline, "completed").inc()
    seconds = (datetime.now(UTC) - attempt.started_at).total_seconds()
    ATTEMPT_SECONDS.labels(request.pipeline).observe(seconds)
    count_rows(request.pipeline, outcome)
    count_checks(request.key.workflow, (*request.measured, *attempt.measured))
    return outcome


async def _requested(resumes: ResumeStarter, request: PipelineRequest) -> ResumeOptions | None:
    """Return how the person who reset the run wants it to go on; None where nothing is to change."""
    info = activity.info()
    try:
        return await resumes.requested(info.workflow_id or "", info.workflow_run_id or "")
    except SpineError as error:
        _log.warning("%s: %s", _named(request), error)
        again = error.category.retryable
        raise ApplicationError(clean_text(str(error)), type=error.category.value, non_retryable=not again) from None


async def _lost(database: Database, request: PipelineRequest, error: SpineError) -> ApplicationError:
    """Return the failure of a run that may not write any more; that is an anomaly, as nothing else would say so."""

    def record() -> None:
        with database.begin() as connection:
            record_loss(connection, request.key, error)

    if error.category.is_lost:
        try:
            await asyncio.to_thread(record)
        except SpineError as away:
            return ApplicationError(clean_text(str(away)), type=away.category.value)
    again = error.category.retryable
    return ApplicationError(clean_text(str(error)), type=error.category.value, non_retryable=not again)


async def _within_time(running: Running, request: PipelineRequest) -> StepDone:
    """Wait for the attempt; at its time limit or on cancellation, stop it first."""
    try:
        limit = min(request.timeout, LONGEST) if request.is_brief else request.timeout
        done, _ = await asyncio.wait([running.done], timeout=limit)
    except asyncio.CancelledError:
        await running.stop()
        raise
    outcome = await (running.result() if done else running.stop())
    if outcome is not None:
        return outcome
    if limit < request.timeout:
        raise NotBriefError
    raise SpineError(
        f"the pipeline took longer than its timeout of {request.timeout:g} s: raise the step's timeout, or do less in "
        "one step",
        ErrorCategory.TIMEOUT,
    )


def _waiting(failed: FailedOnce) -> ApplicationError:
    """Return the failure of an attempt that came before the activity: Temporal shows it, and waits as after any."""
    return ApplicationError(
        failed.message,
        failed.attempts,
        failed.of,
        type=failed.category,
        next_retry_delay=None if failed.retry_after is None else timedelta(seconds=failed.retry_after),
        category=ApplicationErrorCategory.BENIGN,
    )


def _limited(error: LimitedError) -> ApplicationError:
    """Return the failure of an attempt that its limit keeps waiting, which is not counted: nothing has been done."""
    return ApplicationError(
        str(error),
        type=LIMITED,
        next_retry_delay=timedelta(seconds=error.retry_after or 0),
        category=ApplicationErrorCategory.BENIGN,
    )


async def _failure(attempt: Attempt, database: Database, error: SpineError) -> ApplicationError:
    """Return the failure that tells Temporal whether to try again, after the ledger has counted it; and log it."""
    request, most = attempt.request, attempt.request.retry.max_attempts
    error = fault_of(error)
    if isinstance(error, NotBriefError):
        return _told(request, error, "goes on as an activity, and is not counted as an attempt")
    if isinstance(error, DatabaseAwayError | NoProcessError):
        ATTEMPTS.labels(request.pipeline, "waiting").inc()
        what = "Postgres" if isinstance(error, DatabaseAwayError) else "a process"
        return _told(request, error, f"waits for {what}, and is not counted as an attempt")
    try:
        failed = await asyncio.to_thread(_count, attempt, database, error)
    except SpineError as away:
        which = f"not counted, as the ledger cannot be written: {away}"
        return _told(request, error, which, category=ErrorCategory.DEPENDENCY)
    if failed.is_done:
        return _told(request, error, "it had committed before, and the next attempt finds what it did")
    count = failed.attempts
    ended = failed.was_committed_open and attempt.is_one_transaction
    if ended and error.code != TransactionEndedError.CODE:
        error = TransactionEndedError(f"failed ({error}) after it had ended")
    again = tried_again(error.category, request.on_error, attempt=count, retry=request.retry)
    again = again and not isinstance(error, LostTooOftenError)
    ATTEMPTS.labels(request.pipeline, "retried" if again else "failed").inc()
    count_checks(request.key.workflow, attempt.measured)
    which = f"attempt {count} of {most}{'' if again or count >= most else ', not tried again'}"
    return _told(request, error, which, counted=count, is_last=not again)


def _told(
    request: PipelineRequest,
    error: SpineError,
    which: str,
    *,
    category: ErrorCategory | None = None,
    counted: int | None = None,
    is_last: bool = False,
) -> ApplicationError:
    """Log a failure, and return it as Temporal shows it; ``counted``: how many of the pipeline's own there were."""
    failed = failed_step(request.step, error)
    message, kind = failed.error or "", category or error.category
    frames = f"\n{error.traceback}" if error.traceback else ""
    level = logging.ERROR if kind is ErrorCategory.INTERNAL else logging.WARNING
    _log.log(level, "%s, %s: %s %s%s", _named(request), which, kind, message, frames)
    if is_last:
        door = () if request.door is None else (request.door,)
        return ApplicationError(f"{message} ({which})", counted, message, *door, type=kind.value, non_retryable=True)
    short = message.encode()[:_MAX_RETRIED_BYTES].decode(errors="ignore")
    delay = timedelta(seconds=error.retry_after) if error.retry_after else None
    told = () if counted is None else (counted, request.retry.max_attempts)  # for who watches the run
    return ApplicationError(f"{short} ({clean_text(which, 300)})", *told, type=kind.value, next_retry_delay=delay)


def _named(request: PipelineRequest) -> str:
    return f"workflow {request.key.workflow}, run {request.key.run_id}, step {request.step} ({request.pipeline})"


def _count(attempt: Attempt, database: Database, error: SpineError) -> Failed:
    failed = failed_step(attempt.request.step, error)
    with database.begin() as connection:
        record_quality(connection, attempt.request.key.run_id, [one.model_dump() for one in attempt.measured])
        return fail_execution(
            connection, attempt.execution, failed.error or "", attempt.started_at, traceback=failed.traceback
        )
