"""Rows are found by what is asked of them, newest first, and many anomalies are resolved at once, on the record."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from spine_temporal import AnomalyRecorder
from spine_temporal.recording.ledger import EXECUTIONS, MANIFEST, RUNS, Question, ask
from spine_temporal.recording.limit_switches import close_limit, list_limits, open_limit
from spine_temporal.recording.triage import ANOMALIES, UNRESOLVED, list_anomalies, resolve_all

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
_RUN = text("""
    INSERT INTO core_runs
        (run_id, workflow_id, workflow, domain, partition_key, params, plan, status, started_at, result)
    VALUES (:run_id, :workflow_id, :workflow, 'd', jsonb_build_object('tier', CAST(:tier AS text), 'day', 5), '{}',
        '{}', :status, :started_at, jsonb_build_object('error_category', CAST(:category AS text)))
""")
_EXECUTION = text("""
    INSERT INTO core_executions (execution_id, run_id, workflow, step, pipeline, params, status, attempt, started_at)
    VALUES (gen_random_uuid(), :run_id, 'a', :step, 'p', '{}', :status, 1, :started_at)
""")


@pytest.fixture
def rows(connection):
    """Three runs of two workflows, an hour apart, with an execution and a stage each."""
    for number, (workflow, tier, status, category) in enumerate(
        [("a", "OTC", "COMPLETED", None), ("a", "T1", "FAILED", "TIMEOUT"), ("b", "OTC", "FAILED", "DATA_QUALITY")]
    ):
        values = {"run_id": f"r{number}", "status": status, "started_at": NOON + timedelta(hours=number)}
        told = {"workflow_id": f"{workflow}/{number}", "workflow": workflow, "tier": tier, "category": category}
        connection.execute(_RUN, values | told)
        connection.execute(_EXECUTION, values | {"step": f"s{number}"})
        connection.execute(
            text("INSERT INTO core_manifest VALUES (:domain, CAST(:key AS jsonb), 'DONE', 1)"),
            {"domain": f"workflow.{workflow}", "key": f'{{"number": {number}}}'},
        )
    return connection


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (Question(), ["r2", "r1", "r0"]),
        (Question(workflow="a"), ["r1", "r0"]),
        (Question(partition={"tier": "OTC", "day": "5"}), ["r2", "r0"]),
        (Question(statuses=("FAILED",)), ["r2", "r1"]),
        (Question(categories=("TIMEOUT", "TRANSIENT")), ["r1"]),
        (Question(run="b/2"), ["r2"]),
        (Question(run="r0"), ["r0"]),
        (Question(since=NOON + timedelta(hours=1)), ["r2", "r1"]),
        (Question(until=NOON + timedelta(hours=1), without_children=True), ["r0"]),
    ],
)
def test_runs_are_found_by_each_part_of_a_question(rows, question, expected):
    assert [row["run_id"] for row in ask(rows, RUNS, question, limit=10)] == expected


def test_the_newest_are_found_where_there_are_more_than_asked_for(rows):
    assert [row["run_id"] for row in ask(rows, RUNS, Question(), limit=2)] == ["r2", "r1"]


def test_executions_and_stages_are_asked_in_the_same_words(rows):
    asked = Question(workflow="a", partition={"tier": "T1"}, statuses=("FAILED",), steps=("s1", "s2"))
    assert [row["workflow_id"] for row in ask(rows, EXECUTIONS, asked, limit=10)] == ["a/1"]
    stages = ask(rows, MANIFEST, Question(workflow="a", partition={"number": "1"}, stages=("DONE",)), limit=10)
    assert [row["partition_key"] for row in stages] == [{"number": 1}]


@pytest.fixture
def faults(connection):
    """Three anomalies, of which one is resolved."""
    recorder = AnomalyRecorder(connection, "d")
    told = [("ERROR", "WORKFLOW_FAILURE", "TIMEOUT"), ("WARN", "GATE", "TIMEOUT"), ("WARN", "GATE", "DATA_QUALITY")]
    for number, (severity, category, failure) in enumerate(told):
        metadata = {"workflow": "a", "run_id": f"r{number}", "failure_category": failure}
        recorder.record("workflow", {"day": number}, severity, category, f"fault {number}", metadata)
    resolve_all(connection, Question(run="r2"), by="ann", reason="seen")
    return connection


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (Question(statuses=UNRESOLVED), {"fault 0", "fault 1"}),
        (Question(statuses=("resolved",)), {"fault 2"}),
        (Question(categories=("TIMEOUT",)), {"fault 0", "fault 1"}),
        (Question(categories=("GATE",), severities=("WARN",)), {"fault 1", "fault 2"}),
        (Question(partition={"day": "1"}), {"fault 1"}),
        (Question(workflow="b"), set()),
    ],
)
def test_anomalies_are_found_by_what_they_are_and_what_has_become_of_them(faults, question, expected):
    assert {row["message"] for row in ask(faults, ANOMALIES, question, limit=10)} == expected


def test_many_are_resolved_at_once_with_who_and_why_and_what_was_asked(faults):
    done = resolve_all(
        faults, Question(workflow="a", categories=("TIMEOUT",)), by="ben", reason="the network is mended"
    )
    assert len(done) == 2
    assert list_anomalies(faults) == []
    assert resolve_all(faults, Question(workflow="a"), by="ben", reason="again") == []
    [*_, last] = faults.execute(text("SELECT action, by, reason, details FROM core_audit ORDER BY audit_id")).all()
    question = {"workflow": "a", "categories": "('TIMEOUT',)"}
    details = {"anomalies": 2, "question": question}
    assert tuple(last) == ("resolve anomalies", "ben", "the network is mended", details)


def test_a_limit_that_is_closed_for_ever_says_so_until_it_is_opened(connection):
    close_limit(connection, "source", None, by="ann", reason="asked")
    [state] = list_limits(connection)
    assert (state.is_closed, state.closed_until, state.closed_by, state.closed_reason) == (True, None, "ann", "asked")
    open_limit(connection, "source", by="ben", reason="done")
    assert [state.is_closed for state in list_limits(connection)] == [False]
