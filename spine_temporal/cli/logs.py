"""``spine-temporal logs``: what a run has logged."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.records import RunOrWorkflowId, found_run
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from spine_temporal.recording.database import Database

#: Seconds between two looks of ``--follow``.
_INTERVAL = 0.5
#: Looks in a row that find no more of a run that has ended: a worker writes lines a moment after they are logged.
_QUIET = 3

Step = Annotated[str | None, typer.Option("--step", metavar="STEP", help="Of this step only.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many, the newest of them.")]
Follow = Annotated[bool, typer.Option("--follow", help="Go on with what it logs, until it has ended.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON object for each line.")]


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=panels.ROWS)(logs)


def logs(
    run: RunOrWorkflowId, step: Step = None, limit: Limit = 200, follow: Follow = False, as_json: AsJson = False
) -> None:
    """Print what a run has logged: its pipelines' own lines, and what the worker says of it."""
    from spine_temporal.cli.session import opened_database  # noqa: PLC0415 - keeps --help quick

    with opened_database(Settings.from_environment()) as database:
        with database.begin() as connection:
            run_id = found_run(connection, run).run_id
        count = 0
        for line in _lines(database, run_id, step, limit, follow=follow):
            typer.echo(_json(line) if as_json else written(line))
            count += 1
    if not count and not as_json:
        typer.echo(f"run {run_id} has logged nothing that is kept")


def _lines(
    database: "Database", run_id: str, step: str | None, limit: int, *, follow: bool
) -> Iterator[Mapping[str, Any]]:
    """Give the lines; to ``follow``, those that come until the run has ended, and a moment later no more came."""
    from spine_temporal.recording.run_logs import list_logs  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.recording.runs import run_of  # noqa: PLC0415

    after, quiet = 0, 0
    while True:
        with database.begin() as connection:
            row = run_of(connection, run_id)
            found = list_logs(connection, run_id, step=step, after=after, limit=limit)
        yield from found
        after = found[-1]["log_id"] if found else after
        quiet = quiet + 1 if row is None or (row.has_ended and not found) else 0
        if not follow or quiet >= _QUIET:
            return
        time.sleep(_INTERVAL)


def written(line: Mapping[str, Any]) -> str:
    """Return a line for a person: when, how grave, which attempt of which step; a traceback stands indented below."""
    from spine_temporal.cli.layout import plain  # noqa: PLC0415 - keeps --help quick

    of = line["step"] if line["attempt"] is None else f"{line['step']}#{line['attempt']}"
    first, *more = line["message"].splitlines() or [""]
    head = f"{line['logged_at']:%Y-%m-%d %H:%M:%S} {line['level']:<7} {of or '-'}  {line['logger']}: {first}"
    return "\n".join(_indented(map(plain, (head, *more))))


def _indented(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield line if number == 0 else f"    {line}"


def _json(line: Mapping[str, Any]) -> str:
    import json  # noqa: PLC0415 - keeps --help quick

    return json.dumps(dict(line), default=str, ensure_ascii=False)
