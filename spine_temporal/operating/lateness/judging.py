"""Judges a deadline: writes how its partitions stand, and tells of those that are late or have recovered."""

from datetime import datetime

from sqlalchemy import Connection

from spine_temporal.definition.calendar_rule import in_utc
from spine_temporal.definition.deadline import Deadline
from spine_temporal.definition.notification import Notification, NotificationKind
from spine_temporal.definition.params import workflow_id
from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.severity import Severity
from spine_temporal.operating.lateness.due import due_partitions
from spine_temporal.recording.anomalies import AnomalyRecorder, fault_id_of, resolve_fault
from spine_temporal.recording.database import Database
from spine_temporal.recording.faults import Fault, report_fault
from spine_temporal.recording.lateness import LATE_PARTITION, JudgedPartition, Lateness, judge, judged, recover, watch
from spine_temporal.recording.outbox import enqueue


def judge_deadline(database: Database, deadline: Deadline, until: datetime) -> list[JudgedPartition]:
    """Judge what was due up to a moment, and look which late partitions are complete; return what is new of both.

    The rows, the anomalies and the notifications are one transaction for each hundred due times.
    """
    found: list[JudgedPartition] = []
    end = None
    while end is None or end < until:
        with database.begin() as connection:
            end = _judge(connection, deadline, until, found)
    return found


def _judge(connection: Connection, deadline: Deadline, until: datetime, found: list[JudgedPartition]) -> datetime:
    """Judge a part, and return up to when it is judged."""
    name, workflow = deadline.name, deadline.workflow.name
    after = watch(connection, name, workflow, now=until)
    due, end = due_partitions(deadline, after, until)
    recovered = recover(connection, name, workflow)
    new = judge(connection, name, workflow, due)
    judged(connection, name, until=end)
    for one in recovered:
        if resolve_fault(connection, _fault(deadline, one).fault_id, _recovery(one), by=one.run_id or ""):
            enqueue(connection, _recovered(deadline, one))  # else the run's own end has told it
    for one in new:
        _tell(connection, deadline, one)
    found += [*recovered, *new]
    return end


def _tell(connection: Connection, deadline: Deadline, one: JudgedPartition) -> None:
    """Tell how a partition stands that was not judged before."""
    fault = _fault(deadline, one)
    if one.state is Lateness.LATE:
        report_fault(connection, fault)
    elif one.state is Lateness.RECOVERED:
        recorder = AnomalyRecorder(connection, fault.key.domain)
        partition = dict(fault.key.partition)
        recorder.record(
            "workflow",
            partition,
            fault.severity,
            fault.category,
            fault.message,
            fault.metadata(),
            fault_id=fault.fault_id,
        )
        resolve_fault(connection, fault.fault_id, _recovery(one), by=one.run_id or "")
        enqueue(connection, _recovered(deadline, one))


def _fault(deadline: Deadline, one: JudgedPartition) -> Fault:
    workflow = deadline.workflow
    due = in_utc(one.due_at)
    return Fault(
        kind=NotificationKind.LATE,
        fault_id=fault_id_of(workflow.name, one.partition_key, f"{deadline.name} {due}", LATE_PARTITION),
        key=RunKey(
            run_id="",
            workflow=workflow.name,
            workflow_id=workflow_id(workflow, one.partition_key),
            domain=workflow.domain,
            partition=one.partition_key,
        ),
        severity=Severity.ERROR,
        category=LATE_PARTITION,
        message=f"it was to be complete by {due}: {_standing(one)}",
        details={"deadline": deadline.name, "due_at": one.due_at.isoformat()},
    )


def _standing(one: JudgedPartition) -> str:
    """Return how far the partition is."""
    if one.state is Lateness.RECOVERED:
        return _recovery(one)
    return f"run {one.run_id} is {one.run_status}" if one.run_id else "no run of it was ever started"


def _recovery(one: JudgedPartition) -> str:
    return f"run {one.run_id} completed it, {one.late_by} late"


def _recovered(deadline: Deadline, one: JudgedPartition) -> Notification:
    fault = _fault(deadline, one)
    return Notification(
        kind=NotificationKind.RECOVERED,
        key=str(fault.fault_id),
        domain=fault.key.domain,
        workflow=fault.key.workflow,
        severity=fault.severity,
        category=fault.category,
        message=f"it was to be complete by {in_utc(one.due_at)}: {_recovery(one)}",
        partition=one.partition_key,
        run_id=one.run_id,
        workflow_id=fault.key.workflow_id,
        details=fault.details,
    )
