"""The Temporal activity of a pipeline: a thread for its attempt, heartbeats, the time limit, and what to retry."""

import asyncio
import contextlib
import contextvars
import logging
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.faults import fault_of
from spine_temporal.definition.json_values import clean_text
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.pipeline import Pipeline
from spine_temporal.definition.policies import ErrorPolicy
from spine_temporal.machine.step_outcome import StepOutcome
from spine_temporal.recording.classification import DatabaseAwayError
from spine_temporal.recording.database import Database
from spine_temporal.recording.executions import fail_execution
from spine_temporal.recording.fence import ClaimLostError, StateLostError
from spine_temporal.recording.quality import record_quality
from spine_temporal.runtime.attempt import Attempt
from spine_temporal.runtime.beginning import Beginnings
from spine_temporal.runtime.chunked_attempt import ChunkedAttempt
from spine_temporal.runtime.claims import Claims, fenced
from spine_temporal.runtime.ending import record_failure
from spine_temporal.runtime.metrics import ATTEMPT_SECONDS, ATTEMPTS
from spine_temporal.translation.messages import PipelineRequest

_log = logging.getLogger(__name__)

#: Seconds that a stopped attempt's thread is waited for.
_LAST_WORDS = 10.0
#: Bytes of a message that is tried again: Temporal replaces a failure of more than 4 kB by "exceeds size limit".
_MAX_RETRIED_BYTES = 3000


def pipeline_activity(
    pipeline: type[Pipeline], database: Database, claims: Claims, beginnings: Beginnings
) -> Callable[..., Any]:
    """Return the activity that runs a pipeline, under the pipeline's name."""

    @activity.defn(name=pipeline.name)
    async def run(request: PipelineRequest) -> StepOutcome:
        if request.key.was_reset and not request.is_item:
            resume = await _requested(beginnings, request)
            if resume is not None:
                return StepOutcome(step=request.step, resume=resume)
        outcomes: list[StepOutcome] = []

        async def work(asked: PipelineRequest) -> None:
            outcomes.append(await _run(pipeline, database, asked))

        try:
            key = await fenced(claims, request, work)
        except SpineError as error:
            raise await _lost(database, request, error) from None
        return outcomes[-1] if key == request.key else outcomes[-1].model_copy(update={"epoch": key.epoch})

    return run


async def _run(pipeline: type[Pipeline], database: Database, request: PipelineRequest) -> StepOutcome:
    info = activity.info()
    beat = _Heart(info.heartbeat_details, silent=info.is_local)
    kind = Attempt if pipeline.transactional else ChunkedAttempt
    attempt = kind(
        request,
        pipeline,
        database,
        beat.from_thread,
        info.attempt + request.again,
        info.heartbeat_details,
        is_local=info.is_local,
    )
    beat.start(request.heartbeat_timeout / 3)
    try:
        return _counted(attempt, await _within_time(attempt))
    except (ClaimLostError, StateLostError):
        raise
    except asyncio.CancelledError:
        ATTEMPTS.labels(request.pipeline, "cancelled").inc()
        raise
    except SpineError as error:
        beat.beat()  # the next attempt is given what this one told last
        # Without its cause: Temporal replaces a failure of more than a few kilobytes by "exceeds size limit".
        raise await _failure(attempt, database, error) from None
    finally:
        beat.stop()


def _counted(attempt: Attempt, outcome: StepOutcome) -> StepOutcome:
    ATTEMPTS.labels(attempt.request.pipeline, "completed").inc()
    seconds = (datetime.now(UTC) - attempt.started_at).total_seconds()
    ATTEMPT_SECONDS.labels(attempt.request.pipeline).observe(seconds)
    return outcome


async def _requested(beginnings: Beginnings, request: PipelineRequest) -> ResumeOptions | None:
    """Return what a person wants who has reset the run."""
    info = activity.info()
    try:
        return await beginnings.requested(info.workflow_id or "", info.workflow_run_id or "")
    except SpineError as error:
        _log.warning("%s: %s", _named(request), error)
        again = error.category.retryable
        raise ApplicationError(clean_text(str(error)), type=error.category.value, non_retryable=not again) from None


async def _lost(database: Database, request: PipelineRequest, error: SpineError) -> ApplicationError:
    """Return the failure of a run that may not write any more; that is an anomaly, as nothing else would say so."""

    def record() -> None:
        with database.begin() as connection:
            record_failure(connection, request.key, error)

    if error.category.is_lost:
        try:
            await asyncio.to_thread(record)
        except SpineError as away:
            return ApplicationError(clean_text(str(away)), type=away.category.value)
    again = error.category.retryable
    return ApplicationError(clean_text(str(error)), type=error.category.value, non_retryable=not again)


