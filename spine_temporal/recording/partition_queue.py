"""Runs that wait for a partition, in the order in which they came.

A waiting run promises when it asks again. One that has not kept its promise is passed over, so that a run which nobody
works on keeps no other from going on; its row stays, and with it its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.busy import OnBusy
from spine_temporal.definition.params import canonical
from spine_temporal.definition.run_key import RunKey

#: How long a promise to ask again may be overdue.
GRACE = timedelta(seconds=30)

_OF_PARTITION = "domain = :domain AND partition_key = CAST(:partition_key AS jsonb)"

_PLACE = text(f"""
    WITH mine AS (SELECT position, queued_at, superseded_by FROM core_queue WHERE run_id = :run_id), ahead AS (
        SELECT position, run_id, workflow_id, first_run_id, temporal, asks_again_at < now() AS is_overdue
        FROM core_queue
        WHERE {_OF_PARTITION} AND run_id <> :run_id AND superseded_by IS NULL AND asks_again_at > now() - :grace
            AND position < coalesce((SELECT position FROM mine), 9223372036854775807)
    )
    SELECT (SELECT count(*) FROM ahead) AS ahead, (SELECT superseded_by FROM mine) AS superseded_by,
        EXISTS (SELECT FROM core_runs WHERE run_id = :run_id) AS has_begun,
        first.run_id, first.workflow_id, first.first_run_id, first.temporal, first.is_overdue
    FROM (VALUES (1)) AS one LEFT JOIN (SELECT * FROM ahead ORDER BY position LIMIT 1) AS first ON TRUE
""")

_WAIT = text("""
    INSERT INTO core_queue AS mine
        (domain, partition_key, run_id, workflow_id, first_run_id, temporal, on_busy, waits_for, asks_again_at)
    VALUES (:domain, CAST(:partition_key AS jsonb), :run_id, :workflow_id, :first_run_id, :temporal, :on_busy,
        :waits_for, now() + :again_in)
    ON CONFLICT (run_id) DO UPDATE SET waits_for = excluded.waits_for, asks_again_at = excluded.asks_again_at
    RETURNING position, queued_at
""")

_SUPERSEDE = text(f"""
    UPDATE core_queue SET superseded_by = :run_id
    WHERE {_OF_PARTITION} AND position < :position AND on_busy = ANY(:giving_way) AND superseded_by IS NULL
""")

_LEAVE = text("DELETE FROM core_queue WHERE run_id = :run_id")

_OVERDUE = text("""
    SELECT run_id, workflow_id, first_run_id, temporal FROM core_queue
    WHERE temporal = :temporal AND asks_again_at < now() - :grace ORDER BY asks_again_at LIMIT :limit
""")

_ALL = text("SELECT run_id, waits_for, superseded_by FROM core_queue")


@dataclass(frozen=True, kw_only=True)
class Waiter:
    """A run that wants a partition, and what it does where that is held."""

    key: RunKey
    on_busy: OnBusy
    #: The first run of its chain of resets, and which Temporal has it.
    first_run_id: str
    temporal: str


@dataclass(frozen=True, kw_only=True)
class QueuedRun:
    """A waiting run as Temporal knows it."""

    run_id: str
    workflow_id: str
    first_run_id: str
    temporal: str


@dataclass(frozen=True, kw_only=True)
class QueuePlace:
    """Where a run stands among those that wait for its partition."""

    #: How many take it before this one.
    ahead: int
    #: The first of them, and whether it has not asked again when it promised to.
    first: QueuedRun | None
    first_is_overdue: bool
    #: The newer run in whose favour it ends.
    superseded_by: str | None
    #: Whether the run has begun before, and only its answer was lost: it waits for nobody.
    has_begun: bool


def place_of(connection: Connection, key: RunKey) -> QueuePlace:
    """Return where the run stands."""
    row = connection.execute(_PLACE, _values(key) | {"grace": GRACE}).mappings().one()
    named = {name: row[name] for name in QueuedRun.__dataclass_fields__}
    return QueuePlace(
        ahead=row["ahead"],
        first=QueuedRun(**named) if row["run_id"] else None,
        first_is_overdue=bool(row["is_overdue"]),
        superseded_by=row["superseded_by"],
        has_begun=row["has_begun"],
    )


def wait_in_queue(connection: Connection, waiter: Waiter, *, waits_for: str, again_in: timedelta) -> datetime:
    """Keep the run's place, or give it the last one; return since when it waits.

    ``waits_for`` says for whom, to people; ``again_in`` is the promise to ask again. Older runs that give way to this
    one are marked, and end when they ask.
    """
    values = _values(waiter.key) | {
        "workflow_id": waiter.key.workflow_id,
        "first_run_id": waiter.first_run_id,
        "temporal": waiter.temporal,
        "on_busy": waiter.on_busy.value,
        "waits_for": waits_for,
        "again_in": again_in,
    }
    position, queued_at = connection.execute(_WAIT, values).one()
    if waiter.on_busy.gives_way:
        giving_way = [policy.value for policy in OnBusy if policy.gives_way]
        connection.execute(_SUPERSEDE, _values(waiter.key) | {"position": position, "giving_way": giving_way})
    since: datetime = queued_at
    return since


def leave_queue(connection: Connection, run_id: str) -> None:
    """Take the run out: it has its partition, or has ended."""
    connection.execute(_LEAVE, {"run_id": run_id})


def overdue_runs(connection: Connection, *, temporal: str, limit: int) -> list[QueuedRun]:
    """Return waiting runs of this Temporal that have not asked again when they promised to."""
    rows = connection.execute(_OVERDUE, {"temporal": temporal, "grace": GRACE, "limit": limit}).mappings()
    return [QueuedRun(**row) for row in rows]


def queued_runs(connection: Connection) -> Mapping[str, str]:
    """Return of each run that waits for its partition what it waits for, by run id."""
    return {row.run_id: row.waits_for for row in connection.execute(_ALL) if row.superseded_by is None}


def _values(key: RunKey) -> dict[str, Any]:
    partition = canonical(dict(key.partition))
    return {"domain": key.recording_domain, "partition_key": partition, "run_id": key.run_id}
