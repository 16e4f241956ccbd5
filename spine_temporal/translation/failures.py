"""What an activity's failure says of a step or of the whole run. Pure."""

from collections.abc import Mapping

from pydantic import ValidationError
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ApplicationErrorCategory,
    ChildWorkflowError,
    FailureError,
    TimeoutType,
    is_cancelled_exception,
)
from temporalio.exceptions import TimeoutError as TemporalTimeoutError

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.json_values import clean_text
from spine_temporal.machine.step_outcome import CONDITION, Failed
from spine_temporal.translation.gate_messages import DoorVerdicts, Verdict
from spine_temporal.translation.messages import Recorded
from spine_temporal.translation.pipeline_messages import FailedOnce

#: Category of a step whose activity or run somebody else has cancelled.
CANCELLED = "CANCELLED"


def is_lost(outcome: Failed) -> bool:
    """Return whether the run has lost its partition, or the database the run: nothing of it can be recorded."""
    return outcome.category in ErrorCategory.__members__ and ErrorCategory(outcome.category).is_lost


def lost(outcome: Failed) -> ApplicationError:
    """Return the failure of such a run."""
    return ApplicationError(outcome.error, type=outcome.category, non_retryable=True)


def failure_of(error: FailureError) -> ApplicationError:
    """Return an activity's failure as the run's own, so that its type and message are what a person reads first."""
    category, message, _ = _described(error)
    return ApplicationError(message, type=category, non_retryable=True)


def verdict_failure(verdict: Verdict, *details: Verdict | DoorVerdicts) -> ApplicationError:
    """Return the failure of an activity that tells of a verdict which failed; nothing is wrong with the activity."""
    return ApplicationError(
        f"{verdict.step}: {verdict.error}",
        *details,
        type=verdict.category or ErrorCategory.INTERNAL.value,
        non_retryable=True,
        category=ApplicationErrorCategory.BENIGN,
    )


def failed_verdict(error: FailureError) -> Verdict | None:
    """Return the verdict whose recording has failed with it; None where something else failed."""
    cause = cause_of(error)
    if not isinstance(cause, ApplicationError) or not cause.non_retryable or not cause.details:
        return None
    try:
        verdict = Verdict.model_validate(cause.details[0])
    except ValidationError:
        return None
    return verdict if verdict.failed else None


def door_told(error: FailureError) -> DoorVerdicts | None:
    """Return what a pipeline's activity that failed tells of the gates before it; None where it tells nothing."""
    cause = cause_of(error)
    details = cause.details if isinstance(cause, ApplicationError) else ()
    for given in details:
        if isinstance(given, Mapping) and "verdicts" in given:
            return DoorVerdicts.model_validate(given)
    return None


def is_answer(error: FailureError) -> bool:
    """Return whether an activity has failed as it was meant to: its failure is what it answers."""
    cause = cause_of(error)
    return isinstance(cause, ApplicationError) and cause.category is ApplicationErrorCategory.BENIGN


def recorded_by(error: FailureError) -> Recorded | None:
    """Return what an activity has recorded that failed as it was meant to."""
    cause = cause_of(error)
    details = cause.details if isinstance(cause, ApplicationError) else ()
    return Recorded.model_validate(details[0]) if details else None


def verdict_summary(what: str, verdict: Verdict) -> str:
    """Return in a line what was asked and how it answered."""
    if verdict.failed:
        return f"{what}: FAILED {verdict.category} {verdict.error}"
    if verdict.missing:
        return f"{what}: no code here"
    answer = verdict.output.get(CONDITION)
    told = {True: "yes", False: "no"}.get(answer, "passed") if isinstance(answer, bool) else "passed"
    return f"{what}: {told}"


def failed_outcome(step: str, error: FailureError) -> Failed:
    """Return the outcome of a pipeline whose activity has failed for good."""
    category, message, attempt = _described(error)
    return Failed(step=step, error=message, category=category, attempt=attempt)


def failed_once(failure: BaseException | None) -> FailedOnce | None:
    """Return how a counted attempt has failed that is to be tried again; None where it was not counted."""
    if not isinstance(failure, ApplicationError):
        return None
    match tuple(failure.details):
        case (int() as attempts, int() as of):
            delay = failure.next_retry_delay
            return FailedOnce(
                message=failure.message,
                category=failure.type or ErrorCategory.INTERNAL.value,
                attempts=attempts,
                of=of,
                retry_after=None if delay is None else delay.total_seconds(),
            )
    return None


def cause_of(error: FailureError) -> BaseException | None:
    """Return the cause of an activity's failure: a local activity raises it unwrapped, others wrap it."""
    return error.cause if isinstance(error, ActivityError | ChildWorkflowError) else error


def _described(error: FailureError) -> tuple[str, str, int]:
    """Return category, message and counted attempts of an activity's failure."""
    cause = cause_of(error)
    if isinstance(cause, ApplicationError):
        known = cause.type in ErrorCategory.__members__
        own = isinstance(error, ChildWorkflowError)  # a gate's own category comes through a sub-workflow as it is
        category = cause.type if cause.type and (known or own) else ErrorCategory.INTERNAL.value
        if cause.type == "PayloadsTooLarge":
            category = ErrorCategory.CONFIGURATION.value
        attempt, message = _counted(cause)
        return category, clean_text(message), attempt
    if isinstance(cause, TemporalTimeoutError):
        what = f"{TimeoutType(cause.type).name.lower()} " if cause.type is not None else ""
        return ErrorCategory.TIMEOUT.value, f"the activity passed its {what}timeout", 1
    if is_cancelled_exception(error):
        return CANCELLED, "it was cancelled in Temporal, and not by this run", 1
    return ErrorCategory.INTERNAL.value, clean_text(str(cause or error)), 1


def _counted(cause: ApplicationError) -> tuple[int, str]:
    """Return how many attempts the worker has counted, and the failure's text without what it says of them."""
    match tuple(cause.details):
        case (int() as count, str() as message, *_):
            return count, message
        case (int() as count, *_):
            return count, cause.message
    return 1, cause.message
