"""Deadlines: what is judged when, each partition once, and what people are told of it."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from spine_temporal import CalendarRule, Deadline, ParamsError, Pipeline, Step, Weekdays, Workflow, register_pipeline
from spine_temporal.operating.lateness import due, judging
from spine_temporal.operating.lateness.judging import judge_deadline
from spine_temporal.recording.lateness import Lateness, list_lateness

HOUR = timedelta(hours=1)


@register_pipeline("lateness.load")
class Load(Pipeline):
    def run(self):
        return {}


WEEKLY = Workflow(name="lateness.weekly", partition_by=("monday",), steps=[Step.pipeline("load", "lateness.load")])
ANY = Workflow(name="lateness.any", steps=[Step.pipeline("load", "lateness.load")])


def monday_of(scheduled, calendar):
    return {"monday": scheduled.date().isoformat()}


RULE = CalendarRule(calendar=Weekdays("Monday"), at="12:00", time_zone="America/New_York")
NOON = Deadline(workflow=WEEKLY, by=RULE, params=monday_of)


def due_at(day):
    return RULE.on(date.fromisoformat(day)).astimezone(UTC)


def run(database, day, *, completed_at=None, status="COMPLETED", workflow=WEEKLY.name):
    """Write a run's row, as its begin and its end would."""
    run_id = f"run-{day}-{completed_at}-{status}"
    with database.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO core_runs
                (run_id, workflow_id, workflow, domain, partition_key, status, started_at, completed_at, params, plan)
                VALUES (:run_id, :id, :workflow, :domain, CAST(:key AS jsonb), :status, :at, :completed_at, '{}', '{}')
            """),
            {
                "run_id": run_id,
                "id": f"{workflow}/monday={day}",
                "workflow": workflow,
                "domain": f"workflow.{workflow}",
                "key": json.dumps({"monday": day}),
                "status": status,
                "at": (completed_at or due_at(day)) - HOUR,
                "completed_at": completed_at,
            },
        )
    return run_id


def rows(database, query):
    with database.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def states(database):
    found = rows(database, "SELECT partition_key ->> 'monday', state FROM core_lateness ORDER BY due_at")
    return dict(found)


def told(database):
    return rows(database, "SELECT kind, message FROM core_outbox ORDER BY created_at, message")


def test_what_was_due_before_it_was_watched_is_nobodys_to_judge(database):
    assert judge_deadline(database, NOON, due_at("2025-03-10") + HOUR) == []
    assert states(database) == {}
    assert judge_deadline(database, NOON, due_at("2025-03-17") - HOUR) == []


def test_on_time_late_and_recovered_are_each_told_once(database):
    judge_deadline(database, NOON, due_at("2025-03-03") - HOUR)
    run(database, "2025-03-03", completed_at=due_at("2025-03-03"))
    failed = run(database, "2025-03-17", status="FAILED", completed_at=due_at("2025-03-17") - HOUR)
    for _ in range(2):
        judge_deadline(database, NOON, due_at("2025-03-17") + HOUR)
    assert states(database) == {"2025-03-03": "on time", "2025-03-10": "late", "2025-03-17": "late"}
    assert told(database) == [
        ("late", "it was to be complete by 2025-03-10T16:00:00Z: no run of it was ever started"),
        ("late", f"it was to be complete by 2025-03-17T16:00:00Z: run {failed} is FAILED"),
    ]
    assert (
        rows(database, "SELECT category, severity, resolved_at FROM core_anomalies")
        == [("LATE_PARTITION", "ERROR", None)] * 2
    )

    late = run(database, "2025-03-10", completed_at=due_at("2025-03-10") + timedelta(hours=26, minutes=5))
    for _ in range(2):
        judge_deadline(database, NOON, due_at("2025-03-17") + 2 * HOUR)
    assert states(database)["2025-03-10"] == "recovered"
    assert told(database)[2:] == [
        ("recovered", f"it was to be complete by 2025-03-10T16:00:00Z: run {late} completed it, 1 day, 2:05:00 late")
    ]
    assert rows(database, "SELECT resolved_by, resolution FROM core_anomalies WHERE resolved_at IS NOT NULL") == [
        (late, f"run {late} completed it, 1 day, 2:05:00 late")
    ]
    with database.begin() as connection:
        shown = list_lateness(connection, workflow=WEEKLY.name)
        assert [(one.state, one.late_by, one.run_status) for one in shown] == [
            (Lateness.LATE, "", "FAILED"),
            (Lateness.RECOVERED, "1 day, 2:05:00", "COMPLETED"),
            (Lateness.ON_TIME, "", "COMPLETED"),
        ]
        assert len(list_lateness(connection, states=[Lateness.LATE])) == 1
    now = run(database, "2025-03-17", status="RUNNING")
    with database.begin() as connection:
        [still_late] = list_lateness(connection, states=[Lateness.LATE])
        assert (still_late.run_id, still_late.run_status) == (now, "RUNNING")
        assert list_lateness(connection, workflow="another") == []


def test_what_completed_late_before_anybody_judged_it_is_told_as_recovered_alone(database):
    judge_deadline(database, NOON, due_at("2025-03-10") - HOUR)
    late = run(database, "2025-03-10", completed_at=due_at("2025-03-10") + HOUR)
    judge_deadline(database, NOON, due_at("2025-03-10") + 2 * HOUR)
    assert states(database) == {"2025-03-10": "recovered"}
    assert [kind for kind, _ in told(database)] == ["recovered"]
    assert rows(database, "SELECT category, resolved_by FROM core_anomalies") == [("LATE_PARTITION", late)]


def test_a_run_again_after_the_deadline_makes_no_partition_late(database):
    judge_deadline(database, NOON, due_at("2025-03-10") - HOUR)
    run(database, "2025-03-10", completed_at=due_at("2025-03-10") - HOUR)
    run(database, "2025-03-10", completed_at=due_at("2025-03-10") + HOUR)
    judge_deadline(database, NOON, due_at("2025-03-10") + 2 * HOUR)
    assert states(database) == {"2025-03-10": "on time"}


def test_a_year_that_nobody_judged_is_judged_in_parts_each_partition_once(database, monkeypatch):
    monkeypatch.setattr(due, "AT_ONCE", 7)
    judge_deadline(database, NOON, due_at("2024-12-30"))
    found = judge_deadline(database, NOON, due_at("2025-12-29"))
    assert len(found) == len(states(database)) == 52
    assert set(states(database).values()) == {"late"}
    assert len(told(database)) == 52
    [(until,)] = rows(database, "SELECT judged_until FROM core_deadlines")
    assert until == due_at("2025-12-29")
    assert judge_deadline(database, NOON, due_at("2025-06-30")) == []
    assert rows(database, "SELECT judged_until FROM core_deadlines") == [(until,)]


def test_who_dies_while_it_judges_has_told_nothing_and_the_next_tells_all(database, monkeypatch):
    judge_deadline(database, NOON, due_at("2025-03-03"))
    with monkeypatch.context() as patch:
        patch.setattr(judging, "report_fault", _dies)
        with pytest.raises(ConnectionError):
            judge_deadline(database, NOON, due_at("2025-03-10"))
    assert (states(database), told(database)) == ({}, [])
    judge_deadline(database, NOON, due_at("2025-03-10"))
    assert (states(database), len(told(database))) == ({"2025-03-10": "late"}, 1)


def _dies(*_):
    raise ConnectionError


def test_two_that_judge_at_once_tell_each_partition_once(database):
    judge_deadline(database, NOON, due_at("2025-01-06") - HOUR)
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda _: judge_deadline(database, NOON, due_at("2025-12-29")), range(4)))
    assert sorted(map(len, found)) == [0, 0, 0, 52]
    assert len(told(database)) == 52


def test_nothing_is_written_of_a_deadline_whose_params_are_none(database):
    judge_deadline(database, NOON, due_at("2025-03-03"))
    wrong = Deadline(workflow=WEEKLY, by=RULE, params=lambda scheduled, calendar: {"tuesday": 1})
    with pytest.raises(ParamsError, match="param 'monday' is missing"):
        judge_deadline(database, wrong, due_at("2025-03-10"))
    assert states(database) == {}
    judge_deadline(database, NOON, due_at("2025-03-10"))
    assert states(database) == {"2025-03-10": "late"}
    own = Deadline(workflow=ANY, by=RULE, params=lambda scheduled, calendar: {})
    judge_deadline(database, own, due_at("2025-03-03"))
    with pytest.raises(ParamsError, match="give it partition_by"):
        judge_deadline(database, own, due_at("2025-03-10"))


def test_the_newest_due_time_is_judged_at_that_very_moment(database):
    judge_deadline(database, NOON, datetime(2025, 3, 9, tzinfo=UTC))
    judge_deadline(database, NOON, due_at("2025-03-10"))
    assert states(database) == {"2025-03-10": "late"}
