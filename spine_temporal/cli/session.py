"""What a command works with: settings, servers, definitions, a client."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from temporalio.runtime import Runtime, TelemetryConfig

from spine_temporal.client.servers import Servers, connect, open_database, running_servers_of
from spine_temporal.client.spine_client import SpineClient
from spine_temporal.embedded import worker_lock_held
from spine_temporal.recording.database import Database
from spine_temporal.runtime.definitions import Definitions, load_definitions
from spine_temporal.runtime.masked_logs import mask_unhandled
from spine_temporal.runtime.worker import SPARE_CONNECTIONS, running_worker
from spine_temporal.settings import Settings


def run_async(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a command's coroutine; what the command tells itself is not logged beside it."""
    mask_unhandled()
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    if not logging.getLogger().handlers:  # a worker logs, and has set that up
        logging.getLogger("spine_temporal").setLevel(logging.ERROR)
        # Temporal's core writes its warnings on stdout, which belongs to the result.
        Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)), error_if_already_set=False)
    return asyncio.run(work())


@contextmanager
def opened_database(settings: Settings) -> Iterator[Database]:
    """Have the database for a command that needs no Temporal; nothing is started for it, and no schema upgraded."""
    with running_servers_of(settings, temporal=False) as servers:
        database = open_database(servers, settings, may_upgrade=False)
        try:
            yield database
        finally:
            database.close()


@asynccontextmanager
async def connected(settings: Settings, servers: Servers, *, with_worker: bool = True) -> AsyncIterator[SpineClient]:
    """Have a client; and ``with_worker`` a worker, where the embedded servers have none of their own."""
    client = await connect(servers)
    spine = SpineClient(client, task_queue=settings.task_queue)
    if not with_worker or not servers.temporal_is_embedded or worker_lock_held(servers.home):
        yield spine
        return
    database = open_database(servers, settings, pool_size=settings.max_activities + SPARE_CONNECTIONS)
    try:
        async with running_worker(
            client,
            database,
            definitions(settings),
            task_queue=settings.task_queue,
            max_activities=settings.max_activities,
        ):
            yield spine
    finally:
        database.close()


def definitions(settings: Settings) -> Definitions:
    """Return what the configured modules define."""
    return load_definitions(settings.modules)
