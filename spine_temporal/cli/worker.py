"""``spine-temporal worker``."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from temporalio.client import Client

from spine_temporal.cli.session import definitions, run_async
from spine_temporal.client.servers import Servers, available_servers, connect, open_database
from spine_temporal.operating.lateness.keeper import judging
from spine_temporal.operating.notifications.keeper import delivering
from spine_temporal.operating.notifications.notification_settings import notification_settings
from spine_temporal.operating.registration import operating_activities, operating_workflows
from spine_temporal.recording.database import Database
from spine_temporal.runtime.definitions import NO_WORKFLOWS, Definitions
from spine_temporal.runtime.health import Health
from spine_temporal.runtime.health_server import health_server
from spine_temporal.runtime.masked_logs import log_masked
from spine_temporal.runtime.sdk_logs import log_core
from spine_temporal.runtime.sdk_metrics import SdkMetrics
from spine_temporal.runtime.state_metrics import state_metrics
from spine_temporal.runtime.tracing import trace_database
from spine_temporal.runtime.worker import SPARE_CONNECTIONS, deployment_version, listen_for_signals, running_worker
from spine_temporal.settings import Settings

_log = logging.getLogger("spine_temporal.worker")


def run_worker(settings: Settings, *, more_queues: Sequence[str] = (), every_queue: bool = False) -> None:
    """Run until a signal; ``every_queue``: serve those too that workflows and steps name."""
    log_masked(form=settings.log_format)
    log_core()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    loaded = definitions(settings)
    with available_servers(settings) as servers:
        named = sorted(loaded.task_queues) if every_queue else []
        queues = list(dict.fromkeys([settings.task_queue, *more_queues, *named]))
        run_async(lambda: _work(settings, servers, loaded, queues))


async def _work(settings: Settings, servers: Servers, loaded: Definitions, queues: Sequence[str]) -> None:
    counting = SdkMetrics() if settings.health_address else None
    client = await connect(servers, counting.runtime if counting else None)
    size = settings.max_activities * len(queues) + SPARE_CONNECTIONS
    database = open_database(servers, settings, pool_size=size)
    trace_database(database)
    try:
        async with (
            _watched(client, database, settings.health_address, counting),
            judging(client, settings.task_queue, has_deadlines=bool(loaded.deadlines)),
            running_worker(
                client,
                database,
                loaded,
                task_queue=queues[0],
                more_queues=queues[1:],
                max_activities=settings.max_activities,
                version=deployment_version(settings),
                grace=settings.grace,
                workflows=operating_workflows(),
                activities=operating_activities(client, database, loaded, settings),
            ),
            delivering(client, database, notification_settings(), settings.task_queue),
        ):
            signalled = listen_for_signals()  # before anybody is told that it is ready, and may want it to stop
            _log.info(
                "ready: task queue %s at %s, workflows: %s",
                ", ".join(map(repr, queues)),
                servers.temporal_address,
                ", ".join(sorted(loaded.workflows)) or NO_WORKFLOWS,
            )
            await signalled.wait()
            _log.info("stopping: running activities get a grace period; a second signal ends them now")
    finally:
        database.close()


@asynccontextmanager
async def _watched(
    client: Client, database: Database, address: str | None, counting: SdkMetrics | None
) -> AsyncIterator[None]:
    """Watch the servers, and tell it over HTTP where the settings want that, with what is counted."""
    health = Health(client, database)
    watch = asyncio.create_task(health.watch())
    try:
        if address is None or counting is None:
            yield
        else:
            with state_metrics(database), health_server(health, address, counting.text):
                yield
    finally:
        watch.cancel()
        health.close()
