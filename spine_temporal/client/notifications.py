"""Notifications from outside: look at them, deliver them again, try the channels."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from spine_temporal.definition.errors import ParamsError, SpineError
from spine_temporal.definition.notification import NotificationKind
from spine_temporal.definition.severity import Severity
from spine_temporal.operating.notifications.notification_settings import NotificationSettings
from spine_temporal.operating.notifications.sending.outgoing import SendingError
from spine_temporal.operating.notifications.sending.sender import send
from spine_temporal.recording.database import Database
from spine_temporal.recording.delivery_list import STATUSES, found_notification, list_deliveries, retry_deliveries
from spine_temporal.recording.outbox import Enqueued

#: Characters of an id that find it.
_SHORTEST_ID = 8


def list_notifications(database: Database, *, status: str | None = None, limit: int = 50) -> list[Mapping[str, Any]]:
    """Return notifications, newest first, one row for each channel; ``status`` is one of ``STATUSES``, in any case.

    Raises ``ParamsError`` for another one.
    """
    wanted = None if status is None else status.upper()
    if wanted is not None and wanted not in STATUSES:
        raise ParamsError(f"--status {status!r} is unknown: it is one of {', '.join(STATUSES).lower()}")
    with database.begin() as connection:
        return list_deliveries(connection, status=wanted, limit=limit)


def retry_notifications(database: Database, ids: Sequence[str] | None) -> int:
    """Let notifications that failed be delivered again, by id or its beginning; None: all. Return how many.

    What no route wanted is routed anew where its id is given. Raises ``ParamsError`` for an id that there is not.
    """
    with database.begin() as connection:
        found = None if ids is None else [_one(found_notification(connection, _prefix(each)), each) for each in ids]
        return retry_deliveries(connection, found)


def try_channels(settings: NotificationSettings, name: str | None = None) -> Iterator[tuple[str, str | None]]:
    """Send a test over one channel, or over each; yield its name, and why it was not taken (None: it was)."""
    for channel in [name] if name is not None else settings.channels:
        try:
            send(settings.channel(channel), uuid4(), [_test_notification(channel)])
        except (SendingError, SpineError) as error:
            if isinstance(error, ParamsError):
                raise
            yield channel, str(error)
        else:
            yield channel, None


def _test_notification(channel: str) -> Enqueued:
    return Enqueued(
        notification_id=uuid4(),
        kind=NotificationKind.TEST.value,
        cause="",
        domain="spine",
        workflow="spine-temporal",
        partition_key={},
        severity=Severity.INFO.value,
        category="",
        message=f"channel {channel} works",
        step=None,
        run_id=None,
        workflow_id=None,
        details={},
        created_at=datetime.now(UTC),
    )


def _prefix(text: str) -> str:
    if not re.fullmatch(rf"[0-9a-fA-F-]{{{_SHORTEST_ID},36}}", text):
        raise ParamsError(
            f"{text[:50]!r} is no notification id: give at least {_SHORTEST_ID} characters of one that "
            "`spine-temporal notifications list` shows"
        )
    return text.lower()


def _one(found: Sequence[UUID], text: str) -> UUID:
    if len(found) != 1:
        what = "begins the ids of several notifications: give more of it" if found else "is the id of no notification"
        raise ParamsError(f"{text!r} {what}")
    return found[0]
