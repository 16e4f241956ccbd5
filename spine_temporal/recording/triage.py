"""What a person does with an anomaly: find it, acknowledge it, resolve it."""

import re
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.json_values import clean_text
from spine_temporal.definition.severity import AnomalyState
from spine_temporal.recording.audit import record_action
from spine_temporal.recording.ledger import LedgerTable, Question, ask, where

#: What is shown of an anomaly, in this order.
COLUMNS = (
    "anomaly_id", "domain", "stage", "partition_key", "severity", "category", "message", "detected_at",
    "last_seen_at", "occurrences", "metadata", "acknowledged_at", "acknowledged_by", "resolved_at", "resolved_by",
    "resolution",
)  # fmt: skip
#: Characters of an id that are enough to name it, where no other begins with them.
SHORTEST_ID = 8

_STATE_OF = """CASE WHEN resolved_at IS NOT NULL THEN 'resolved' WHEN acknowledged_at IS NOT NULL THEN 'acknowledged'
    ELSE 'open' END"""
_STATE = f"{_STATE_OF} AS state"
#: What is not resolved.
UNRESOLVED = (AnomalyState.OPEN.value, AnomalyState.ACKNOWLEDGED.value)

#: Anomalies as they are asked for. A status is the state; the category is the anomaly's own, or that of the failure.
ANOMALIES = LedgerTable(
    columns=f"""{", ".join(COLUMNS)}, {_STATE}, metadata ->> 'workflow' AS workflow, coalesce(
        metadata ->> 'workflow_id', (SELECT workflow_id FROM core_runs WHERE run_id = metadata ->> 'run_id')
    ) AS workflow_id""",
    source="core_anomalies",
    conditions={
        "workflow": "metadata ->> 'workflow' = :workflow",
        "statuses": f"{_STATE_OF} = ANY(:statuses)",
        "categories": "(category = ANY(:categories) OR metadata ->> 'failure_category' = ANY(:categories))",
        "severities": "severity = ANY(:severities)",
        "stages": "stage = ANY(:stages)",
        "run": "(metadata ->> 'run_id' = :run OR metadata ->> 'workflow_id' = :run)",
        "since": "last_seen_at >= :since",
        "until": "last_seen_at < :until",
    },
    partition="partition_key",
    newest="last_seen_at",
    key=("anomaly_id",),
)

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
    connection: Connection, question: Question | None = None, *, limit: int = 1000
) -> list[dict[str, Any]]:
    """Return anomalies that fit, newest first; without a question, those that are not resolved.

    Each has its ``workflow`` and the ``workflow_id`` of the run that met it last, where there is one.
    """
    return ask(connection, ANOMALIES, question or Question(statuses=UNRESOLVED), limit=limit)


def resolve_all(connection: Connection, question: Question, *, by: str, reason: str) -> list[UUID]:
    """Close all anomalies that fit and are not resolved, with who and why, on the record; return their ids."""
    conditions, values = where(ANOMALIES, question)
    statement = text(f"""
        UPDATE core_anomalies SET resolved_at = now(), resolved_by = :by, resolution = :resolution
        WHERE {conditions} AND resolved_at IS NULL RETURNING anomaly_id
    """)
    told = {"by": clean_text(by, 200), "resolution": clean_text(reason)}
    done = [UUID(str(found)) for found in connection.execute(statement, values | told).scalars()]
    if done:
        asked = {name: str(value) for name, value in vars(question).items() if value}
        details = {"anomalies": len(done), "question": asked}
        record_action(
            connection, "resolve anomalies", workflow_id="", run_id=None, by=by, reason=reason, details=details
        )
    return done


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
