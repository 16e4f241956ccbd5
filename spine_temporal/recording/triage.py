"""What a person does with an anomaly: find it, acknowledge it, resolve it."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.json_values import clean_text

#: What is shown of an anomaly, in this order.
COLUMNS = (
    "anomaly_id", "domain", "stage", "partition_key", "severity", "category", "message", "detected_at",
    "last_seen_at", "occurrences", "metadata", "acknowledged_at", "acknowledged_by", "resolved_at", "resolved_by",
    "resolution",
)  # fmt: skip
#: Characters of an id that are enough to name it, where no other begins with them.
SHORTEST_ID = 8

_STATE = """CASE WHEN resolved_at IS NOT NULL THEN 'resolved' WHEN acknowledged_at IS NOT NULL THEN 'acknowledged'
    ELSE 'open' END AS state"""

_WITH_RUNS = """
    WITH newest AS ({newest})
    SELECT newest.*, newest.metadata ->> 'workflow' AS workflow,
        coalesce(newest.metadata ->> 'workflow_id', runs.workflow_id) AS workflow_id
    FROM newest LEFT JOIN core_runs AS runs ON runs.run_id = newest.metadata ->> 'run_id'
"""

_FIND = text("SELECT anomaly_id FROM core_anomalies WHERE CAST(anomaly_id AS text) LIKE :prefix || '%' LIMIT 2")

_ACKNOWLEDGE = text("""
    UPDATE core_anomalies SET acknowledged_at = now(), acknowledged_by = :by
    WHERE anomaly_id = :anomaly_id AND resolved_at IS NULL
""")

_RESOLVE = text("""
    UPDATE core_anomalies SET resolved_at = now(), resolved_by = :by, resolution = :resolution
    WHERE anomaly_id = :anomaly_id AND resolved_at IS NULL
""")


def list_anomalies(
    connection: Connection, *, workflow: str | None = None, with_resolved: bool = False, limit: int = 1000
) -> list[Mapping[str, Any]]:
    """Return anomalies, newest first; the open and the acknowledged ones unless the resolved are asked for.

    Each has its ``workflow`` and the ``workflow_id`` of the run that met it last, where there is one.
    """
    conditions = ["TRUE"]
    if workflow is not None:
        conditions.append("metadata ->> 'workflow' = :workflow")
    if not with_resolved:
        conditions.append("resolved_at IS NULL")
    newest = (
        f"SELECT {', '.join(COLUMNS)}, {_STATE} FROM core_anomalies WHERE {' AND '.join(conditions)} "
        "ORDER BY last_seen_at DESC, anomaly_id LIMIT :limit"
    )
    query = f"{_WITH_RUNS.format(newest=newest)} ORDER BY last_seen_at DESC, anomaly_id"
    rows = connection.execute(text(query), {"workflow": workflow, "limit": limit}).mappings()
    return [dict(row) for row in rows]


def acknowledge(connection: Connection, anomaly_id: str, *, by: str) -> UUID:
    """Say that somebody looks after an open anomaly; return its id. Raises ``SpineError``."""
    return _change(connection, _ACKNOWLEDGE, anomaly_id, {"by": clean_text(by, 200)})


def resolve(connection: Connection, anomaly_id: str, *, by: str, reason: str) -> UUID:
    """Close an anomaly, with who and why; return its id. Raises ``SpineError``."""
    return _change(connection, _RESOLVE, anomaly_id, {"by": clean_text(by, 200), "resolution": clean_text(reason)})


def _change(connection: Connection, statement: Any, anomaly_id: str, values: dict[str, Any]) -> UUID:
    found = _found(connection, anomaly_id)
    if connection.execute(statement, {"anomaly_id": found, **values}).rowcount == 0:
        raise SpineError(f"anomaly {found} is resolved already", ErrorCategory.CONFIGURATION)
    return found


def _found(connection: Connection, anomaly_id: str) -> UUID:
    if len(anomaly_id) < SHORTEST_ID or not re.fullmatch(r"[0-9a-fA-F-]{8,36}", anomaly_id):
        raise SpineError(
            f"{anomaly_id[:50]!r} is no anomaly id: give at least {SHORTEST_ID} characters of one that "
            "`spine-temporal anomalies` shows",
            ErrorCategory.CONFIGURATION,
        )
    found = connection.execute(_FIND, {"prefix": anomaly_id.lower()}).scalars().all()
    if len(found) != 1:
        what = "begins the ids of several anomalies: give more of it" if found else "is the id of no anomaly"
        raise SpineError(f"{anomaly_id!r} {what}", ErrorCategory.CONFIGURATION)
    return UUID(str(found[0]))
