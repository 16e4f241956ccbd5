"""What people read: a batch of notifications as a subject, a text and JSON. Pure."""

from collections.abc import Sequence
from datetime import datetime
from string import Template
from typing import Any
from uuid import UUID

from spine_temporal.definition.notification import NotificationKind
from spine_temporal.definition.params import canonical
from spine_temporal.recording.outbox import Enqueued

#: Notifications of a batch that a text lists; JSON lists all.
_LINES = 20
#: What a kind says of one partition, and of several.
_TOLD = {
    NotificationKind.FAILED: ("failed", "failed"),
    NotificationKind.HELD: ("waits for a person", "wait for a person"),
    NotificationKind.REMINDER: ("still waits for a person", "still wait for a person"),
    NotificationKind.ESCALATED: ("has waited too long for a person", "have waited too long for a person"),
    NotificationKind.DECIDED: ("was decided", "were decided"),
    NotificationKind.LATE: ("is late", "are late"),
    NotificationKind.RECOVERED: ("has recovered", "have recovered"),
    NotificationKind.BACKFILL_ENDED: ("has ended its backfill", "have ended their backfills"),
    NotificationKind.TEST: ("is a test", "are tests"),
}
_HELD = {NotificationKind.HELD, NotificationKind.REMINDER, NotificationKind.ESCALATED}


class Wording:
    """What one batch says."""

    def __init__(self, told: Sequence[Enqueued], *, subject: str, body: str) -> None:
        """``subject`` and ``body`` are templates."""
        self._told = told
        values = self._values()
        self.subject = " ".join(Template(subject).substitute(values).split())
        self.text = Template(body).substitute(values, subject=self.subject).strip()

    def json(self, batch_id: UUID, at: datetime) -> dict[str, Any]:
        """Return the body of a webhook: what happened, and each notification with its id."""
        first = self._told[0]
        return {
            "type": f"spine.{first.kind}",
            "timestamp": at.isoformat(),
            "data": {
                "batch_id": str(batch_id),
                "kind": first.kind,
                "domain": first.domain,
                "workflow": first.workflow,
                "step": first.step,
                "category": first.category,
                "severity": first.severity,
                "count": len(self._told),
                "subject": self.subject,
                "text": self.text,
                "notifications": [_json(one) for one in self._told],
            },
        }

    def _values(self) -> dict[str, str]:
        first, count = self._told[0], len(self._told)
        where = f" at {first.step}" if first.step else ""
        why = f" ({first.category})" if first.category else ""
        one, several = _TOLD.get(NotificationKind(first.kind), (first.kind, first.kind))
        what = f"{_partition(first)} {one}".strip() if count == 1 else f"{count} partitions {several}"
        told = f"{first.workflow}: {what}{where}{why}"
        lines = [_line(each) for each in self._told[:_LINES]]
        lines += [f"... and {count - _LINES} more"] if count > _LINES else []
        return {
            "severity": first.severity,
            "kind": first.kind,
            "told": told,
            "subject": told,
            "workflow": first.workflow,
            "domain": first.domain,
            "category": first.category,
            "step": first.step or "",
            "count": str(count),
            "partition": _partition(first),
            "message": first.message,
            "lines": "\n".join(lines),
            "advice": _advice(first, count),
        }


def _partition(told: Enqueued) -> str:
    if not isinstance(told.partition_key, dict):
        return str(told.partition_key)
    return ", ".join(
        f"{name}={value if isinstance(value, str) else canonical(value)}" for name, value in told.partition_key.items()
    )


def _line(told: Enqueued) -> str:
    return ": ".join(part for part in (_partition(told), told.message) if part)


def _advice(told: Enqueued, count: int) -> str:
    if told.workflow_id is None:
        return ""
    if told.kind in _HELD:
        return f"Decide: spine-temporal waive | retry-step | abort '{told.workflow_id}' {told.step} --reason WHY"
    if told.kind == NotificationKind.FAILED:
        shown = f"spine-temporal why '{told.workflow_id}'"
        return f"Look: {shown}" if count == 1 else f"Look at one: {shown}"
    return ""


def _json(told: Enqueued) -> dict[str, Any]:
    return {
        "id": str(told.notification_id),
        "partition": told.partition_key,
        "severity": told.severity,
        "message": told.message,
        "run_id": told.run_id,
        "workflow_id": told.workflow_id,
        "created_at": told.created_at.isoformat(),
        "details": dict(told.details),
    }
