"""Notifications as people look at them, and deliver them again."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

_LIST = text("""
    SELECT notification_id, kind, workflow, partition_key, severity, category, message, step, run_id, workflow_id,
        created_at, channel, status, attempts, error
    FROM (
        SELECT o.*, d.channel, d.attempts, d.error,
            coalesce(d.status, CASE WHEN o.routed_at IS NULL THEN 'WAITING' ELSE 'UNROUTED' END) AS status
        FROM core_outbox AS o LEFT JOIN core_deliveries AS d USING (notification_id)
    ) AS told
    WHERE :status = '' OR status = :status
    ORDER BY created_at DESC, notification_id, channel LIMIT :limit
""")

# What was given up is sent again under its batch; what no route wanted is routed again.
_RETRY = text("""
    WITH again AS (
        UPDATE core_deliveries SET status = 'PENDING', error = NULL, ended_at = NULL
        WHERE status = 'FAILED' AND (CAST(:ids AS uuid[]) IS NULL OR batch_id IN (
            SELECT batch_id FROM core_deliveries WHERE notification_id = ANY(CAST(:ids AS uuid[]))
        ))
        RETURNING notification_id
    ), anew AS (
        UPDATE core_outbox AS o SET routed_at = NULL
        WHERE routed_at IS NOT NULL AND notification_id = ANY(CAST(:ids AS uuid[]))
            AND NOT EXISTS (SELECT FROM core_deliveries AS d WHERE d.notification_id = o.notification_id)
        RETURNING notification_id
    )
    SELECT (SELECT count(*) FROM again) + (SELECT count(*) FROM anew)
""")

#: What a notification can stand at, for one channel.
STATUSES = ("WAITING", "PENDING", "DELIVERED", "FAILED", "UNROUTED")


def list_deliveries(connection: Connection, *, status: str | None, limit: int) -> list[Mapping[str, Any]]:
    """Return notifications, newest first, one row for each channel that they go to.

    ``status`` is one of ``STATUSES``: WAITING has no channel yet, and UNROUTED has none, as no route wanted it.
    """
    return [dict(row) for row in connection.execute(_LIST, {"status": status or "", "limit": limit}).mappings()]


def retry_deliveries(connection: Connection, ids: Sequence[UUID] | None) -> int:
    """Let what has failed be delivered again; None: all of it. Return how many.

    Of ``ids``, also what no route wanted, which is routed anew.
    """
    return int(connection.execute(_RETRY, {"ids": None if ids is None else list(ids)}).scalar() or 0)


_FIND = text("SELECT notification_id FROM core_outbox WHERE notification_id::text LIKE :prefix || '%' LIMIT 2")


def found_notification(connection: Connection, prefix: str) -> list[UUID]:
    """Return up to two notifications whose id begins so."""
    return list(connection.execute(_FIND, {"prefix": prefix}).scalars())
