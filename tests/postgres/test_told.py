"""What the chaos run of notifications finds: what was lost, enqueued twice, or has not arrived."""

from sqlalchemy import text

from ops.chaos.told import Arrived, discrepancies
from spine_temporal.recording.faults import report_fault
from spine_temporal.recording.outbox import enqueue
from tests.postgres.test_outbox import fault, note


def test_what_is_lost_or_doubled_on_the_way_is_found(database, database_url):
    with database.begin() as connection:
        report_fault(connection, fault("r1"))
        told = connection.execute(text("SELECT notification_id::text FROM core_outbox")).scalar()
    first, again = Arrived(key="b1", ids=(told,)), Arrived(key="b1", ids=(told,))
    assert discrepancies(database_url, [first, again]) == []
    [missing] = discrepancies(database_url, [])
    assert missing.startswith(f"not arrived: {told}, failed, created ")
    other = Arrived(key="b2", ids=(told, "x"))
    assert discrepancies(database_url, [first, other]) == [
        "arrived, and not in the outbox: x",
        f"under two keys: {told}",
    ]
    with database.begin() as connection:
        connection.execute(text("DELETE FROM core_outbox"))
    [lost, unknown] = discrepancies(database_url, [first])
    assert lost.startswith("lost: failed ")
    assert unknown == f"arrived, and not in the outbox: {told}"
    with database.begin() as connection:
        enqueue(connection, note("week", run_id="r1", anomaly_id=None))
    assert any(found.startswith("without cause, or twice: ") for found in discrepancies(database_url, []))
