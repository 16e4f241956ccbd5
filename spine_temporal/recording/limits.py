"""Limits by key, over all workers: which attempts use a source now, when the next may begin, and whether it is closed.

A row of ``core_limits`` for each key; who asks locks it for a moment. A row of ``core_leases`` for each execution that
uses the source or waits for it. The next attempt of an execution, on whatever worker, has the same lease, so that a
worker that is lost keeps no place from its own execution; a lease whose run has ended holds nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection, text

from spine_temporal.definition.json_values import clean_text
from spine_temporal.machine.plan import PlannedLimit

#: How long a lease of an attempt that waits outlasts the time at which it is to ask again.
_GRACE = timedelta(seconds=30)
#: Of a limit that is closed until somebody opens it.
FOR_EVER = datetime(9000, 1, 1, tzinfo=UTC)
#: Seconds until an attempt asks again, at least and at most; and how many of a key ask in a second.
_SOONEST, _LATEST, _ASKING = 0.5, 60.0, 20.0

_LOCK = text("""
    INSERT INTO core_limits AS known (key, concurrency, per_second) VALUES (:key, :concurrency, :per_second)
    ON CONFLICT (key) DO UPDATE SET
        concurrency = excluded.concurrency, per_second = excluded.per_second, asked_at = now()
    RETURNING next_at, closed_until
""")

_FORGET = text("""
    DELETE FROM core_leases AS lease WHERE key = :key AND (
        expires_at < clock_timestamp()
        OR NOT EXISTS (SELECT FROM core_runs WHERE run_id = lease.run_id AND status = 'RUNNING')
    )
""")

_SEEN = text("""
    SELECT clock_timestamp() AS now,
        (SELECT starts_at FROM core_leases WHERE key = :key AND execution_id = :execution_id) AS starts_at,
        count(starts_at) AS held, count(*) FILTER (WHERE starts_at IS NULL) AS waiting
    FROM core_leases WHERE key = :key AND execution_id <> :execution_id
""")

_KEEP = text("""
    INSERT INTO core_leases (key, execution_id, run_id, starts_at, expires_at)
    VALUES (:key, :execution_id, :run_id, :starts_at, :expires_at)
    ON CONFLICT (key, execution_id) DO UPDATE SET starts_at = excluded.starts_at, expires_at = excluded.expires_at
""")

_NEXT = text("UPDATE core_limits SET next_at = :next_at WHERE key = :key")

_RELEASE = text("DELETE FROM core_leases WHERE key = :key AND execution_id = :execution_id")

_CLOSE_FOR = text("""
    UPDATE core_limits SET closed_until = now() + :pause, closed_by = NULL, closed_reason = :reason
    WHERE key = :key AND coalesce(closed_until, '-infinity') < now() + :pause
""")


class Obstacle(StrEnum):
    """Why an attempt may not use its source yet."""

    #: By the source itself, or by a person.
    CLOSED = "closed"
    #: As many attempts use it as may.
    FULL = "full"
    #: So many have begun lately as may.
    RATE = "rate"


@dataclass(frozen=True, kw_only=True)
class Lease:
    """What is asked for: a limit, and the execution that is to use its source, for ``time`` at most."""

    limit: PlannedLimit
    execution_id: UUID
    run_id: str
    time: timedelta


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A limit as an attempt finds it that asks."""

    now: datetime
    #: When the next attempt may begin; None: none has yet.
    next_at: datetime | None
    closed_until: datetime | None
    #: When this execution may begin; None: it has no place yet.
    starts_at: datetime | None
    #: Other executions that have a place, and that wait for one.
    held: int
    waiting: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Whether an attempt may begin."""

    #: None: it may.
    obstacle: Obstacle | None
    #: Seconds until it is to ask again.
    wait: float = 0.0
    #: When it may begin; None: it has no place yet.
    starts_at: datetime | None = None
    #: When the next one may begin; None: that stays as it is.
    next_at: datetime | None = None
    #: Until when the limit is closed; None: it is open, or somebody must open it.
    closed_until: datetime | None = None


def answer(limit: PlannedLimit, seen: Seen) -> Answer:
    """Return whether an attempt may begin. One that has a place waits for its time; any other takes a place first."""
    if seen.closed_until is not None and seen.closed_until > seen.now:
        wait = min(_LATEST, (seen.closed_until - seen.now).total_seconds())
        until = None if seen.closed_until == FOR_EVER else seen.closed_until
        return Answer(obstacle=Obstacle.CLOSED, wait=wait, closed_until=until)
    if seen.starts_at is None and limit.concurrency is not None and seen.held >= limit.concurrency:
        return Answer(obstacle=Obstacle.FULL, wait=min(_LATEST, max(_SOONEST, seen.waiting / _ASKING)))
    starts_at, next_at = seen.starts_at or seen.now, None
    if seen.starts_at is None and limit.per_second is not None:
        starts_at = max(seen.now, seen.next_at or seen.now)
        next_at = starts_at + timedelta(seconds=1 / limit.per_second)
    wait = (starts_at - seen.now).total_seconds()
    obstacle = Obstacle.RATE if wait > 0 else None
    return Answer(obstacle=obstacle, wait=max(wait, 0.0), starts_at=starts_at, next_at=next_at)


def ask(connection: Connection, lease: Lease) -> Answer:
    """Take the lease where the limit lets it, in a transaction of its own; an attempt that waits keeps its time."""
    limit, mine = lease.limit, {"key": lease.limit.key, "execution_id": lease.execution_id}
    locked = connection.execute(_LOCK, limit.model_dump()).one()
    connection.execute(_FORGET, mine)
    row = connection.execute(_SEEN, mine).mappings().one()
    seen = Seen(next_at=locked.next_at, closed_until=locked.closed_until, **row)
    given = answer(limit, seen)
    kept = lease.time if given.obstacle is None else timedelta(seconds=given.wait) + _GRACE
    values = {"run_id": lease.run_id, "starts_at": given.starts_at, "expires_at": seen.now + kept}
    connection.execute(_KEEP, mine | values)
    if given.next_at is not None:
        connection.execute(_NEXT, {"key": limit.key, "next_at": given.next_at})
    return given


def release_lease(connection: Connection, key: str, execution_id: UUID) -> None:
    """Give the place back."""
    connection.execute(_RELEASE, {"key": key, "execution_id": execution_id})


def close_for(connection: Connection, key: str, pause: timedelta, *, reason: str) -> None:
    """Close the key for so long, as its source wants; one that is closed for longer stays so."""
    connection.execute(_CLOSE_FOR, {"key": key, "pause": pause, "reason": clean_text(reason, 500)})
