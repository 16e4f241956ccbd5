"""How results and rows are shown to a person, and as JSON to a program."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from spine_temporal.definition.outcome import StepExecution, StepStatus, WorkflowResult, WorkflowStatus

_COLOURS = {
    StepStatus.COMPLETED: "green",
    StepStatus.FAILED: "red",
    StepStatus.SKIPPED: "dim",
    StepStatus.RUNNING: "yellow",
    StepStatus.CANCELLED: "magenta",
    StepStatus.HELD: "magenta",
}

#: Progress goes to stderr, so that stdout holds the result alone.
progress_console = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print data as JSON; what JSON has no form for, as its string."""
    typer.echo(json.dumps(value, default=str, indent=2))


def print_result(result: WorkflowResult, *, as_json: bool) -> None:
    """Print what a run came to."""
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
        return
    typer.echo(f"Status: {result.status}")
    done = "Would run" if result.is_dry_run else "Completed steps"
    typer.echo(f"{done}: {', '.join(result.completed_steps) or 'none'}")
    if result.skipped_steps:
        typer.echo(f"Skipped steps: {', '.join(result.skipped_steps)}")
    for step in result.step_executions:
        if step.status is StepStatus.FAILED and step.step_name != result.error_step:
            typer.echo(f"Failed step {step.step_name}: {step.error} ({step.error_category})")
    if result.error:
        where = f" at {result.error_step}" if result.error_step else ""
        typer.echo(f"Error{where}: {result.error} ({result.error_category})")
    if result.is_dry_run:
        typer.echo("Dry run: no pipeline was run and nothing was written; pipelines gave their sample_output")
        return
    if result.duration_seconds is not None:
        typer.echo(f"Duration: {result.duration_seconds:.2f} s")
    typer.echo(f"Run: {result.run_id}")


def exit_code(result: WorkflowResult) -> int:
    """Return what a script learns of a run: 0 where it completed, else 1."""
    return 0 if result.status in {WorkflowStatus.COMPLETED, WorkflowStatus.PARTIAL} else 1


def step_line(step: StepExecution, rows: Any = None) -> str:
    """Return one step as a line of progress."""
    colour = _COLOURS[step.status]
    seconds = "" if step.duration_seconds is None else f"{step.duration_seconds:8.2f} s"
    count = f"{rows:>12,} rows" if isinstance(rows, int) else ""
    error = f"  {step.error}" if step.error else ""
    kept = "  kept" if step.kept_from else ""
    reason = f"  left out: {step.reason}" if step.reason else ""
    decision = f"  {step.decision}" if step.decision else ""
    items = f"  {step.items.completed} of {step.items.total} items" if step.items else ""
    reason += f"{decision}{items}"
    return f"[{colour}]{step.status.value:<10}[/] {step.step_name:<24} {seconds:>10} {count}{error}{kept}{reason}"


def anomaly_lines(row: Mapping[str, Any]) -> list[str]:
    """Return an anomaly as a few lines: what, how often, why; who looks after it, and how it was resolved."""
    times = "once" if row["occurrences"] == 1 else f"{row['occurrences']} times"
    partition = _cell(row["partition_key"])
    lines = [
        f"{str(row['anomaly_id'])[:8]}  {row['state']:<12}  {row['severity']}  {row['category']}  {row['stage']}",
        f"          {partition}",
        f"          {row['message']}",
        f"          {times}, last {_cell(row['last_seen_at'])} UTC",
    ]
    if row["acknowledged_at"] is not None:
        lines.append(f"          acknowledged by {row['acknowledged_by']}, {_cell(row['acknowledged_at'])} UTC")
    if row["resolved_at"] is not None:
        by = f" by {row['resolved_by']}" if row["resolved_by"] else ""
        lines.append(f"          resolved{by}, {_cell(row['resolved_at'])} UTC: {row['resolution']}")
    return lines


def print_rows(rows: Iterable[Mapping[str, Any]], columns: Iterable[str], *, as_json: bool, title: str) -> None:
    """Print database rows as a table, or as an array of objects with the columns' names."""
    listed = [dict(row) for row in rows]
    if as_json:
        print_json(listed)
        return
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in listed:
        table.add_row(*(_cell(row[column]) for column in columns))
    Console(highlight=False).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    return str(value)
