"""Whether a worker can work now: it asks Temporal and Postgres from time to time, and says when that changes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
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
#: Questions in a row that a server must fail to answer before it counts as away. Temporal retires each connection
#: after five minutes, and cancels what is asked on it just then; a pool hands out a connection that has been lost.
_TRIES = 2


class Health:
    """What is away now; nothing: the worker is ready."""

    def __init__(self, client: Client, database: Database) -> None:
        self._postgres = _Postgres(database)
        self._asks: dict[str, Callable[[], Awaitable[None]]] = {
            "temporal": lambda: _ask_temporal(client),
            "postgres": self._postgres.ask,
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

    def close(self) -> None:
        """Close the connection and the thread; nothing is asked any more."""
        self._postgres.close()

    async def _look(self, name: str) -> None:
        error = None
        for _ in range(_TRIES):
            error = await _error_of(self._asks[name])
            if error is None:
                break
        self._set(name, error)

    def _set(self, name: str, error: str | None) -> None:
        SERVER_UP.labels(name).set(error is None)
        if error is not None and name not in self._away:
            _log.warning("not ready: %s is away, and what needs it waits: %s", name, error)
        if error is None and name in self._away:
            _log.info("%s is back", name)
        self._away.pop(name, None)
        if error is not None:
            self._away[name] = error


async def _error_of(ask: Callable[[], Awaitable[None]]) -> str | None:
    """Ask once; return why there was no answer."""
    try:
        await asyncio.wait_for(ask(), PATIENCE)
    except TimeoutError:
        return f"it has not answered within {PATIENCE:g} s, {_TRIES} times in a row"
    except (SpineError, RPCError, RuntimeError) as error:
        return str(error) or type(error).__name__
    return None


async def _ask_temporal(client: Client) -> None:
    await client.service_client.check_health(timeout=timedelta(seconds=PATIENCE))


class _Postgres:
    """Asks Postgres on its own thread and connection: a worker whose connections are all busy is ready all the same."""

    def __init__(self, database: Database) -> None:
        self._database = Database(database.url, pool_size=1)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spine-health")

    async def ask(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._select)

    def _select(self) -> None:
        with self._database.begin() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        self._thread.submit(self._database.close)  # behind a question that is still under way
        self._thread.shutdown(wait=False)
