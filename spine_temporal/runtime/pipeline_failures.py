"""How the activity of a pipeline fails: what the ledger counts, what is logged, and what Temporal tries again."""

import asyncio
import logging
from datetime import timedelta

from sqlalchemy import text
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.faults import fault_of
from spine_temporal.definition.json_values import clean_text
from spine_temporal.machine.pipeline_answer import failed_step
from spine_temporal.machine.retries import tried_again
from spine_temporal.recording.database import Database
from spine_temporal.recording.database_errors import DatabaseAwayError
from spine_temporal.recording.executions import Failed, fail_execution
from spine_temporal.recording.lending import TransactionEndedError
from spine_temporal.recording.quality import record_quality
from spine_temporal.runtime.attempt import Attempt
from spine_temporal.runtime.brief_steps import NotBriefError
from spine_temporal.runtime.ending import record_loss
from spine_temporal.runtime.lost_workers import LostTooOftenError
from spine_temporal.runtime.metrics import ATTEMPTS
from spine_temporal.runtime.older_attempts import TURN
from spine_temporal.runtime.processes.host import NoProcessError
from spine_temporal.runtime.run_metrics import count_checks
from spine_temporal.runtime.source_limits import LIMITED, LimitedError
from spine_temporal.translation.pipeline_messages import FailedOnce, PipelineRequest

#: Of the activity itself, whose failures are told here: filters of logs know it by that name.
_log = logging.getLogger("spine_temporal.runtime.pipeline_activity")

#: Bytes of a message that is tried again: Temporal replaces a failure of more than 4 kB by "exceeds size limit".
_MAX_RETRIED_BYTES = 3000


def failure_of(error: SpineError) -> ApplicationError:
    """Return an error as the activity's failure; its category says whether Temporal tries again."""
    again = error.category.retryable
    return ApplicationError(clean_text(str(error)), type=error.category.value, non_retryable=not again)


async def run_lost(database: Database, request: PipelineRequest, error: SpineError) -> ApplicationError:
    """Return the failure of a run that may not write any more; that is an anomaly, as nothing else would say so."""

    def record() -> None:
        with database.begin() as connection:
            record_loss(connection, request.key, error)

    if error.category.is_lost:
        try:
            await asyncio.to_thread(record)
        except SpineError as away:
            return ApplicationError(clean_text(str(away)), type=away.category.value)
    return failure_of(error)


def waiting(failed: FailedOnce) -> ApplicationError:
    """Return the failure of an attempt that came before the activity: Temporal shows it, and waits as after any."""
    return ApplicationError(
        failed.message,
        failed.attempts,
        failed.of,
        type=failed.category,
        next_retry_delay=None if failed.retry_after is None else timedelta(seconds=failed.retry_after),
        category=ApplicationErrorCategory.BENIGN,
    )


def limited(error: LimitedError) -> ApplicationError:
    """Return the failure of an attempt that its limit keeps waiting, which is not counted: nothing has been done."""
    return ApplicationError(
        str(error),
        type=LIMITED,
        next_retry_delay=timedelta(seconds=error.retry_after or 0),
        category=ApplicationErrorCategory.BENIGN,
    )


async def attempt_failed(attempt: Attempt, database: Database, error: SpineError) -> ApplicationError:
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
    _log.log(level, "%s, %s: %s %s%s", named(request), which, kind, message, frames)
    if is_last:
        door = () if request.door is None else (request.door,)
        return ApplicationError(f"{message} ({which})", counted, message, *door, type=kind.value, non_retryable=True)
    short = message.encode()[:_MAX_RETRIED_BYTES].decode(errors="ignore")
    delay = timedelta(seconds=error.retry_after) if error.retry_after else None
    told = () if counted is None else (counted, request.retry.max_attempts)  # for who watches the run
    return ApplicationError(f"{short} ({clean_text(which, 300)})", *told, type=kind.value, next_retry_delay=delay)


def named(request: PipelineRequest) -> str:
    """Return the step with its workflow and run, as logs have it."""
    return f"workflow {request.key.workflow}, run {request.key.run_id}, step {request.step} ({request.pipeline})"


def _count(attempt: Attempt, database: Database, error: SpineError) -> Failed:
    """Count it; raises ``SpineError`` where an older attempt keeps the row, which the next one ends."""
    failed = failed_step(attempt.request.step, error)
    with database.begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{TURN}s'"))
        record_quality(connection, attempt.request.key.run_id, [one.model_dump() for one in attempt.measured])
        return fail_execution(
            connection, attempt.execution, failed.error or "", attempt.started_at, traceback=failed.traceback
        )
