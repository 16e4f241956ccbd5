"""A fault that is told: its anomaly, and the notification of it, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from spine_temporal.definition.notification import Notification, NotificationKind
from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.severity import Severity
from spine_temporal.recording.anomalies import AnomalyRecorder
from spine_temporal.recording.any_connection import AnyConnection
from spine_temporal.recording.outbox import enqueue


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What went wrong in a partition. While it is open it is one anomaly, and it is told once."""

    kind: NotificationKind
    fault_id: UUID
    #: The run that met it; where no run did, its ``run_id`` and ``workflow_id`` are empty.
    key: RunKey
    #: The anomaly's severity, category and message.
    severity: Severity
    category: str
    message: str
    #: None: the run as a whole.
    step: str | None = None
    #: Why the run failed, by which the notification is routed; None: by the anomaly's category.
    failure_category: str | None = None
    #: What else its anomaly and its notification keep.
    details: Mapping[str, Any] = field(default_factory=dict)

    def metadata(self) -> dict[str, Any]:
        """Return what the anomaly keeps beside its columns."""
        known = {"run_id": self.key.run_id, "workflow_id": self.key.workflow_id}
        run = {name: value for name, value in known.items() if value}
        return {"workflow": self.key.workflow, **run, "failure_category": self.failure_category, **self.details}


def report_fault(connection: AnyConnection, fault: Fault) -> UUID | None:
    """Write the anomaly and enqueue its notification; return the anomaly's id.

    None, with nothing enqueued, where the fault was resolved that this very run reports again.
    """
    anomaly_id = AnomalyRecorder(connection, fault.key.domain).write(
        f"workflow.{fault.step}" if fault.step else "workflow",
        dict(fault.key.partition),
        fault.severity,
        fault.category,
        fault.message,
        fault.metadata(),
        fault_id=fault.fault_id,
    )
    if anomaly_id is not None:
        enqueue(connection, _notification(fault, anomaly_id))
    return anomaly_id


def _notification(fault: Fault, anomaly_id: UUID) -> Notification:
    return Notification(
        kind=fault.kind,
        key=str(anomaly_id),
        domain=fault.key.domain,
        workflow=fault.key.workflow,
        severity=fault.severity,
        category=fault.failure_category or fault.category,
        message=fault.message,
        partition=fault.key.partition,
        step=fault.step,
        run_id=fault.key.run_id or None,
        workflow_id=fault.key.workflow_id or None,
        anomaly_id=anomaly_id,
        details=fault.details,
    )
