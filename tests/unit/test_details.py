"""What the Web UI shows of a run, written from its state."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from spine_temporal import QualityCheck, QualityMetrics, Step, StepResult, Workflow
from spine_temporal.definition.run_result import WorkflowStatus
from spine_temporal.machine.machine import advance, start
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.state import Run, StepEnded
from spine_temporal.machine.step_outcome import Completed, Failed
from spine_temporal.translation.details import current_details, earlier_details, ended_details, recorded_details

BEGAN = datetime(2026, 1, 2, tzinfo=UTC)
WORKFLOW = Workflow(
    name="details",
    steps=[
        Step.pipeline("ingest", "details.ingest"),
        Step.lambda_("check", lambda ctx, config: StepResult.ok(), on_error="HOLD"),
        Step.lambda_("look", lambda ctx, config: StepResult.ok()),
    ],
)


def after(*outcomes):
    state, _ = start(plan_of(WORKFLOW), Run(run_id="run", started_at=BEGAN))
    for number, outcome in enumerate(outcomes, 1):
        state, _ = advance(state, StepEnded(outcome=outcome, at=BEGAN + timedelta(seconds=number)))
    return state


def rows(details):
    """Return the table's cells below its head."""
    lines = [line for line in details.splitlines() if line.startswith("|")]
    return [[cell.strip(" \u2003") for cell in line.strip("|").split("|")] for line in lines[2:]]


INGESTED = Completed(step="ingest", output={"row_count": 7}, attempt=2)


def test_a_running_pipeline_says_how_many_attempts_it_has():
    details = current_details(after())
    assert details.startswith("**RUNNING**\n\nRuns: `ingest` (pipeline `details.ingest`, up to 3 attempts)")
    assert rows(details)[1] == ["check", "gate", "-", "", "", ""]


def test_a_held_gate_is_the_first_thing_that_is_said():
    details = current_details(after(INGESTED, Failed(step="check", error="a | b", category="QUALITY_GATE")))
    assert details.startswith("**HELD**\n\nWaits: `check` is held for a person (QUALITY_GATE: a \\| b)")
    assert rows(details)[:2] == [
        ["ingest", "pipeline", "COMPLETED", "2", "1.00", "7"],
        ["check", "gate", "HELD", "", "", ""],
    ]


def test_a_run_that_has_ended_says_how_at_which_step_and_after_how_long():
    failed = Failed(step="look", error="KeyError: 'x' (gates.py:3 in look)", category="INTERNAL")
    state = after(INGESTED, Completed(step="check"), failed)
    details = ended_details(state, state.result)
    assert details.startswith(
        "**FAILED at look (INTERNAL)** after 3.00 s\n\n`look` failed (INTERNAL): KeyError: 'x' (gates.py:3 in look)\n\n"
    )
    assert [row[2] for row in rows(details)] == ["COMPLETED", "COMPLETED", "FAILED"]


def test_a_run_that_completed_says_so_and_one_that_had_nothing_to_do_whose_result_it_gives():
    state = after(INGESTED, Completed(step="check"), Completed(step="look"))
    assert state.status is WorkflowStatus.COMPLETED
    assert ended_details(state, state.result).startswith("**COMPLETED** after 3.00 s\n\n| step")
    assert "Already completed by run `run` at" in earlier_details(state.result)


def test_a_run_of_which_only_its_recorded_end_is_known_is_shown_as_it_was_when_it_ended():
    failed = Failed(step="look", error="no rows", category="DATA_QUALITY")
    for last in (Completed(step="look"), failed):
        state = after(INGESTED, Completed(step="check"), last)
        assert recorded_details(state.result) == ended_details(state, state.result)


def test_checks_stand_below_the_steps_with_value_and_threshold_and_those_that_failed_first():
    look = QualityCheck.at_least
    quality = {
        "check": asdict(QualityMetrics.of(look("rows", 299, 1000), QualityCheck.at_most("nulls | share", 0.012, 0.05))),
        "look": asdict(QualityMetrics.of(look("symbols", 1_234_567, 1), look("days", 4, 5))),
    }
    details = current_details(after(), qualities=quality)
    table = details.split("\n\n")[-1]
    assert rows(table) == [
        ["FAILED", "check", "rows", "299", "1,000"],
        ["FAILED", "look", "days", "4", "5"],
        ["passed", "check", "nulls \\", "share", "0.012", "0.05"],
        ["passed", "look", "symbols", "1,234,567", "1"],
    ]
    many = {"check": asdict(QualityMetrics.of(*(look(f"c{number}", number, 1) for number in range(50))))}
    assert ended_details(after(), after().result, many).endswith("and 10 more: `spine-temporal quality`")
