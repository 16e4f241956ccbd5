"""Where each notification goes, and whether it has arrived: one row for each notification and channel."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from spine_temporal.definition.json_values import clean_text
from spine_temporal.recording.outbox import Enqueued, enqueued_of, outbox_columns

#: One worker routes at a time.
_LOCK = 7_325_118_604_013_003
#: Notifications of one message, which lists each.
LARGEST_BATCH = 1000
#: Deliveries of one channel that are under way at once.
AT_ONCE = 5

# What is waiting is told once its cause has been quiet about it for a while: others of the cause may follow.
_DUE = """
    WITH waiting AS (
        SELECT cause, min(created_at) AS since FROM core_outbox WHERE routed_at IS NULL GROUP BY cause
    ), due AS (
        SELECT cause, greatest(
            since + make_interval(secs => :group_wait),
            (SELECT max(routed_at) FROM core_outbox AS earlier WHERE earlier.cause = waiting.cause)
                + make_interval(secs => :group_interval)
        ) AS due_at FROM waiting
    )
"""
_DUE_CAUSES = text(f"{_DUE} SELECT cause, extract(epoch FROM due_at - clock_timestamp())::float FROM due")
_WAITING = text(
    f"SELECT {outbox_columns()} FROM core_outbox WHERE cause = ANY(:causes) AND routed_at IS NULL FOR UPDATE"
)

_ROUTE = text("""
    WITH routed AS (
        UPDATE core_outbox SET routed_at = clock_timestamp() WHERE notification_id = ANY(:routed)
    )
    INSERT INTO core_deliveries (notification_id, channel, batch_id, status)
    SELECT notification_id, channel, batch_id, 'PENDING'
    FROM jsonb_to_recordset(CAST(:deliveries AS jsonb)) AS d (notification_id uuid, channel text, batch_id uuid)
    ON CONFLICT (notification_id, channel) DO NOTHING
""")

_PENDING = text("""
    SELECT batch_id, channel FROM (
        SELECT batch_id, channel, row_number() OVER (PARTITION BY channel ORDER BY min(created_at), batch_id) AS place
        FROM core_deliveries WHERE status = 'PENDING' GROUP BY batch_id, channel
    ) AS batches
    WHERE place <= :at_once ORDER BY channel, place
""")

_ANY_PENDING = text("SELECT EXISTS (SELECT FROM core_deliveries WHERE status = 'PENDING')")

# Another attempt of the same batch waits here, and finds that it has arrived.
_ATTEMPT = text("""
    UPDATE core_deliveries SET attempts = attempts + 1 WHERE batch_id = :batch_id AND status = 'PENDING'
    RETURNING notification_id
""")
_OF_IDS = text(f"""
    SELECT {outbox_columns()} FROM core_outbox WHERE notification_id = ANY(:ids) ORDER BY created_at, notification_id
""")

_END = text("""
    UPDATE core_deliveries SET status = :status, error = :error, ended_at = now()
    WHERE batch_id = :batch_id AND status = 'PENDING'
""")

_PRUNE = text("""
    WITH old AS (
        DELETE FROM core_outbox WHERE created_at < now() - make_interval(days => :days) RETURNING notification_id
    ), deliveries AS (
        DELETE FROM core_deliveries WHERE notification_id IN (SELECT notification_id FROM old)
    )
    SELECT count(*) FROM old
""")

#: Says of a notification to which channels it goes.
Router = Callable[[Enqueued], Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """How long a cause is waited for, in seconds: before its first message, and between two."""

    group_wait: float
    group_interval: float

    def values(self) -> dict[str, float]:
        """Return the values of the statements that ask what is due."""
        return {"group_wait": self.group_wait, "group_interval": self.group_interval}


@dataclass(frozen=True, kw_only=True)
class Due:
    """What is to be routed now, and in how many seconds the next is; None: nothing waits."""

    causes: tuple[str, ...]
    next_in: float | None


def due(connection: Connection, grouping: Grouping) -> Due:
    """Return the causes that are to be told now."""
    rows = connection.execute(_DUE_CAUSES, grouping.values()).all()
    later = [left for _, left in rows if left > 0]
    return Due(causes=tuple(cause for cause, left in rows if left <= 0), next_in=min(later, default=None))


def route(connection: Connection, grouping: Grouping, router: Router) -> Due:
    """Write the deliveries of all that is due, those of one cause and channel as one batch, or as full ones."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    found = due(connection, grouping)
    if found.causes:
        waiting = enqueued_of(connection.execute(_WAITING, {"causes": list(found.causes)}))
        values = {"routed": [one.notification_id for one in waiting]}
        connection.execute(_ROUTE, values | {"deliveries": json.dumps(_deliveries(waiting, router))})
    return found


def _deliveries(waiting: Sequence[Enqueued], router: Router) -> list[dict[str, str]]:
    of_cause, batches = Counter[tuple[str, str]](), defaultdict[tuple[str, str, int], str](lambda: str(uuid4()))
    found: list[dict[str, str]] = []
    for one in waiting:
        for channel in router(one):
            full = of_cause[one.cause, channel] // LARGEST_BATCH
            of_cause[one.cause, channel] += 1
            batch = batches[one.cause, channel, full]
            found.append({"notification_id": str(one.notification_id), "channel": channel, "batch_id": batch})
    return found


def pending_batches(connection: Connection) -> list[tuple[UUID, str]]:
    """Return the oldest batches of each channel that have not arrived, each with its channel."""
    return [(row[0], row[1]) for row in connection.execute(_PENDING, {"at_once": AT_ONCE})]


def is_any_pending(connection: Connection) -> bool:
    """Return whether any batch has neither arrived nor been given up."""
    return bool(connection.execute(_ANY_PENDING).scalar())


def begin_attempt(connection: Connection, batch_id: UUID) -> list[Enqueued]:
    """Count an attempt, and return what the batch tells; empty where it has ended."""
    ids = list(connection.execute(_ATTEMPT, {"batch_id": batch_id}).scalars())
    return enqueued_of(connection.execute(_OF_IDS, {"ids": ids})) if ids else []


def delivered(connection: Connection, batch_id: UUID) -> None:
    """Keep that a batch has arrived."""
    connection.execute(_END, {"batch_id": batch_id, "status": "DELIVERED", "error": None})


def undelivered(connection: Connection, batch_id: UUID, error: str) -> int:
    """Keep that a batch was given up, and why; return how many notifications it has."""
    values = {"batch_id": batch_id, "status": "FAILED", "error": clean_text(error, 500)}
    return int(connection.execute(_END, values).rowcount)


def prune_outbox(connection: Connection, days: int) -> int:
    """Delete notifications that are older, delivered or not; return how many."""
    return int(connection.execute(_PRUNE, {"days": days}).scalar() or 0)
