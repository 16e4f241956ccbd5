"""The partitions of a backfill: which had its turn, which run has done it, and why one was not run."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.backfill import BackfillPartitionStatus, SkipReason
from spine_temporal.definition.json_values import clean_text

_COLUMNS = """position, params, partition_key, workflow_id, not_before, status, reason, detail, category, resumes,
    run_id, turn, started_at, ended_at"""
_OF = "FROM core_backfill_partitions WHERE backfill_id = :backfill_id"
#: Characters of an error that are kept; the run has all of it.
_LONGEST = 500

_INSERT = text("""
    INSERT INTO core_backfill_partitions (backfill_id, position, params, partition_key, workflow_id, not_before,
        status, reason, detail)
    SELECT :backfill_id, position, params, partition_key, workflow_id, not_before, status, reason, detail
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS one (position int, params jsonb, partition_key jsonb,
        workflow_id text, not_before date, status text, reason text, detail text)
""")

_WAITING = text(f"SELECT {_COLUMNS} {_OF} AND status = 'WAITING' ORDER BY position LIMIT :limit")

_RUNNING = text(f"SELECT {_COLUMNS} {_OF} AND status = 'RUNNING' ORDER BY position")

_FAILED = text(f"SELECT {_COLUMNS} {_OF} AND status IN ('FAILED', 'CANCELLED') ORDER BY position LIMIT :limit")

_ALL = text(f"SELECT {_COLUMNS} {_OF} ORDER BY position")

_TAKE = text("""
    UPDATE core_backfill_partitions AS one SET status = 'RUNNING', resumes = taken.resumes, turn = turn + 1,
        run_id = NULL, reason = NULL, detail = NULL, category = NULL, started_at = clock_timestamp(), ended_at = NULL,
        decided_at = NULL
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS taken (position int, resumes text)
    WHERE one.backfill_id = :backfill_id AND one.position = taken.position
""")

_SKIP = text("""
    UPDATE core_backfill_partitions AS one SET status = 'SKIPPED', reason = skipped.reason, detail = skipped.detail,
        run_id = skipped.run_id
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS skipped (position int, reason text, detail text, run_id text)
    WHERE one.backfill_id = :backfill_id AND one.position = skipped.position
""")

_SKIP_WAITING = text("""
    UPDATE core_backfill_partitions SET status = 'SKIPPED', reason = :reason, detail = :detail
    WHERE backfill_id = :backfill_id AND status = 'WAITING'
""")

_STARTED = text("""
    UPDATE core_backfill_partitions SET run_id = :run_id
    WHERE backfill_id = :backfill_id AND position = :position AND turn = :turn AND status = 'RUNNING'
""")

# Whoever else has seen the same end has written the same; a later turn is another's.
_END = text("""
    UPDATE core_backfill_partitions SET status = :status, reason = :reason, detail = :detail, category = :category,
        run_id = coalesce(:run_id, run_id), ended_at = clock_timestamp()
    WHERE backfill_id = :backfill_id AND position = :position AND turn = :turn AND status = 'RUNNING'
    RETURNING position
""")

_AGAIN = text("""
    UPDATE core_backfill_partitions SET status = 'WAITING', reason = NULL, detail = NULL, category = NULL
    WHERE backfill_id = :backfill_id
        AND (status IN ('FAILED', 'CANCELLED') OR (status = 'SKIPPED' AND reason = ANY(:reasons)))
    RETURNING position
""")

_COUNTS = text("""
    SELECT backfill_id, status, reason, CASE WHEN status = 'FAILED' THEN category END AS category, count(*) AS count,
        min(started_at) AS first, max(ended_at) AS last
    FROM core_backfill_partitions WHERE backfill_id = ANY(:backfill_ids) GROUP BY 1, 2, 3, 4
