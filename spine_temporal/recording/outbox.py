"""The outbox: what people are to be told, written in the transaction of what it tells of."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Result, text

from spine_temporal.definition.json_values import clean_text, to_json
from spine_temporal.definition.notification import Notification
from spine_temporal.recording.any_connection import AnyConnection, executing

#: Columns of a row, each bound to the value of its name.
COLUMNS = """notification_id, kind, cause, domain, workflow, partition_key, severity, category, message, step, run_id,
    workflow_id, anomaly_id, details"""

_ENQUEUE = text(f"""
    INSERT INTO core_outbox ({COLUMNS})
    VALUES (:notification_id, :kind, :cause, :domain, :workflow, CAST(:partition_key AS jsonb), :severity, :category,
        :message, :step, :run_id, :workflow_id, :anomaly_id, CAST(:details AS jsonb))
    ON CONFLICT (notification_id) DO NOTHING
    RETURNING notification_id
""")


def enqueue(connection: AnyConnection, notification: Notification) -> bool:
    """Write a notification in the caller's transaction; return whether it is new.

    Workers deliver it after the commit. Where its kind and key are known already, nothing is written.
    """
    return executing(connection).execute(_ENQUEUE, outbox_values(notification)).scalar() is not None


def outbox_values(notification: Notification) -> dict[str, Any]:
    """Return the values of a notification's row."""
    return {
        "notification_id": notification.notification_id,
        "kind": notification.kind.value,
        "cause": notification.cause,
        "domain": notification.domain,
        "workflow": notification.workflow,
        "partition_key": json.dumps(dict(notification.partition)),
        "severity": notification.severity.value,
        "category": notification.category,
        "message": clean_text(notification.message),
        "step": notification.step,
        "run_id": notification.run_id,
        "workflow_id": notification.workflow_id,
        "anomaly_id": notification.anomaly_id,
        "details": json.dumps(to_json(dict(notification.details), "details")),
    }


@dataclass(frozen=True, kw_only=True)
class Enqueued:
    """A notification as the outbox has it."""

    notification_id: UUID
    kind: str
    cause: str
    domain: str
    workflow: str
    partition_key: Any
    severity: str
    category: str
    message: str
    step: str | None
    run_id: str | None
    workflow_id: str | None
    details: Mapping[str, Any]
    created_at: datetime


def outbox_columns() -> str:
    """Return the columns of ``Enqueued``, as SQL."""
    return ", ".join(field.name for field in fields(Enqueued))


def enqueued_of(result: Result[Any]) -> list[Enqueued]:
    """Return the rows of a statement that has these columns."""
    return [Enqueued(**row) for row in result.mappings()]
