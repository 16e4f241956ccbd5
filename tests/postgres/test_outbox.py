"""What is told is in the outbox once, with what it tells of, and recoveries follow what was told."""

from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import text

from spine_temporal.definition.notification import Notification, NotificationKind
from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.severity import Severity
from spine_temporal.recording.anomalies import AnomalyRecorder, fault_id_of
from spine_temporal.recording.faults import Fault, report_fault
from spine_temporal.recording.outbox import enqueue
from spine_temporal.recording.run_lifecycle import close_run
from spine_temporal.recording.triage import resolve

KEY = {"week_ending": "2025-11-28"}


def note(key, kind=NotificationKind.LATE, **more):
    told = {"domain": "d", "workflow": "w", "severity": Severity.ERROR, "category": "LATE_PARTITION", "message": "m"}
    return Notification(kind=kind, key=key, **{**told, **more})


def fault(run_id, step="check", *, severity=Severity.ERROR, category="QUALITY_GATE"):
    return Fault(
        kind=NotificationKind.FAILED,
        fault_id=fault_id_of("w", KEY, step, "WORKFLOW_FAILURE"),
        key=RunKey(run_id=run_id, workflow="w", workflow_id="w/1", domain="d", partition=KEY),
        severity=severity,
        category="WORKFLOW_FAILURE",
        message="too few rows",
        step=step,
        failure_category=category,
    )


def completed(connection, run_id):
    """Let a run complete the partition; its own row matters to nobody here."""
    key = RunKey(run_id=run_id, workflow="w", workflow_id="w/1", domain="d", partition=KEY)
    end = {"status": "COMPLETED", "completed_at": datetime.now(UTC), "result": "{}", "stages": (), "forgotten": ()}
    close_run(connection, key, **end, resolves=True)


@pytest.fixture
def told(connection):
    """What the outbox has."""

    def rows():
        query = "SELECT kind, step, severity, category, run_id FROM core_outbox ORDER BY created_at, kind, step"
        return [tuple(row) for row in connection.execute(text(query))]

    return rows


def test_a_notification_is_enqueued_once_whoever_enqueues_it_again(connection):
    assert enqueue(connection, note("week", details={"by": "06:00"}))
    assert not enqueue(connection, note("week", message="another one"))
    assert enqueue(connection, note("week", kind=NotificationKind.BACKFILL_ENDED))
    assert enqueue(connection, note("other week"))
    query = "SELECT message, details, cause FROM core_outbox WHERE kind = 'late' ORDER BY details DESC"
    cause = '["late","w","","LATE_PARTITION","ERROR"]'
    assert connection.execute(text(query)).all() == [("m", {"by": "06:00"}, cause), ("m", {}, cause)]


def test_a_connection_of_psycopg_will_do(database_url):
    with psycopg.connect(database_url) as connection:
        assert enqueue(connection, note("week"))
        assert not enqueue(connection, note("week"))


def test_what_is_rolled_back_is_not_told(database):
    with database.session() as session, session.begin() as transaction:
        report_fault(session, fault("r1"))
        transaction.rollback()
    with database.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM core_outbox")).scalar() == 0


def test_a_fault_is_told_once_while_it_is_open_and_again_when_it_comes_back(connection, told):
    first = report_fault(connection, fault("r1"))
    assert report_fault(connection, fault("r1")) == first  # its last activity was repeated
    assert report_fault(connection, fault("r2")) == first
    failed = ("failed", "check", "ERROR", "QUALITY_GATE", "r1")
    assert told() == [failed]
    resolve(connection, str(first), by="ann", reason="mended")
    assert report_fault(connection, fault("r2")) is None  # it was resolved after this run had reported it
    assert told() == [failed]
    assert report_fault(connection, fault("r3")) != first
    assert len(told()) == 2


def test_a_completed_partition_tells_one_recovery_of_all_that_was_told(connection, told):
    report_fault(connection, fault("r1", "load", category="TRANSIENT"))
    report_fault(connection, fault("r1", severity=Severity.WARN))
    for _ in range(2):  # its last activity was repeated
        completed(connection, "r2")
    assert told()[2:] == [("recovered", None, "ERROR", "TRANSIENT", "r2")]  # it goes where the gravest one went
    query = "SELECT details ->> 'faults' FROM core_outbox WHERE kind = 'recovered'"
    assert connection.execute(text(query)).scalar() == "2"


def test_a_partition_of_which_nothing_was_told_tells_no_recovery(connection, told):
    recorder = AnomalyRecorder(connection, "d")
    given = {"workflow": "w", "run_id": "r1"}
    recorder.record("a", KEY, "ERROR", "X", "m", given, fault_id=fault_id_of("w", KEY, "a", "X"))
    completed(connection, "r2")
    assert connection.execute(text("SELECT resolved_by FROM core_anomalies")).scalars().all() == ["r2"]
    assert told() == []
