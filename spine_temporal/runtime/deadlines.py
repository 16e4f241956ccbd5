"""When Temporal gives an activity up: a frozen worker that wakes up after it must not commit."""

from datetime import UTC, datetime, timedelta

from temporalio import activity

from spine_temporal.definition.errors import ErrorCategory, SpineError

_NO_LIMIT = timedelta(days=365)


def given_up_at(asked_at: datetime | None = None) -> datetime:
    """Return when the activity that runs here counts as lost.

    ``asked_at``: when the workflow task began that asks for it. A worker that froze in that task, and wakes up later,
    begins its local activities then; Temporal has given the whole task up.
    """
    info = activity.info()
    limit = info.start_to_close_timeout or _NO_LIMIT
    until = info.started_time + limit
    return min(until, asked_at + limit) if info.is_local and asked_at is not None else until


def require_time(until: datetime) -> None:
    """Raise ``SpineError`` where it has passed."""
    if datetime.now(UTC) > until:
        raise SpineError("this attempt has run out of time: another may have begun", ErrorCategory.TIMEOUT)
