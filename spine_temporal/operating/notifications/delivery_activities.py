"""The activities of ``spine.deliver``: route, send, give up."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.operating.notifications.messages import GIVE_UP, HEARTBEAT, ROUTE, SEND, Dispatch, GivenUp, Routed
from spine_temporal.operating.notifications.notification_settings import NotificationSettings
from spine_temporal.operating.notifications.sending.outgoing import SendingError
from spine_temporal.operating.notifications.sending.sender import send
from spine_temporal.recording import deliveries
from spine_temporal.recording.database import Database
from spine_temporal.runtime.heart import Heart
from spine_temporal.runtime.metrics import NOTIFICATIONS

_log = logging.getLogger(__name__)
#: Failure type of a channel that does not take a message.
UNDELIVERED = "UNDELIVERED"


class DeliveryActivities:
    """Bound to one worker's database and settings."""

    def __init__(self, database: Database, settings: NotificationSettings) -> None:
        self._database = database
        self._settings = settings

    def all(self) -> list[Callable[..., Any]]:
        """Return the activities."""
        return [self.route, self.send, self.give_up]

    @activity.defn(name=ROUTE)
    async def route(self) -> Routed:
        """Write the deliveries of what is due, and return what is to be sent."""
        return await asyncio.to_thread(_told_failures, self._route)

    @activity.defn(name=SEND)
    async def send(self, dispatch: Dispatch) -> None:
        """Send a batch; one that has arrived is not sent again."""
        heart = Heart((), silent=False)
        heart.start(HEARTBEAT / 4)
        try:
            await asyncio.to_thread(_told_failures, lambda: self._send(dispatch))
        finally:
            heart.stop()

    @activity.defn(name=GIVE_UP)
    async def give_up(self, given_up: GivenUp) -> None:
        """Keep that a batch has not arrived, and why."""
        await asyncio.to_thread(_told_failures, lambda: self._give_up(given_up))

    def _route(self) -> Routed:
        with self._database.begin() as connection:
            found = deliveries.route(connection, self._settings.grouping, self._settings.channels_of)
            pending = deliveries.pending_batches(connection)
        after = self._settings.give_up_after
        return Routed(
            dispatches=tuple(Dispatch(batch_id=batch, channel=name, give_up_after=after) for batch, name in pending),
            next_in=found.next_in,
        )

    def _send(self, dispatch: Dispatch) -> None:
        channel = self._settings.channel(dispatch.channel)
        with self._database.begin() as connection:
            told = deliveries.begin_attempt(connection, dispatch.batch_id)
        if not told:
            return
        send(channel, dispatch.batch_id, told)
        with self._database.begin() as connection:
            deliveries.delivered(connection, dispatch.batch_id)
        NOTIFICATIONS.labels(dispatch.channel, "delivered").inc(len(told))

    def _give_up(self, given_up: GivenUp) -> None:
        with self._database.begin() as connection:
            count = deliveries.undelivered(connection, given_up.batch_id, given_up.error)
        NOTIFICATIONS.labels(given_up.channel, "failed").inc(count)
        _log.error("channel %s was not told of batch %s: %s", given_up.channel, given_up.batch_id, given_up.error)


def _told_failures(work: Callable[[], Any]) -> Any:
    """Do the work; what fails is told as Temporal's failure, with whether and when it is tried again."""
    try:
        return work()
    except SendingError as error:
        later = None if error.retry_after is None else timedelta(seconds=error.retry_after)
        raise ApplicationError(
            str(error),
            type=UNDELIVERED,
            non_retryable=error.is_final,
            next_retry_delay=later,
            category=ApplicationErrorCategory.BENIGN,
        ) from None
    except SpineError as error:
        wrong = error.category is ErrorCategory.CONFIGURATION
        raise ApplicationError(str(error), type=error.category.value, non_retryable=wrong) from None
