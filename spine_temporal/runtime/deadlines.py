"""When Temporal gives an activity up: a frozen worker that wakes up after it must not commit."""

from datetime import UTC, datetime, timedelta

from temporalio import activity

from spine_temporal.definition.errors import ErrorCategory, SpineError

_NO_LIMIT = timedelta(days=365)


def given_up_at() -> datetime:
    """Return when the activity that runs here counts as lost."""
    info = activity.info()
    return info.started_time + (info.start_to_close_timeout or _NO_LIMIT)


def require_time(until: datetime) -> None:
    """Raise ``SpineError`` where it has passed."""
    if datetime.now(UTC) > until:
        raise SpineError("this attempt has run out of time: another may have begun", ErrorCategory.TIMEOUT)
