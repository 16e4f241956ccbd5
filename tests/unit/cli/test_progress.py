"""What a person sees of the steps of a run."""

import io
import re
from datetime import UTC, datetime, timedelta

from rich.console import Console

from spine_temporal.cli.progress import Progress, step_text
from spine_temporal.client.attempts import Attempt
from spine_temporal.definition.run_result import StepExecution, StepStatus, WorkflowResult, WorkflowStatus

NOW = datetime.now(UTC)


def step(status, name="ingest", **values):
    return StepExecution(step_name=name, step_type="pipeline", status=status, **values)


def progress(*steps, **outputs):
    return WorkflowResult(
        workflow_name="w",
        run_id="r",
        status=WorkflowStatus.RUNNING,
        started_at=NOW,
        step_executions=steps,
        outputs=outputs,
    )


def shown(console_is_terminal, *looks):
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=console_is_terminal, color_system=None, highlight=False)
    with Progress(console) as display:
        for look, attempts in looks:
            display.show(look, attempts)
    return file.getvalue()


def test_a_step_that_runs_says_for_how_long_how_far_and_which_attempt():
    attempt = Attempt(step="ingest", number=2, failures=1, of=3, progress=("rows", 12000), error="[red]no source[/]")
    text = step_text(step(StepStatus.RUNNING, started_at=NOW - timedelta(seconds=75)), None, attempt, 80).plain
    first, second = text.split("\n")
    assert re.fullmatch(r"RUNNING    ingest {12,}[\d,]+\.\d\d s  12,000 rows, attempt 2 of 3", first)
    assert second == "           after: [red]no source[/]"


def test_no_line_of_a_step_is_wider_than_the_terminal():
    error = "the vendor's file of this week has fewer lines than the one of last week, which cannot be, so look at it"
    ended = step(
        StepStatus.FAILED, "validate_normalize", duration_seconds=1.5, error=error, error_category="QUALITY_GATE"
    )
    lines = step_text(ended, 5000, None, 80).plain.split("\n")
    assert all(len(line) <= 80 for line in lines)
    assert " ".join(line.strip() for line in lines[1:]) == f"{error} (QUALITY_GATE)"


def test_where_lines_stay_a_step_is_told_when_it_begins_is_tried_again_and_ends():
    again = {"ingest": Attempt(step="ingest", number=2, failures=1, of=3, error="no source")}
    running = progress(step(StepStatus.RUNNING, started_at=NOW))
    ended = progress(step(StepStatus.COMPLETED, duration_seconds=2.0), ingest={"row_count": 5000})
    text = shown(False, (running, {}), (running, {}), (running, again), (running, again), (ended, {}), (ended, {}))
    assert [line.split()[0] for line in text.splitlines()] == ["RUNNING", "RUNNING", "after:", "COMPLETED"]
    assert text.splitlines()[-1] == "COMPLETED  ingest                    2.00 s  5,000 rows"


def test_on_a_terminal_what_runs_stands_below_what_has_ended():
    running = progress(
        step(StepStatus.COMPLETED, duration_seconds=2.0), step(StepStatus.RUNNING, "load", started_at=NOW)
    )
    text = shown(True, (running, {}))
    assert text.index("COMPLETED") < text.index("RUNNING")
    assert "\x1b[2K" in text  # the line of what runs is drawn anew


def test_outputs_that_were_left_out_or_are_of_another_shape_have_no_rows():
    ended = progress(step(StepStatus.COMPLETED), ingest=["a", "list"])
    assert "rows" not in shown(False, (ended, {}))
