"""What keeps the delivery going: each worker looks whether anything waits, and starts or wakes the workflow."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from spine_temporal.definition.errors import SpineError
from spine_temporal.operating.notifications.messages import DELIVER
from spine_temporal.operating.notifications.notification_settings import NotificationSettings
from spine_temporal.recording import deliveries
from spine_temporal.recording.database import Database

_log = logging.getLogger(__name__)
#: Seconds between two looks, and between two prunings.
INTERVAL = 5.0
_PRUNE_EVERY = 3600.0


@asynccontextmanager
async def delivering(
    client: Client, database: Database, settings: NotificationSettings, task_queue: str, *, interval: float = INTERVAL
) -> AsyncIterator[None]:
    """Keep the delivery going while the block runs."""
    for name, variable in settings.missing_secrets():
        _log.error("channel %s tells nobody: the environment variable %s is not set", name, variable)
    keeper = asyncio.create_task(_keep(client, database, settings, task_queue, interval))
    try:
        yield
    finally:
        keeper.cancel()


def delivery_id(task_queue: str) -> str:
    """Return the workflow id of a service's delivery: there is one."""
    return f"{DELIVER}/{task_queue}"


async def _keep(
    client: Client, database: Database, settings: NotificationSettings, task_queue: str, interval: float
) -> None:
    pruned_at = -_PRUNE_EVERY
    while True:
        await asyncio.sleep(interval)
        try:
            if time.monotonic() - pruned_at >= _PRUNE_EVERY:
                await asyncio.to_thread(_prune, database, settings.keep_days)
                pruned_at = time.monotonic()
            if settings.channels:
                await look(client, database, settings, task_queue)
        except (SpineError, RPCError) as error:  # Postgres or Temporal is away: the next look finds what waits
            _log.debug("the outbox is not looked into: %s", error)
        except Exception:  # noqa: BLE001 - what keeps others going must not end with what it does not know
            _log.exception("the outbox is not looked into; the next look is in %.0f s", interval)


async def look(client: Client, database: Database, settings: NotificationSettings, task_queue: str) -> bool:
    """Start or wake the delivery where something waits; return whether it does.

    What is only being sent wakes nobody: a signal for each look would fill the history of a channel that is away.
    """
    is_due, is_pending = await asyncio.to_thread(_waiting, database, settings)
    if is_due or is_pending:
        await client.start_workflow(
            DELIVER,
            id=delivery_id(task_queue),
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="wake" if is_due else None,
        )
    return is_due or is_pending


def _waiting(database: Database, settings: NotificationSettings) -> tuple[bool, bool]:
    with database.begin() as connection:
        return bool(deliveries.due(connection, settings.grouping).causes), deliveries.is_any_pending(connection)


def _prune(database: Database, days: int) -> None:
    with database.begin() as connection:
        deliveries.prune_outbox(connection, days)
