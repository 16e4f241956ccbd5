"""The anomaly of a gate that waits for a person, and how it was decided."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.notification import Notification, NotificationKind
from spine_temporal.definition.severity import Severity
from spine_temporal.recording.anomalies import fault_id_of, resolve_fault
from spine_temporal.recording.decisions import Decided, is_decided, record_decided
from spine_temporal.recording.executions import supersede_executions
from spine_temporal.recording.faults import Fault, report_fault
from spine_temporal.recording.fence import require_fence
from spine_temporal.recording.outbox import enqueue
from spine_temporal.recording.quality import record_quality
from spine_temporal.runtime.claims import acknowledged_of
from spine_temporal.translation.gate_messages import HoldRequest

#: Category of the anomaly.
GATE_HELD = "GATE_HELD"


def record_hold(connection: Connection, request: HoldRequest) -> None:
    """Write the anomaly; again for the same round it is the same row."""
    key = request.key
    require_fence(connection, key, acknowledged_of(request))
    record_quality(connection, key.run_id, [one.model_dump() for one in request.measured])
    reported = report_fault(
        connection,
        Fault(
            kind=NotificationKind.HELD,
            fault_id=_fault_id(request),
            key=key,
            severity=Severity.ERROR,
            category=GATE_HELD,
            message=_message(request),
            step=request.step,
            failure_category=request.category or ErrorCategory.INTERNAL.value,
            details={"is_beside": True} if request.is_beside else {},
        ),
    )
    if reported is None and key.was_reset:  # it was decided before the reset, and waits again
        enqueue(connection, _told(request, NotificationKind.HELD, "", _message(request)))


def record_decision(connection: Connection, request: HoldRequest, principal: str | None = None) -> None:
    """Write who decided what, and why; where that decides the gate, resolve its anomaly.

    ``principal``: who Temporal knows the sender to be, where the run has not asked. Outputs that are sent back are not
    kept by a later run.
    """
    require_fence(connection, request.key, acknowledged_of(request))
    record_decided(connection, _decided(request, principal))
    if request.decision is not None:
        supersede_executions(connection, request.key, request.sent_back)
        resolve_fault(connection, _fault_id(request), str(request.decision), by=request.decision.by)
        enqueue(connection, _told(request, NotificationKind.DECIDED, "", f"{request.step} {request.decision}"))
    elif request.proposals:
        first = request.proposals[-1]
        said = f"{first.by} wants to waive it ({first.reason}); a second person is to decide the same"
        number = f"/proposed/{len(request.proposals)}"
        enqueue(connection, _told(request, NotificationKind.REMINDER, number, said))


def is_recorded(connection: Connection, request: HoldRequest) -> bool:
    """Return whether an earlier attempt has recorded the decision by which the run goes on."""
    return request.decision is not None and is_decided(connection, _decided(request, None)[-1])


def record_alarm(connection: Connection, request: HoldRequest) -> None:
    """Enqueue that a gate still waits."""
    require_fence(connection, request.key, acknowledged_of(request))
    kind = NotificationKind(request.alarm or NotificationKind.REMINDER)
    waited = f"{timedelta(seconds=request.waited)}"
    enqueue(connection, _told(request, kind, f"/{request.waited:g}", f"it waits since {waited}: {_message(request)}"))


def _message(request: HoldRequest) -> str:
    return f"{request.error} ({request.asks})" if request.asks else request.error


def _decided(request: HoldRequest, principal: str | None) -> list[Decided]:
    last = () if request.decision is None else (request.decision.second or request.decision,)
    decisions = (*request.proposals, *last)
    return [
        Decided(
            key=request.key,
            step=request.step,
            round=request.round,
            number=number,
            decision=decision,
            is_final=request.decision is not None and number == len(decisions) - 1,
            error=request.error,
            category=request.category or ErrorCategory.INTERNAL.value,
            principal=principal if decision is request.decision else None,
        )
        for number, decision in enumerate(decisions)
    ]


def _told(request: HoldRequest, kind: NotificationKind, place: str, message: str) -> Notification:
    key = request.key
    return Notification(
        kind=kind,
        key=f"{key.execution_run_id}/{request.step}#{request.round}{place}",
        domain=key.domain,
        workflow=key.workflow,
        severity=Severity.ERROR,
        category=request.category or ErrorCategory.INTERNAL.value,
        message=message,
        partition=key.partition,
        step=request.step,
        run_id=key.run_id,
        workflow_id=key.workflow_id,
    )


def _fault_id(request: HoldRequest) -> UUID:
    """Return the id of the fault, one for each round of a gate: a later round does not reopen what was decided."""
    key = request.key
    return fault_id_of(key.workflow, key.partition, f"{request.step}#{request.round}@{key.run_id}", GATE_HELD)
