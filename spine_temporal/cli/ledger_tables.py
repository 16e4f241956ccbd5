"""How rows of runs and executions are shown to a person."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import typer

from spine_temporal.cli.layout import Column, table, width_of
from spine_temporal.cli.printing import say


def print_runs(rows: Sequence[Mapping[str, Any]], *, nothing: str) -> None:
    """Print a line for each run: how it ended or stands, and the workflow id that other commands take."""
    columns = (
        Column(title="STATUS"),
        Column(title="STARTED (UTC)"),
        Column(title="TOOK", right=True),
        Column(title="WORKFLOW ID", below=True),
        Column(title="AT"),
    )
    cells = [
        (row["status"], row["started_at"], took(row["started_at"], row["completed_at"]), row["workflow_id"], _at(row))
        for row in rows
    ]
    _print(columns, cells, nothing)


def print_executions(rows: Sequence[Mapping[str, Any]], *, nothing: str) -> None:
    """Print a line for each execution, with its last error."""
    columns = (
        Column(title="STATUS"),
        Column(title="STEP"),
        Column(title="STARTED (UTC)"),
        Column(title="TOOK", right=True),
        Column(title="ATTEMPTS", right=True),
        Column(title="ROWS", right=True),
        Column(title="WORKFLOW ID", below=True),
        Column(title="ERROR", below=True),
    )
    cells = [
        (
            row["status"],
            row["step"],
            row["started_at"],
            took(row["started_at"], row["completed_at"]),
            row["attempt"] + row["lost"],
            row["row_count"],
            row["workflow_id"],
            next(iter((row["error"] or "").splitlines()), ""),
        )
        for row in rows
    ]
    _print(columns, cells, nothing)


def took(started: datetime, completed: datetime | None) -> str:
    """Return how long something took, or takes already."""
    seconds = ((completed or datetime.now(UTC)) - started).total_seconds()
    return f"{max(seconds, 0):,.1f} s"


def _at(row: Mapping[str, Any]) -> str:
    """Return the step that failed, and of what."""
    return ": ".join(part for part in (row["error_step"], row["error_category"]) if part)


def _print(columns: Sequence[Column], cells: Sequence[Sequence[Any]], nothing: str) -> None:
    if cells:
        typer.echo(table(columns, cells, width_of()))
    else:
        say(nothing)
