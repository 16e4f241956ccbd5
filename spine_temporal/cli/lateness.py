"""``lateness``: how partitions stand to their deadlines."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.filters import WorkflowOption
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from spine_temporal.definition.deadline import Deadline
    from spine_temporal.recording.lateness import JudgedPartition

Late = Annotated[bool, typer.Option("--late", help="Only those that are late now.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many, the newest due time first.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print an array of partitions.")]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel=panels.OPERATING)(lateness)


def lateness(workflow: WorkflowOption = None, late: Late = False, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Print which partitions were complete by their deadlines, which are late, and which have recovered."""
    from spine_temporal.cli.printing import print_json  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.session import definitions, opened_database  # noqa: PLC0415
    from spine_temporal.recording.lateness import Lateness, list_lateness  # noqa: PLC0415
    from spine_temporal.recording.run_list import unknown_workflow  # noqa: PLC0415

    settings = Settings.from_environment()
    deadlines = [one for one in definitions(settings).deadlines.values() if workflow in {None, one.workflow.name}]
    with opened_database(settings) as database, database.begin() as connection:
        states = (Lateness.LATE,) if late else ()
        found = list_lateness(connection, workflow=workflow, states=states, limit=limit)
        unknown = "" if found else unknown_workflow(connection, workflow)
    if as_json:
        print_json([_data(one) for one in found])
        return
    _print(found, nothing=unknown or ("no partition is late" if late else "no partition has been due yet"))
    if not late:
        _print_next(deadlines)


def _data(one: "JudgedPartition") -> dict[str, Any]:
    from dataclasses import asdict  # noqa: PLC0415 - keeps --help quick

    return asdict(one) | {"late_by": one.late_by or None}


def _print(found: "list[JudgedPartition]", *, nothing: str) -> None:
    from spine_temporal.cli.layout import Column, table, width_of  # noqa: PLC0415 - keeps --help quick

    if not found:
        typer.echo(nothing)
        return
    titles = ("STATE", "DUE (UTC)", "LATE BY", "WORKFLOW", "PARTITION", "RUN")
    rows = [
        (one.state.value, one.due_at, one.late_by, one.workflow, dict(one.partition_key), _run(one)) for one in found
    ]
    typer.echo(table([Column(title=title) for title in titles], rows, width_of()))


def _run(one: "JudgedPartition") -> str:
    return f"{one.run_id} {one.run_status or ''}".strip() if one.run_id else "never started"


def _print_next(deadlines: "list[Deadline]") -> None:
    """Print when each deadline is next due; until then its partitions are unknown."""
    from datetime import UTC, datetime  # noqa: PLC0415 - keeps --help quick

    from spine_temporal.cli.printing import say  # noqa: PLC0415

    for deadline in deadlines:
        due = deadline.by.next(datetime.now(UTC)).astimezone(UTC)
        say(f"{deadline.name} is next due at {due:%Y-%m-%d %H:%M} UTC", err=True)
