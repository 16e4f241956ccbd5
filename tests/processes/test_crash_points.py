"""A worker that dies at any boundary of a run leaves every row once, and the run ends as if nothing had happened."""

import psycopg
import pytest

from spine_temporal.testing.crash_points import CrashPoint
from tests.processes.crash_jobs import CRASH, HELD

_OF_A_FAILURE = (CrashPoint.IN_ANOMALY, CrashPoint.IN_OUTBOX)
_OF_A_HOLD = (CrashPoint.IN_HOLD, CrashPoint.AFTER_HOLD, CrashPoint.IN_DECISION, CrashPoint.AFTER_DECISION)
#: A boundary, the step that it is narrowed to, and whether the run is to fail there: its last pipeline does not end it
#: then, but an activity of its own.
CASES = [
    *(
        (point, "first" if point.is_of_a_step else None, point in _OF_A_FAILURE)
        for point in CrashPoint
        if point not in _OF_A_HOLD
    ),
    *((point, "second", False) for point in (CrashPoint.AFTER_WRITES, CrashPoint.AFTER_COMMIT)),
    *((point, None, True) for point in (CrashPoint.BEFORE_END, CrashPoint.AFTER_END)),
]


def _contents(url):
    queries = {
        "rows": "SELECT stage, count(*) FROM core_rejects GROUP BY stage ORDER BY stage",
        "ledger": "SELECT step, status, attempt FROM core_executions ORDER BY step",
        "manifest": "SELECT stage FROM core_manifest ORDER BY stage_rank",
        "anomalies": "SELECT stage, occurrences FROM core_anomalies",
        "outbox": "SELECT kind, step FROM core_outbox",
        "claims": "SELECT run_id FROM core_partitions WHERE run_id IS NOT NULL",
        "runs": "SELECT status FROM core_runs",
        "waiting": "SELECT run_id FROM core_queue UNION ALL SELECT run_id FROM core_leases",
    }
    with psycopg.connect(url) as connection:
        return {name: connection.execute(query).fetchall() for name, query in queries.items()}


@pytest.mark.parametrize(("point", "step", "fails"), CASES)
def test_a_worker_that_dies_there_loses_nothing(crash_at, spine_database, point, step, fails):
    run = crash_at(point, CRASH, {"test": f"{point} {step} {fails}", "fails": fails}, step=step)
    steps, status = (["first"], "FAILED") if fails else (["first", "second"], "COMPLETED")
    last = ["FAILED"] if fails else ["STEP_SECOND", "COMPLETED"]
    assert run.result.status == status
    assert _contents(spine_database.url) == {
        "rows": [(step, 3) for step in steps],
        "ledger": [(step, "COMPLETED", 1) for step in steps] + ([("second", "FAILED", 1)] if fails else []),
        "manifest": [(stage,) for stage in ("STARTED", "STEP_FIRST", "STEP_GATE", *last)],
        "anomalies": [("workflow.second", 1)] if fails else [],
        "outbox": [("failed", "second")] if fails else [],
        "claims": [],
        "runs": [(status,)],
        "waiting": [],
    }


@pytest.mark.parametrize("point", _OF_A_HOLD)
def test_a_worker_that_dies_as_a_gate_is_held_or_decided_records_each_once(crash_at, spine_database, point):
    run = crash_at(point, HELD, {"test": point.value})
    assert run.result.status == "COMPLETED"
    found = _contents(spine_database.url)
    assert (found["rows"], found["claims"], found["runs"]) == ([("first", 3), ("second", 3)], [], [("COMPLETED",)])
    assert (found["anomalies"], found["outbox"]) == ([("workflow.gate", 1)], [("held", "gate"), ("decided", "gate")])
    with psycopg.connect(spine_database.url) as connection:
        decided = connection.execute("SELECT step, action, by FROM core_decisions").fetchall()
        resolved = connection.execute("SELECT resolved_by FROM core_anomalies").fetchall()
    assert (decided, resolved) == ([("gate", "waive", "deadline")], [("deadline",)])


def test_a_run_that_never_comes_to_the_boundary_is_told(crash_at):
    with pytest.raises(
        AssertionError, match=r"has not come to the boundary \"in the anomaly's write\" and has ended COMP"
    ):
        crash_at("in the anomaly's write", CRASH, {"test": "never", "fails": False})
