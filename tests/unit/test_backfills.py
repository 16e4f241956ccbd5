"""What a backfill does with each partition, decided from what is known of it; and how it is summed up."""

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import BaseModel
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError

from spine_temporal import Step, StepResult, Workflow
from spine_temporal.client.coverage import due_later
from spine_temporal.definition.backfill import BackfillPartitionStatus, BackfillStatus, Reprocess, SkipReason
from spine_temporal.definition.calendar import Weekdays
from spine_temporal.definition.calendar_rule import CalendarRule
from spine_temporal.definition.deadline import Deadline
from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.over import read_over
from spine_temporal.definition.run_result import WorkflowResult, WorkflowStatus
from spine_temporal.operating.backfill.details import duration, summary_details
from spine_temporal.operating.backfill.messages import change_of
from spine_temporal.operating.backfill.partition_runs import end_without_row
from spine_temporal.operating.backfill.planning import planned
from spine_temporal.operating.backfill.summary import summary_of
from spine_temporal.operating.backfill.turns import resumed_of, skip_of
from spine_temporal.recording.backfill_partitions import BackfillPartition, PartitionCount
from spine_temporal.recording.backfills import BackfillRow
from spine_temporal.recording.partition_states import PartitionState

TODAY = date(2025, 6, 2)
NOW = datetime(2025, 6, 2, 12, tzinfo=UTC)


class Params(BaseModel):
    week: date
    tier: str = "OTC"


WEEKLY = Workflow(
    name="weekly",
    params_model=Params,
    partition_by=("week", "tier"),
    steps=[Step.lambda_("look", lambda _ctx, _config: StepResult.ok())],
)


def row(**values):
    given = {"position": 0, "params": {}, "partition_key": {}, "workflow_id": "w/a=1", "not_before": None}
    return BackfillPartition(**given | values)


def state(**values):
    nothing = dict.fromkeys(PartitionState.__dataclass_fields__)
    return PartitionState(**nothing | values)


def test_each_combination_is_a_partition_in_the_order_of_its_turn():
    rows = planned(WEEKLY, read_over(["tier=A,B", "week=2025-01-03..2025-01-10:7d"]), {}, newest_first=True)
    assert [one.workflow_id for one in rows] == [
        f"weekly/week=2025-01-{day},tier={tier}" for day in ("10", "03") for tier in "AB"
    ]
    assert rows[0].not_before == date(2025, 1, 10)


def test_one_that_the_workflow_refuses_has_that_as_its_reason():
    refused, same = planned(WEEKLY, read_over(["week=nonsense,2025-01-03"]), {}), None
    assert [one.reason for one in refused] == [SkipReason.REFUSED, None]
    assert "week" in refused[0].detail
    same = planned(WEEKLY, read_over(["week=2025-01-03,2025-01-03T00:00:00"]), {})
    assert [(one.reason, one.detail) for one in same] == [
        (None, None), (SkipReason.SAME, "the same partition as week=2025-01-03"),
    ]  # fmt: skip
    with pytest.raises(ParamsError, match="none of the 2 partitions can be run; the first: unknown param 'wek'"):
        planned(WEEKLY, read_over(["wek=1,2"]), {})


@pytest.mark.parametrize(
    ("found", "reprocess", "reason"),
    [
        ({}, "missing", None),
        ({"status": "COMPLETED", "run_id": "r"}, "failed", SkipReason.COMPLETE),
        ({"status": "COMPLETED", "run_id": "r"}, "all", None),
        ({"status": "FAILED", "run_id": "r"}, "missing", SkipReason.FAILED_BEFORE),
        ({"status": "FAILED", "run_id": "r"}, "failed", None),
        ({"status": "PARTIAL", "run_id": "r"}, "failed", None),
        ({"status": "COMPLETED", "holder": "h"}, "all", SkipReason.BUSY),
        ({"holder": "h", "held_stage": "workflow.gate"}, "all", SkipReason.HELD),
    ],
)
def test_what_is_known_of_a_partition_decides_whether_it_is_run(found, reprocess, reason):
    skip = skip_of(row(), state(**found), Reprocess(reprocess), TODAY)
    assert (skip.reason if skip else None) is reason


