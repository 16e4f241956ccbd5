"""Notifications as the outbox has them."""

from datetime import UTC, datetime
from uuid import UUID

from spine_temporal.recording.outbox import Enqueued


def told(number=1, **more):
    given = {
        "notification_id": UUID(int=number),
        "kind": "failed",
        "cause": "c",
        "domain": "finra.otc",
        "workflow": "weekly",
        "partition_key": {"week_ending": f"2025-01-{number:02}", "tier": "OTC"},
        "severity": "ERROR",
        "category": "QUALITY_GATE",
        "message": "too few rows",
        "step": "check",
        "run_id": "r1",
        "workflow_id": f"weekly/week={number}",
        "details": {},
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return Enqueued(**{**given, **more})
