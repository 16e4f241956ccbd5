"""Rows stand under one heading for each workflow, and fit 80 columns."""

from datetime import UTC, datetime

import pytest

from spine_temporal.cli.printing import print_anomalies, print_manifest, print_quality, print_result
from spine_temporal.definition.run_result import StepExecution, StepStatus, WorkflowResult, WorkflowStatus

AT = datetime(2025, 11, 28, 12, 30, tzinfo=UTC)
WORKFLOW = "finra.otc_transparency.weekly_refresh"
PARTITION = {"tier": "NMS_TIER_1", "week_ending": "2025-11-28"}


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def lines_of(capsys):
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    return lines


def stage(name, workflow=WORKFLOW):
    return {
        "domain": f"workflow.{workflow}", "partition_key": PARTITION, "stage": name, "row_count": 4655, "updated_at": AT
    }  # fmt: skip


def test_the_manifest_has_each_workflow_and_each_partition_once(capsys):
    print_manifest([stage("COMPLETED"), stage("STEP_VALIDATE_NORMALIZE"), stage("STARTED", "other")], nothing="none")
    lines = lines_of(capsys)
    assert [line for line in lines if line and not line.startswith(" ")] == [WORKFLOW, "other"]
    assert sum("week_ending=2025-11-28" in line for line in lines) == 2
    print_manifest([], nothing="none")
    assert lines_of(capsys) == ["none"]


def test_quality_says_what_each_run_measured(capsys):
    measured = {"workflow": WORKFLOW, "run_id": "r", "partition_key": PARTITION, "measured_at": AT}
    check = {"step": "validate_normalize", "check_name": "duplicate_conflict_keys", "value": 0.000214823}
    print_quality([measured | check | {"threshold": 1000.0, "passed": False}], nothing="none")
    lines = lines_of(capsys)
    assert lines[0] == WORKFLOW
    assert lines[1] == "  tier=NMS_TIER_1, week_ending=2025-11-28  2025-11-28 12:30:00 UTC"
    assert lines[3].split() == ["validate_normalize", "duplicate_conflict_keys", "0.000214823", "1,000", "no"]


def test_an_anomaly_has_its_category_and_the_id_that_other_commands_take_on_one_line(capsys):
    identity = f"{WORKFLOW}/week_ending=2025-11-28,tier=OTC"
    anomaly = {
        "workflow": WORKFLOW, "workflow_id": identity, "domain": "finra", "anomaly_id": "4336c633-1", "state": "open",
        "severity": "ERROR", "category": "WORKFLOW_FAILURE", "metadata": {"failure_category": "QUALITY_GATE"},
        "stage": "workflow.validate_ingest", "partition_key": PARTITION, "message": "[red]too[/] few\x1b[2J " * 10,
        "occurrences": 2, "last_seen_at": AT, "acknowledged_at": None, "resolved_at": None,
    }  # fmt: skip
    print_anomalies([anomaly], nothing="none")
    lines = lines_of(capsys)
    assert lines[0] == WORKFLOW
    assert lines[1] == "  4336c633  open  ERROR  WORKFLOW_FAILURE (QUALITY_GATE)"
    assert f"    {identity}" in lines
    assert "[red]too[/] few [2J" in " ".join(lines)


def test_a_run_with_a_held_gate_is_held_and_an_error_is_no_markup(capsys):
    error = "[bold]too few[/] records were ingested for this week, which is a long story to tell in one line of text"
    gate = StepExecution(step_name="check", step_type="lambda", status=StepStatus.HELD, error=error, error_category="X")
    running = WorkflowResult(
        workflow_name="w", run_id="r", status=WorkflowStatus.RUNNING, started_at=AT, step_executions=[gate]
    )
    print_result(running, as_json=False)
    lines = lines_of(capsys)
    assert lines[0] == "Status: HELD at check"
    assert f"Held gate check: {error} (X)" in " ".join(line.strip() for line in lines)
