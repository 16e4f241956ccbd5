"""The options by which every list of rows is restricted and printed: the same names and meanings everywhere."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spine_temporal.cli.completion import workflow_names
from spine_temporal.cli.moments import moment_of
from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.pipeline import PipelineStatus
from spine_temporal.definition.run_result import WorkflowStatus
from spine_temporal.definition.severity import AnomalyState, Severity
from spine_temporal.project import make_importable
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from spine_temporal.recording.ledger import Question

#: Seconds between two looks of ``--watch``.
_EVERY = 2.0

Rows = Sequence[Mapping[str, Any]]


def _name(text: str | None) -> str | None:
    """Return the name of a workflow, which may be given by its place."""
    if text is None or ":" not in text:
        return text
    from spine_temporal.runtime.references import name_of  # noqa: PLC0415 - keeps --help quick

    make_importable(Settings.from_environment().project)
    return name_of(text)


WorkflowOption = Annotated[
    str | None,
    typer.Option(
        "--workflow", metavar="NAME", help="Of this workflow only.", autocompletion=workflow_names, callback=_name
    ),
]
PartitionPairs = Annotated[
    list[str] | None,
    typer.Option("--partition", metavar="KEY=VALUE", help="Of partitions with this value; repeatable."),
]


def _status(values: Iterable[str]) -> Any:
    told = f"Only these; repeatable: {', '.join(values).lower()}."
    return typer.Option("--status", metavar="STATUS", help=told, case_sensitive=False)


RunStatuses = Annotated[list[WorkflowStatus] | None, _status(WorkflowStatus)]
ExecutionStatuses = Annotated[list[PipelineStatus] | None, _status(PipelineStatus)]
States = Annotated[list[AnomalyState] | None, _status(AnomalyState)]
Categories = Annotated[
    list[str] | None,
    typer.Option("--category", metavar="CATEGORY", help="Of failures with this category; repeatable."),
]
Severities = Annotated[
    list[Severity] | None,
    typer.Option(
        "--severity",
        metavar="SEVERITY",
        help=f"Only these; repeatable: {', '.join(Severity)}.",
        case_sensitive=False,
    ),
]
Stages = Annotated[list[str] | None, typer.Option("--stage", metavar="STAGE", help="Only these; repeatable.")]
Steps = Annotated[list[str] | None, typer.Option("--step", metavar="STEP", help="Only these; repeatable.")]
Children = Annotated[bool, typer.Option("--children", help="Those too that other runs have started.")]
Run = Annotated[
    str | None, typer.Option("--run", metavar="ID", help="Of this run id, or of all runs of this workflow id.")
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="From then on: 2h, 7d, or a time such as 2026-01-05T13:00:00+00:00."),
]
Before = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before then, as --since.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many rows, newest first.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print an array of rows.")]
AsLines = Annotated[bool, typer.Option("--json-lines", help="Print each row as JSON on a line of its own.")]
Watch = Annotated[
    bool, typer.Option("--watch", help="Go on, and print rows as they come or change, until Ctrl-C; not with --json.")
]


def question_of(
    *, partition: Sequence[str] | None = None, since: str | None = None, until: str | None = None, **given: Any
) -> "Question":
    """Return what the options ask for; raise ``ParamsError`` naming the option that is wrong."""
    from spine_temporal.recording.ledger import Question  # noqa: PLC0415 - keeps --help quick

    asked: dict[str, Any] = {"partition": pairs_of(partition or []), **between(since, until)}
    asked |= {name: tuple(value) if isinstance(value, list) else value for name, value in given.items() if value}
    return Question(**asked)


def between(since: str | None, until: str | None) -> dict[str, datetime | None]:
    """Return what ``--since`` and ``--until`` were given, by these names."""
    return {
        "since": None if since is None else moment_of("--since", since, back=True),
        "until": None if until is None else moment_of("--until", until, back=True),
    }


def capitals(given: list[str] | None) -> list[str]:
    """Return the names as rows have them."""
    return [each.upper() for each in given or ()]


def pairs_of(pairs: Iterable[str]) -> dict[str, str]:
    """Return what ``--partition`` was given."""
    wanted: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise ParamsError(f"--partition {pair!r} must be key=value, for example --partition tier=OTC")
        wanted[name] = value
    return wanted


def print_rows(
    look: Callable[[], Rows],
    show: Callable[[Rows], None],
    *,
    key: Sequence[str],
    as_json: bool,
    as_lines: bool,
    watch: bool,
) -> None:
    """Print what is found: for a person, as an array, or as lines; with ``watch`` again and again what is new."""
    from spine_temporal.cli.printing import print_json, print_json_lines  # noqa: PLC0415 - keeps --help quick

    if watch and as_json:
        raise ParamsError("--watch does not end, so there is no array: use --json-lines")
    if as_json:
        print_json(list(look()))
        return
    tell = print_json_lines if as_lines else show
    known: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    tell(list(changed(known, look(), key)))
    while watch:
        time.sleep(_EVERY)
        news = list(changed(known, look(), key))
        if news:
            tell(news)


def changed(
    known: dict[tuple[Any, ...], Mapping[str, Any]], rows: Rows, key: Sequence[str]
) -> Iterable[Mapping[str, Any]]:
    """Give the rows that are not ``known``, or have changed since; and know them from now on."""
    for row in rows:
        name = tuple(str(row[part]) for part in key)
        if known.get(name) != row:
            known[name] = row
            yield row