def test_a_day_that_has_not_come_is_not_run():
    assert skip_of(row(not_before=TODAY), state(), Reprocess.ALL, TODAY) is None
    skip = skip_of(row(not_before=TODAY + timedelta(days=1)), state(), Reprocess.ALL, TODAY)
    assert (skip.reason, skip.detail) == (SkipReason.FUTURE, "2025-06-03 has not come: today is 2025-06-02 in UTC")


@pytest.mark.parametrize(
    ("workflow_id", "reprocess", "resumed"),
    [("w/a=1", "failed", "r"), ("w/a=1", "all", None), ("of-another", "failed", None)],
)
def test_a_failed_run_is_resumed_under_its_own_id(workflow_id, reprocess, resumed):
    found = state(status="FAILED", run_id="r", workflow_id=workflow_id)
    assert resumed_of(row(), found, Reprocess(reprocess)) == resumed


def test_a_run_that_has_no_row_says_why():
    complete = WorkflowResult(
        workflow_name="w", run_id="r", status=WorkflowStatus.COMPLETED, started_at=NOW, reused=True
    )
    cancelled = BackfillPartitionStatus.CANCELLED
    assert end_without_row(complete).detail == "completed by run r"
    assert end_without_row(ApplicationError("held by x", type="PARTITION_BUSY")).reason is SkipReason.BUSY
    assert end_without_row(ApplicationError("other params", type="CONFIGURATION")).reason is SkipReason.REFUSED
    for found in (CancelledError("c"), TerminatedError("t"), None):
        assert end_without_row(found).status is cancelled


def test_a_summary_counts_and_says_how_long_the_rest_takes():
    summary = summary_of(backfill(), [
        count("COMPLETED", 30, first=NOW - timedelta(seconds=60)), count("FAILED", 2, category="TIMEOUT"),
        count("SKIPPED", 4, reason=SkipReason.BUSY), count("RUNNING", 4), count("WAITING", 60),
    ], NOW)  # fmt: skip
    assert summary.partitions == {"COMPLETED": 30, "FAILED": 2, "SKIPPED": 4, "RUNNING": 4, "WAITING": 60}
    assert (summary.skipped, summary.failures) == ({"BUSY": 4}, {"TIMEOUT": 2})
    assert summary.seconds_left == pytest.approx(120)
    shown = summary_details(summary, "default")
    assert "**RUNNING**: `weekly`, at most 4 at a time" in shown
    assert "0.53 runs a second, about 2 min 0 s left" in shown
    assert "| `TIMEOUT` | 2 |" in shown
    assert "| `BUSY` | 4 |" in shown


def test_what_is_due_later_is_known_from_the_workflows_deadlines():
    by = CalendarRule(calendar=Weekdays("Monday"), at="12:00")
    deadline = Deadline(workflow=WEEKLY, by=by, params=lambda due, _calendar: {"week": str(due.date())})
    due = due_later([deadline], NOW)
    assert len(due) == 52
    assert due['{"tier":"OTC","week":"2025-06-09"}'] == datetime(2025, 6, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize(("seconds", "text"), [(12.4, "12 s"), (185, "3 min 5 s"), (4800, "1 h 20 min")])
def test_a_duration_has_two_units(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("action", "given", "sentence"),
    [
        ("pause", "now", "pause takes a JSON object"),
        ("pause", {"because": "x"}, "pause: because: Extra inputs are not permitted"),
        ("set", {}, "set: max_parallel is missing"),
        ("set", {"max_parallel": 0}, "set: max_parallel: Input should be greater than or equal to 1"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_with_a_sentence(action, given, sentence):
    with pytest.raises(ParamsError) as refused:
        change_of(action, given)
    assert sentence in str(refused.value)


def backfill():
    return BackfillRow(
        backfill_id="b", workflow="weekly", domain="weekly", over={}, params={}, reprocess="failed", max_parallel=4,
        status=BackfillStatus.RUNNING, task_queue="q", total=100, by="", told=None, created_at=NOW, completed_at=None,
    )  # fmt: skip


def count(status, number, *, reason=None, category=None, first=None):
    return PartitionCount(
        backfill_id="b", status=BackfillPartitionStatus(status), reason=reason, category=category, count=number,
        first=first, last=None,
    )  # fmt: skip