""")


@dataclass(frozen=True, kw_only=True)
class BackfillPartition:
    """A partition of a backfill as Postgres knows it."""

    #: Partitions are started in this order.
    position: int
    #: The params that it was named by.
    params: Mapping[str, Any]
    #: None, and no workflow id: the workflow does not take its params.
    partition_key: Mapping[str, Any] | None
    workflow_id: str | None
    #: The newest day among its params; None: none is a day.
    not_before: date | None
    status: BackfillPartitionStatus = BackfillPartitionStatus.WAITING
    #: Why it was skipped, in a code and in words; of one that failed, its error and category.
    reason: SkipReason | None = None
    detail: str | None = None
    category: str | None = None
    #: The run that is resumed.
    resumes: str | None = None
    #: The run that has done it, or that is why it was skipped.
    run_id: str | None = None
    #: How many times it had its turn.
    turn: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Skip:
    """Why a partition is not run; ``run_id``: the run that is the reason."""

    position: int
    reason: SkipReason
    detail: str
    run_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class PartitionCount:
    """How many partitions of a backfill stand alike; ``category`` of failed ones."""

    backfill_id: str
    status: BackfillPartitionStatus
    reason: SkipReason | None
    category: str | None
    count: int
    first: datetime | None
    last: datetime | None


def insert_partitions(connection: Connection, backfill_id: str, rows: Sequence[BackfillPartition]) -> None:
    """Write the partitions of a new backfill."""
    given = [
        {
            "position": row.position,
            "params": dict(row.params),
            "partition_key": None if row.partition_key is None else dict(row.partition_key),
            "workflow_id": row.workflow_id,
            "not_before": None if row.not_before is None else row.not_before.isoformat(),
            "status": row.status.value,
            "reason": row.reason,
            "detail": row.detail,
        }
        for row in rows
    ]
    connection.execute(_INSERT, {"backfill_id": backfill_id, "rows": json.dumps(given)})


def waiting_partitions(connection: Connection, backfill_id: str, *, limit: int) -> list[BackfillPartition]:
    """Return those whose turn is next."""
    return _rows(connection, _WAITING, backfill_id, limit=limit)


def running_partitions(connection: Connection, backfill_id: str) -> list[BackfillPartition]:
    """Return those that have a place."""
    return _rows(connection, _RUNNING, backfill_id)


def failed_partitions(connection: Connection, backfill_id: str, *, limit: int) -> list[BackfillPartition]:
    """Return those that failed or were cancelled."""
    return _rows(connection, _FAILED, backfill_id, limit=limit)


def all_partitions(connection: Connection, backfill_id: str) -> list[BackfillPartition]:
    """Return all."""
    return _rows(connection, _ALL, backfill_id)


def take_turns(connection: Connection, backfill_id: str, resumed: Mapping[int, str | None]) -> None:
    """Give a place to each partition, by position, with the run that it resumes."""
    rows = [{"position": position, "resumes": run_id} for position, run_id in resumed.items()]
    connection.execute(_TAKE, {"backfill_id": backfill_id, "rows": json.dumps(rows)})


def skip_partitions(connection: Connection, backfill_id: str, skips: Sequence[Skip]) -> None:
    """Write why these are not run."""
    rows = [
        {"position": one.position, "reason": one.reason, "detail": _told(one.detail), "run_id": one.run_id}
        for one in skips
    ]
    connection.execute(_SKIP, {"backfill_id": backfill_id, "rows": json.dumps(rows)})


def skip_waiting(connection: Connection, backfill_id: str, reason: SkipReason, detail: str) -> None:
    """Write why all that have not had their turn are not run."""
    connection.execute(_SKIP_WAITING, {"backfill_id": backfill_id, "reason": reason, "detail": _told(detail)})


def record_started(connection: Connection, backfill_id: str, row: BackfillPartition, run_id: str) -> None:
    """Write which Temporal run works on the partition."""
    values = {"backfill_id": backfill_id, "position": row.position, "turn": row.turn, "run_id": run_id}
    connection.execute(_STARTED, values)


def record_ended(
    connection: Connection,
    backfill_id: str,
    row: BackfillPartition,
    status: BackfillPartitionStatus,
    *,
    run_id: str | None = None,
    reason: SkipReason | None = None,
    detail: str | None = None,
    category: str | None = None,
) -> bool:
    """Write how the partition's turn ended, and give its place back; False where that was written before."""
    values = {"backfill_id": backfill_id, "position": row.position, "turn": row.turn, "run_id": run_id}
    told = {"status": status.value, "reason": reason, "detail": None if detail is None else _told(detail)}
    return connection.execute(_END, {**values, **told, "category": category}).scalar() is not None


def give_turns_again(connection: Connection, backfill_id: str, reasons: Collection[SkipReason]) -> int:
    """Let what failed, was cancelled, or was skipped for these reasons wait again; return how many."""
    values = {"backfill_id": backfill_id, "reasons": list(reasons)}
    return len(connection.execute(_AGAIN, values).all())


def partition_counts(connection: Connection, backfill_ids: Sequence[str]) -> list[PartitionCount]:
    """Return how many partitions of these backfills stand how."""
    rows = connection.execute(_COUNTS, {"backfill_ids": list(backfill_ids)}).mappings()
    return [PartitionCount(**_read(row)) for row in rows]


def _rows(connection: Connection, query: Any, backfill_id: str, **values: Any) -> list[BackfillPartition]:
    rows = connection.execute(query, {"backfill_id": backfill_id, **values}).mappings()
    return [BackfillPartition(**_read(row)) for row in rows]


def _read(row: Mapping[Any, Any]) -> dict[str, Any]:
    reason = None if row["reason"] is None else SkipReason(row["reason"])
    return {**row, "status": BackfillPartitionStatus(row["status"]), "reason": reason}


def _told(text: str) -> str:
    return clean_text(text, _LONGEST)
