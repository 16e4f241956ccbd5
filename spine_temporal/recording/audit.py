"""What operators did to runs from outside: who, why, and with which effect."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.json_values import clean_text

_INSERT = text("""
    INSERT INTO core_audit (action, workflow_id, run_id, by, reason, details)
    VALUES (:action, :workflow_id, :run_id, :by, :reason, CAST(:details AS jsonb))
""")


def record_action(
    connection: Connection,
    action: str,
    *,
    workflow_id: str,
    run_id: str | None,
    by: str,
    reason: str,
    details: Mapping[str, Any],
) -> None:
    """Keep an operator's action on the record, in the transaction of what it does."""
    values = {"action": action, "workflow_id": workflow_id, "run_id": run_id}
    told = {"by": clean_text(by, 200), "reason": clean_text(reason), "details": json.dumps(dict(details))}
    connection.execute(_INSERT, values | told)
