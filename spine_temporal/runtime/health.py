"""Whether a worker can work now: it asks Temporal and Postgres from time to time, and says when that changes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy import text
from temporalio.client import Client
from temporalio.service import RPCError

from spine_temporal.definition.errors import SpineError
from spine_temporal.recording.database import Database
from spine_temporal.runtime.metrics import SERVER_UP

_log = logging.getLogger("spine_temporal.worker")

#: Seconds between two looks, and for an answer.
INTERVAL = 2.0
PATIENCE = 4.0


class Health:
    """What is away now; nothing: the worker is ready."""

    def __init__(self, client: Client, database: Database) -> None:
        self._asks: dict[str, Callable[[], Awaitable[None]]] = {
            "temporal": lambda: _ask_temporal(client),
            "postgres": lambda: _ask_postgres(database),
        }
        self._away: dict[str, str] = {}

    @property
    def away(self) -> dict[str, str]:
        """Servers that do not answer, each with its error."""
        return dict(self._away)

    async def watch(self, interval: float = INTERVAL) -> None:
        """Look from time to time, until cancelled."""
        while True:
            await asyncio.gather(*(self._look(name) for name in self._asks))
            await asyncio.sleep(interval)

    async def _look(self, name: str) -> None:
        try:
            await asyncio.wait_for(self._asks[name](), PATIENCE)
        except (SpineError, RPCError, TimeoutError, RuntimeError) as error:
            self._set(name, str(error) or "no answer in time")
        else:
            self._set(name, None)

    def _set(self, name: str, error: str | None) -> None:
        SERVER_UP.labels(name).set(error is None)
        if error is not None and name not in self._away:
            _log.warning("not ready: %s is away, and what needs it waits: %s", name, error)
        if error is None and name in self._away:
            _log.info("%s is back", name)
        self._away.pop(name, None)
        if error is not None:
            self._away[name] = error


async def _ask_temporal(client: Client) -> None:
    await client.service_client.check_health(timeout=timedelta(seconds=PATIENCE))


async def _ask_postgres(database: Database) -> None:
    def ask() -> None:
        with database.begin() as connection:
            connection.execute(text("SELECT 1"))

    await asyncio.to_thread(ask)