async def _within_time(attempt: Attempt) -> StepOutcome:
    """Wait for the attempt's thread; at its time limit or on cancellation, stop it first."""
    work = _in_thread(attempt.run, f"spine-{attempt.request.step}")
    try:
        done, _ = await asyncio.wait([work], timeout=attempt.request.timeout)
    except asyncio.CancelledError:
        await _stopped(attempt, work)
        raise
    outcome = work.result() if done else await _stopped(attempt, work)
    if outcome is not None:
        return outcome
    raise SpineError(
        f"the pipeline took longer than its timeout of {attempt.request.timeout:g} s: "
        "raise the step's timeout, or do less in one step",
        ErrorCategory.TIMEOUT,
    )


async def _stopped(attempt: Attempt, work: "asyncio.Future[StepOutcome]") -> StepOutcome | None:
    """Stop the attempt and wait for its thread; return its outcome where it had committed already."""
    await asyncio.to_thread(_quietly, attempt.abandon)
    with contextlib.suppress(SpineError, TimeoutError):
        return await asyncio.wait_for(asyncio.shield(work), _LAST_WORDS)
    return None


def _quietly(call: Callable[[], None]) -> None:
    with contextlib.suppress(Exception):
        call()


async def _failure(attempt: Attempt, database: Database, error: SpineError) -> ApplicationError:
    """Return the failure that tells Temporal whether to try again, after the ledger has counted it; and log it."""
    request, most = attempt.request, attempt.request.retry.max_attempts
    error = fault_of(error)
    if isinstance(error, DatabaseAwayError):
        ATTEMPTS.labels(request.pipeline, "waiting").inc()
        return _told(request, error, "waits for Postgres, and is not counted as an attempt")
    try:
        count = await asyncio.to_thread(_count, attempt, database, error)
    except SpineError as away:
        which = f"not counted, as the ledger cannot be written: {away}"
        return _told(request, error, which, category=ErrorCategory.DEPENDENCY)
    again = _retried(error.category, request.on_error) and count < most
    ATTEMPTS.labels(request.pipeline, "retried" if again else "failed").inc()
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
    message, kind = clean_text(str(error)), category or error.category
    frames = f"\n{error.traceback}" if error.traceback else ""
    level = logging.ERROR if kind is ErrorCategory.INTERNAL else logging.WARNING
    _log.log(level, "%s, %s: %s %s%s", _named(request), which, kind, message, frames)
    if is_last:
        return ApplicationError(f"{message} ({which})", counted, message, type=kind.value, non_retryable=True)
    short = message.encode()[:_MAX_RETRIED_BYTES].decode(errors="ignore")
    delay = timedelta(seconds=error.retry_after) if error.retry_after else None
    told = () if counted is None else (counted, request.retry.max_attempts)  # for who watches the run
    return ApplicationError(f"{short} ({clean_text(which, 300)})", *told, type=kind.value, next_retry_delay=delay)


def _named(request: PipelineRequest) -> str:
    return f"workflow {request.key.workflow}, run {request.key.run_id}, step {request.step} ({request.pipeline})"


def _retried(category: ErrorCategory, policy: ErrorPolicy) -> bool:
    if policy is ErrorPolicy.RETRY:
        return category is not ErrorCategory.CONFIGURATION
    return category.retryable or category is ErrorCategory.INTERNAL


def _count(attempt: Attempt, database: Database, error: SpineError) -> int:
    message = clean_text(str(error))
    with database.begin() as connection:
        record_quality(connection, attempt.request.key.run_id, [one.model_dump() for one in attempt.measured])
        return fail_execution(connection, attempt.execution, message, attempt.started_at, traceback=error.traceback)


class _Heart:
    """Heartbeats while the attempt's thread lives; the pipeline's own details ride on them."""

    def __init__(self, details: Sequence[Any], *, silent: bool) -> None:
        self._details = tuple(details)
        #: Within a workflow task nobody listens.
        self._silent = silent
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._next: asyncio.TimerHandle | None = None

    def start(self, interval: float) -> None:
        """Beat after each interval. None at the beginning: a short pipeline costs no call."""
        self._next = self._loop.call_later(interval, self._again, interval)

    def stop(self) -> None:
        """Beat no more."""
        self._silent = True
        if self._next is not None:
            self._next.cancel()

    def from_thread(self, *details: Any) -> None:
        """Beat at once where there is something to tell; Temporal's client thins them out."""
        if details:
            self._details = details
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
                self._loop.call_soon_threadsafe(self.beat, context=self._context)

    def beat(self) -> None:
        """Tell Temporal that the attempt lives, with what it told last."""
        if not self._silent:
            activity.heartbeat(*self._details)

    def _again(self, interval: float) -> None:
        self.beat()
        self.start(interval)


def _in_thread(call: Callable[[], StepOutcome], name: str) -> "asyncio.Future[StepOutcome]":
    """Run the call in a thread of its own: one that hangs must neither hold a pool's place nor the process."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[StepOutcome] = loop.create_future()

    def settle(outcome: StepOutcome | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        elif outcome is not None:
            future.set_result(outcome)

    def work() -> None:
        outcome, error = None, None
        try:
            outcome = call()
        except BaseException as raised:  # noqa: BLE001 - the thread's end is the future's, whatever ended it
            error = fault_of(raised)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, outcome, error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return future
