"""How results and rows are shown to a person, and as JSON to a program."""

import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import typer

from spine_temporal.cli.layout import Column, cell, paragraph, table, width_of
from spine_temporal.definition.run_result import StepStatus, WorkflowResult, WorkflowStatus


def print_json(value: Any) -> None:
    """Print data as JSON; what JSON has no form for, as its string."""
    typer.echo(json.dumps(value, default=str, indent=2))


def print_json_lines(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print each row as JSON on a line of its own, at once."""
    for row in rows:
        typer.echo(json.dumps(row, default=str))


def say(text: str, *, indent: str = "", hanging: str | None = None, err: bool = False) -> None:
    """Print text, wrapped between words where there is a terminal."""
    typer.echo(paragraph(text, width_of(), indent=indent, hanging=hanging), err=err)


def print_result(result: WorkflowResult, *, as_json: bool) -> None:
    """Print what a run came to."""
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
        return
    held = [step.step_name for step in result.step_executions if step.status is StepStatus.HELD]
    _field("Status", f"HELD at {', '.join(held)}" if held else str(result.status))
    if result.reused:
        say(reused_line(result))
    _print_steps(result)
    if result.is_dry_run:
        say("Dry run: no pipeline was run and nothing was written; pipelines gave their sample_output")
        return
    if result.duration_seconds is not None:
        _field("Duration", f"{result.duration_seconds:,.2f} s")
    _field("Run", result.run_id)


def reused_line(result: WorkflowResult) -> str:
    """Return that nothing was done, since when, and what would do it again."""
    at = f" at {result.completed_at:%Y-%m-%d %H:%M:%S} UTC" if result.completed_at else ""
    return f"already completed by run {result.run_id}{at}: nothing was done; --force runs it again"


def _print_steps(result: WorkflowResult) -> None:
    done = "Would run" if result.is_dry_run else "Completed steps"
    _field(done, ", ".join(result.completed_steps) or "none")
    if result.skipped_steps:
        _field("Skipped steps", ", ".join(result.skipped_steps))
    for step in result.step_executions:
        if step.status is StepStatus.FAILED and step.step_name != result.error_step:
            _field(f"Failed step {step.step_name}", f"{step.error} ({step.error_category})")
        if step.status is StepStatus.HELD:
            _field(f"Held gate {step.step_name}", f"{step.error} ({step.error_category})")
    if result.error:
        where = f" at {result.error_step}" if result.error_step else ""
        _field(f"Error{where}", f"{result.error} ({result.error_category})")


def _field(name: str, value: str) -> None:
    say(f"{name}: {value}", hanging="  ")


def how_to_decide(workflow_id: str, step: str) -> list[str]:
    """Return what a person can do about a gate that is held, line by line."""
    what = f"{shlex.quote(workflow_id)} {shlex.quote(step)} --reason TEXT"
    return [
        f"{step} is held for a person: waive lets it pass, retry-step asks it again, abort fails the run",
        f"  spine-temporal waive {what}",
        f"  spine-temporal retry-step {what}",
        f"  spine-temporal abort {what}",
    ]


def exit_code(result: WorkflowResult) -> int:
    """Return what a script learns of a run: 0 where it completed, else 1."""
    return 0 if result.status in {WorkflowStatus.COMPLETED, WorkflowStatus.PARTIAL} else 1


def print_manifest(rows: Iterable[Mapping[str, Any]], *, nothing: str) -> None:
    """Print how far each partition has come, under its workflow."""
    columns = (
        Column(title="PARTITION"),
        Column(title="STAGE"),
        Column(title="ROWS", right=True),
        Column(title="WHEN (UTC)"),
    )
    for group in _under_headings(rows, lambda row: row["domain"].removeprefix("workflow."), nothing):
        cells = [(row["partition_key"], row["stage"], row["row_count"], row["updated_at"]) for row in group]
        typer.echo(table(columns, _once(cells), width_of(), indent="  "))


def print_quality(rows: Iterable[Mapping[str, Any]], *, nothing: str) -> None:
    """Print what each run measured of its partition, under its workflow."""
    columns = (
        Column(title="STEP"),
        Column(title="CHECK"),
        Column(title="VALUE", right=True),
        Column(title="THRESHOLD", right=True),
        Column(title="PASSED"),
    )
    for group in _under_headings(rows, lambda row: row["workflow"], nothing):
        for run in _grouped(group, lambda row: row["run_id"]).values():
            say(f"{cell(run[0]['partition_key'])}  {cell(run[0]['measured_at'])} UTC", indent="  ", hanging="    ")
            cells = [[row[key] for key in ("step", "check_name", "value", "threshold", "passed")] for row in run]
            typer.echo(table(columns, cells, width_of(), indent="    "))


def print_rejects(rows: Iterable[Mapping[str, Any]], counts: Mapping[str, Mapping[str, int]], *, nothing: str) -> None:
    """Print what each step refused, under its number of rejects by reason."""
    columns = (
        Column(title="LINE", right=True),
        Column(title="REASON"),
        Column(title="DETAIL"),
        Column(title="ROW", below=True),
    )

    def heading(row: Mapping[str, Any]) -> str:
        of_step = counts[row["step"]]
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in of_step.items())
        total = sum(of_step.values())
        return f"{row['step']}: {total:,} {'reject' if total == 1 else 'rejects'}: {reasons}"

    for group in _under_headings(rows, heading, nothing):
        cells = [[row[key] for key in ("line_number", "reason_code", "detail", "raw_text")] for row in group]
        typer.echo(table(columns, cells, width_of(), indent="  "))
        if len(group) < (total := sum(counts[group[0]["step"]].values())):
            say(f"{len(group):,} of {total:,}; --limit N shows more", err=True)


def print_decisions(rows: Iterable[Mapping[str, Any]], *, nothing: str) -> None:
    """Print decisions under their workflow ids: what of which gate, who, why, and what was seen."""
    columns = [Column(title=title) for title in ("AT", "STEP", "WHAT", "BY", "WHY", "SEEN")]
    for group in _under_headings(rows, lambda row: row["workflow_id"], nothing):
        typer.echo(table(columns, [_decision_cells(row) for row in group], width_of(), indent="  "))


def _decision_cells(row: Mapping[str, Any]) -> list[Any]:
    evidence = f"; evidence: {row['evidence']}" if row["evidence"] else ""
    what = row["action"] + (f" from {row['start_from']}" if row["start_from"] else "")
    return [
        row["decided_at"],
        row["step"],
        what if row["is_final"] else f"{what}, the first of two",
        f"{row['by']} ({row['identity']})",
        row["reason"] + evidence,
        ", ".join(_measure(each) for each in row["seen"] if each["value"] is not None),
    ]


def _measure(seen: Mapping[str, Any]) -> str:
    against = "" if seen["threshold"] is None else f" against {cell(seen['threshold'])}"
    return f"{seen['check']} {cell(seen['value'])}{against}"


def _under_headings(
    rows: Iterable[Mapping[str, Any]], heading: Callable[[Mapping[str, Any]], str], nothing: str
) -> Iterator[list[Mapping[str, Any]]]:
    """Give the rows of each heading after it is printed, in the order in which headings first come."""
    groups = _grouped(rows, heading)
    for number, (name, group) in enumerate(groups.items()):
        say(f"\n{name}" if number else name)
        yield group
    if not groups:
        say(nothing)


def _grouped(
    rows: Iterable[Mapping[str, Any]], key: Callable[[Mapping[str, Any]], str]
) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _once(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Return the rows, on a terminal without a first cell that is the same as above; a program reads each by itself."""
    if width_of() is None:
        return [list(row) for row in rows]
    before = [None, *(row[0] for row in rows)]
    return [["" if row[0] == last else row[0], *row[1:]] for row, last in zip(rows, before, strict=False)]


def print_anomalies(rows: Iterable[Mapping[str, Any]], *, nothing: str) -> None:
    """Print anomalies under their workflows: what, how often, why, who looks after it; and the run to ask about."""
    for group in _under_headings(rows, lambda row: row["workflow"] or row["domain"], nothing):
        for row in group:
            _print_anomaly(row)


def _print_anomaly(row: Mapping[str, Any]) -> None:
    failure = row["metadata"].get("failure_category") if isinstance(row["metadata"], Mapping) else None
    category = f"{row['category']} ({failure})" if failure and failure != row["category"] else row["category"]
    times = "once" if row["occurrences"] == 1 else f"{row['occurrences']} times"
    head = f"{str(row['anomaly_id'])[:8]}  {row['state']}  {row['severity']}  {category}  {row['stage']}"
    say(head, indent="  ", hanging="    ")
    lines = [cell(row["partition_key"]), row["message"], f"{times}, last {cell(row['last_seen_at'])} UTC"]
    if row["acknowledged_at"] is not None:
        lines.append(f"acknowledged by {row['acknowledged_by']}, {cell(row['acknowledged_at'])} UTC")
    if row["resolved_at"] is not None:
        by = f" by {row['resolved_by']}" if row["resolved_by"] else ""
        lines.append(f"resolved{by}, {cell(row['resolved_at'])} UTC: {row['resolution']}")
    lines += [row["workflow_id"]] if row["workflow_id"] else []
    for line in lines:
        say(str(line), indent="    ")
