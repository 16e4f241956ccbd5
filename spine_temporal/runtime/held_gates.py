"""The anomaly of a gate that waits for a person, and how it was decided."""

from uuid import UUID

from sqlalchemy import Connection

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.notification import NotificationKind
from spine_temporal.definition.severity import Severity
from spine_temporal.recording.anomalies import fault_id_of, resolve_fault
from spine_temporal.recording.executions import supersede_executions
from spine_temporal.recording.faults import Fault, report_fault
from spine_temporal.recording.fence import require_fence
from spine_temporal.recording.quality import record_quality
from spine_temporal.runtime.claims import acknowledged_of
from spine_temporal.translation.messages import HoldRequest

#: Category of the anomaly.
GATE_HELD = "GATE_HELD"


def record_hold(connection: Connection, request: HoldRequest) -> None:
    """Write the anomaly; again for the same round it is the same row."""
    key = request.key
    require_fence(connection, key, acknowledged_of(request))
    record_quality(connection, key.run_id, [one.model_dump() for one in request.measured])
    report_fault(
        connection,
        Fault(
            kind=NotificationKind.HELD,
            fault_id=_fault_id(request),
            key=key,
            severity=Severity.ERROR,
            category=GATE_HELD,
            message=request.error,
            step=request.step,
            failure_category=request.category or ErrorCategory.INTERNAL.value,
        ),
    )


def record_decision(connection: Connection, request: HoldRequest) -> None:
    """Resolve it with who decided what, and why; outputs that are sent back are not kept by a later run."""
    require_fence(connection, request.key, acknowledged_of(request))
    if request.decision is not None:
        supersede_executions(connection, request.key, request.sent_back)
        resolve_fault(connection, _fault_id(request), str(request.decision), by=request.decision.by)


def _fault_id(request: HoldRequest) -> UUID:
    """Return the id of the fault, one for each round of a gate: a later round does not reopen what was decided."""
    key = request.key
    return fault_id_of(key.workflow, key.partition, f"{request.step}#{request.round}@{key.run_id}", GATE_HELD)
