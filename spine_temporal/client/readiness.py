"""Which servers answer now, and whether they are ready for runs. Starts nothing."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import text

from spine_temporal.client.servers import Servers, UnreachableError, connect, found_servers, open_database
from spine_temporal.client.task_queues import WORKFLOW_TASKS, workers_of
from spine_temporal.definition.errors import SpineError
from spine_temporal.embedded import worker_lock_held
from spine_temporal.recording.database import Database
from spine_temporal.settings import Settings

#: Seconds between two looks, and after which a wait is told.
_INTERVAL = 0.2
_SILENT = 2.0


@dataclass(frozen=True, kw_only=True)
class Answering:
    """The servers that answer now; None for one that does not, with its error."""

    temporal: Servers | None
    postgres: Servers | None
    error: SpineError | None


async def answering(settings: Settings) -> Answering:
    """Ask Temporal and Postgres, the configured ones or those of the home. Raises ``SpineError`` for settings."""
    temporal, postgres = await asyncio.gather(_temporal(settings), _postgres(settings))
    error = next(
        (answer for answer in (_stopped(settings), temporal, postgres) if isinstance(answer, SpineError)), None
    )
    return Answering(
        temporal=temporal if isinstance(temporal, Servers) else None,
        postgres=postgres if isinstance(postgres, Servers) else None,
        error=error,
    )


async def until_ready(settings: Settings, *, patience: float, told: Callable[[str], None]) -> None:
    """Wait until runs can be started; raise ``UnreachableError`` where that takes too long."""
    began, said = time.monotonic(), False
    while (problem := await _unready(settings)) is not None:
        waited = time.monotonic() - began
        if waited > patience:
            raise UnreachableError(f"not ready within {patience:.0f} s: {problem}")
        if waited > _SILENT and not said:
            said = True
            told(problem)
        await asyncio.sleep(_INTERVAL)


def _stopped(settings: Settings) -> SpineError | None:
    """Return the one error that tells of both, where neither runs."""
    try:
        found_servers(settings)
    except UnreachableError as error:
        return error
    return None


async def _temporal(settings: Settings) -> Servers | SpineError:
    try:
        servers = found_servers(settings, postgres=False)
        await connect(servers)
    except UnreachableError as error:
        return error
    return servers


async def _postgres(settings: Settings) -> Servers | SpineError:
    def ask() -> Servers:
        servers = found_servers(settings, temporal=False)
        database = Database(servers.database_url, pool_size=1)
        try:
            with database.begin() as connection:
                connection.execute(text("SELECT 1"))
        finally:
            database.close()
        return servers

    try:
        return await asyncio.to_thread(ask)
    except SpineError as error:
        return error


async def _unready(settings: Settings) -> str | None:
    """Return what is not there yet: a server, the schema, the worker of `spine-temporal dev`."""
    try:
        servers = found_servers(settings)
        await asyncio.to_thread(lambda: open_database(servers, settings, may_upgrade=False).close())
        worked = await workers_of(await connect(servers), servers.task_queue, WORKFLOW_TASKS)
    except SpineError as error:
        return str(error)
    if worker_lock_held(servers.home) and not worked:
        return f"no worker asks for work on task queue {servers.task_queue!r} yet"
    return None
