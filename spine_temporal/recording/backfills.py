"""Backfills: what was asked for, and how each stands."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.backfill import BackfillStatus
from spine_temporal.definition.json_values import clean_text

_COLUMNS = """backfill_id, workflow, domain, over, params, reprocess, max_parallel, status, task_queue, total, by, told,
    created_at, completed_at"""

_INSERT = text("""
    INSERT INTO core_backfills (backfill_id, workflow, domain, over, params, reprocess, max_parallel, status,
        task_queue, total, by)
    VALUES (:backfill_id, :workflow, :domain, CAST(:over AS jsonb), CAST(:params AS jsonb), :reprocess, :max_parallel,
        'RUNNING', :task_queue, :total, :by)
""")

_ONE = text(f"SELECT {_COLUMNS} FROM core_backfills WHERE backfill_id = :backfill_id")

_LOCKED = text(f"SELECT {_COLUMNS} FROM core_backfills WHERE backfill_id = :backfill_id FOR UPDATE")

_LIST = text(f"""
    SELECT {_COLUMNS} FROM core_backfills
    WHERE (CAST(:workflow AS text) IS NULL OR workflow = :workflow) ORDER BY created_at DESC, backfill_id LIMIT :limit
""")

_SET = text("""
    UPDATE core_backfills SET status = :status, told = :told, max_parallel = :max_parallel,
        completed_at = CASE WHEN :has_ended THEN clock_timestamp() END
    WHERE backfill_id = :backfill_id
""")


@dataclass(frozen=True, kw_only=True)
class BackfillRow:
    """A backfill as Postgres knows it."""

    backfill_id: str
    workflow: str
    domain: str
    #: What was given for each param.
    over: Mapping[str, str]
    #: Params that all its runs have in common.
    params: Mapping[str, Any]
    reprocess: str
    max_parallel: int
    status: BackfillStatus
    task_queue: str
    total: int
    by: str
    #: Who paused or cancelled it, and why.
    told: str | None
    created_at: datetime
    completed_at: datetime | None


def insert_backfill(
    connection: Connection,
    *,
    backfill_id: str,
    workflow: str,
    domain: str,
    over: Mapping[str, str],
    params: Mapping[str, Any],
    reprocess: str,
    max_parallel: int,
    task_queue: str,
    total: int,
    by: str,
) -> None:
    """Write a backfill that runs."""
    values = {"backfill_id": backfill_id, "workflow": workflow, "domain": domain, "task_queue": task_queue}
    given = {"over": json.dumps(dict(over)), "params": json.dumps(dict(params)), "by": clean_text(by, 200)}
    connection.execute(
        _INSERT, {**values, **given, "reprocess": reprocess, "max_parallel": max_parallel, "total": total}
    )


def backfill_of(connection: Connection, backfill_id: str) -> BackfillRow | None:
    """Return the backfill."""
    return _one(connection, _ONE, backfill_id)


def lock_backfill(connection: Connection, backfill_id: str) -> BackfillRow | None:
    """Return the backfill, and keep others from giving turns or changing it until the transaction ends."""
    return _one(connection, _LOCKED, backfill_id)


def list_backfills(connection: Connection, *, workflow: str | None = None, limit: int) -> Sequence[BackfillRow]:
    """Return backfills, newest first."""
    rows = connection.execute(_LIST, {"workflow": workflow, "limit": limit}).mappings()
    return [_row(row) for row in rows]


def set_backfill(
    connection: Connection,
    row: BackfillRow,
    *,
    status: BackfillStatus,
    told: str | None = None,
    max_parallel: int | None = None,
) -> None:
    """Write how a locked backfill stands from now on; ``told`` says who wants it so, and why."""
    values = {"backfill_id": row.backfill_id, "status": status.value, "has_ended": status.has_ended}
    shown = None if told is None else clean_text(told)
    connection.execute(_SET, {**values, "told": shown, "max_parallel": max_parallel or row.max_parallel})


def _one(connection: Connection, query: Any, backfill_id: str) -> BackfillRow | None:
    row = connection.execute(query, {"backfill_id": backfill_id}).mappings().one_or_none()
    return None if row is None else _row(row)


def _row(row: Mapping[Any, Any]) -> BackfillRow:
    return BackfillRow(**{**row, "status": BackfillStatus(row["status"])})
