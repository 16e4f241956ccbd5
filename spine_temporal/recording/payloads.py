"""Payloads that are too large for Temporal's histories are kept in Postgres, by the digest of their content."""

import asyncio
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

from sqlalchemy import Connection, text
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ExternalStorage,
    StorageDriver,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
)
from temporalio.exceptions import ApplicationError, FailureError

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.json_values import clean_text
from spine_temporal.recording.database import Database
from spine_temporal.sdk_private import WatchedStorage

#: Histories remember it.
DRIVER = "spine.postgres"
#: Bytes from which a payload goes to Postgres.
THRESHOLD = 256 * 1024
#: Bytes of all payloads that one request may refer to: a few times the largest output.
MAX_RETRIEVED = 64 * 1024 * 1024
#: An id is a SHA-256.
_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)

_STORE = text("""
    INSERT INTO core_payloads (payload_id, payload) VALUES (:payload_id, :payload)
    ON CONFLICT (payload_id) DO UPDATE SET stored_at = now()
""")

# Where the whole is too large, none of it is sent: who starts a run may name a payload as often as he likes.
_LOAD = text("""
    SELECT payload_id, sum(octet_length(payload)) OVER () AS size,
        CASE WHEN sum(octet_length(payload)) OVER () <= :most THEN payload END AS payload
    FROM unnest(CAST(:payload_ids AS text[])) AS wanted (payload_id) JOIN core_payloads USING (payload_id)
""")

# A run asks for what its history holds. That was stored since it was started, or, for its params, a little before. A
# history is as old as the first run of its lineage and its chain of resets, and Temporal keeps it after its run's end.
# How old the params are of a start that was refused, and reset more than a day later, no row says.
_PRUNE = text("""
    WITH wanted AS (
        SELECT lineage_id, first_run_id FROM core_runs
        WHERE status = 'RUNNING' OR completed_at > now() - CAST(:age AS interval)
    )
    DELETE FROM core_payloads WHERE stored_at < least(now() - CAST(:age AS interval), (
        SELECT min(started_at) - interval '1 day' FROM core_runs
        WHERE lineage_id IN (SELECT lineage_id FROM wanted) OR first_run_id IN (SELECT first_run_id FROM wanted)
    ))
""")


class PayloadStore(StorageDriver):
    """Temporal's external storage on our database. The same payload twice is one row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def name(self) -> str:
        """Return the name under which histories refer to it."""
        return DRIVER

    async def store(self, context: StorageDriverStoreContext, payloads: Sequence[Payload]) -> list[StorageDriverClaim]:
        """Keep the payloads and return what finds each again."""
        del context
        kept = [payload.SerializeToString() for payload in payloads]
        rows: list[dict[str, object]] = [
            {"payload_id": hashlib.sha256(payload).hexdigest(), "payload": payload} for payload in kept
        ]
        await asyncio.to_thread(self._store, rows)
        return [StorageDriverClaim({"payload_id": str(row["payload_id"])}) for row in rows]

    async def retrieve(
        self, context: StorageDriverRetrieveContext, claims: Sequence[StorageDriverClaim]
    ) -> list[Payload]:
        """Return the payloads; raise ``SpineError`` where one was pruned, or is not what was stored.

        A reference may come from anybody who starts a run.
        """
        del context
        wanted = [claim.claim_data.get("payload_id", "") for claim in claims]
        if not all(_ID.fullmatch(payload_id) for payload_id in wanted):
            raise _unreadable("a reference has no payload's id: it was made by something else than this storage")
        found = await asyncio.to_thread(self._load, wanted)
        missing = [payload_id for payload_id in wanted if payload_id not in found]
        if missing:
            raise _unreadable(
                f"payload {missing[0]} is not in core_payloads: it was pruned, or this is another database"
            )
        return [Payload.FromString(found[payload_id]) for payload_id in wanted]

    def _store(self, rows: list[dict[str, object]]) -> None:
        with self._database.begin() as connection:
            connection.execute(_STORE, rows)

    def _load(self, payload_ids: list[str]) -> dict[str, bytes]:
        with self._database.begin() as connection:
            rows = connection.execute(_LOAD, {"payload_ids": payload_ids, "most": MAX_RETRIEVED}).all()
        if rows and rows[0].payload is None:
            raise _unreadable(f"{len(rows)} references are to {rows[0].size:,} bytes, more than {MAX_RETRIEVED:,}")
        found = {row.payload_id: bytes(row.payload) for row in rows}
        for payload_id, payload in found.items():
            if hashlib.sha256(payload).hexdigest() != payload_id:
                raise _unreadable(f"payload {payload_id} in core_payloads is not what was stored under its id")
        return found


def _unreadable(message: str) -> SpineError:
    return SpineError(message, ErrorCategory.CONFIGURATION)


class SafeStorage(WatchedStorage):
    """External storage whose unreadable references end the run: the SDK would repeat its workflow task for ever.

    What passes by itself, such as Postgres being away, is still tried again.
    """

    def reading(self) -> AbstractContextManager[None]:
        """Return what surrounds a read."""
        return _final()


@contextmanager
def _final() -> Iterator[None]:
    try:
        yield
    except FailureError:
        raise
    except Exception as error:
        if isinstance(error, SpineError) and error.category.retryable:
            raise
        reason = clean_text(str(error) or type(error).__name__, 300)
        raise ApplicationError(
            f"an argument or payload refers to external storage and cannot be read ({reason}): pass params as a JSON "
            "object with the encoding json/plain",
            type=ErrorCategory.CONFIGURATION.value,
            non_retryable=True,
        ) from error


def external_storage(database: Database) -> ExternalStorage:
    """Return the storage for a data converter."""
    return SafeStorage(drivers=[PayloadStore(database)], payload_size_threshold=THRESHOLD)


def prune_payloads(connection: Connection, age: timedelta) -> int:
    """Delete payloads that were last stored longer ago than ``age``, which is at least Temporal's retention.

    Return how many. However old it is, what was stored since a run began that is open, or ended no longer ago, is kept,
    and since those began that it goes on from: its history may hold it.
    """
    return connection.execute(_PRUNE, {"age": f"{age.total_seconds():.0f} seconds"}).rowcount
