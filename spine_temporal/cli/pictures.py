"""``graph`` and ``timeline``: a workflow and its runs as pictures."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.completion import workflow_names
from spine_temporal.definition.errors import ParamsError
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from temporalio.client import Client

    from spine_temporal.client.run_records import Gathered
    from spine_temporal.drawing.terminal_graph import TextLine
    from spine_temporal.machine.plan import Plan


class GraphFormat(StrEnum):
    """In which form a graph is written."""

    TERMINAL = "terminal"
    SVG = "svg"
    MERMAID = "mermaid"
    DOT = "dot"


class TimelineFormat(StrEnum):
    """In which form a timeline is written."""

    TERMINAL = "terminal"
    SVG = "svg"


#: What the end of a file's name says of the form.
_ENDINGS = {
    ".svg": "svg",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".txt": "terminal",
}

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="WORKFLOW", help="The workflow's name; with --run, it may be left out.", autocompletion=workflow_names
    ),
]
RunId = Annotated[
    str | None, typer.Option("--run", metavar="ID", help="Colour it by this run: a run id, or a workflow id's newest.")
]
Identity = Annotated[str, typer.Argument(metavar="ID", help="A run id, or a workflow id: its newest run.")]
AsGraph = Annotated[
    GraphFormat | None,
    typer.Option("--format", help="Default: by the file's name; without a file, for the terminal.", show_default=False),
]
AsTimeline = Annotated[
    TimelineFormat | None,
    typer.Option("--format", help="Default: by the file's name; without a file, for the terminal.", show_default=False),
]
Output = Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it there, not on stdout.")]
Expand = Annotated[bool, typer.Option("--expand", help="Draw sub-workflows with their steps.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel=panels.PICTURES)(graph)
    app.command(rich_help_panel=panels.PICTURES)(timeline)


def graph(
    workflow: Name = None,
    run: RunId = None,
    format_: AsGraph = None,
    output: Output = None,
    expand: Expand = False,
) -> None:
    """Draw a workflow's steps and their ways; with --run, what happened to each: rows, times, measures, errors."""
    form = GraphFormat(form_of(format_, output, GraphFormat))
    if expand and (run is not None or form in {GraphFormat.MERMAID, GraphFormat.DOT}):
        other = "--run" if run is not None else f"--format {form}"
        raise ParamsError(
            f"--expand and {other} do not go together: steps of a sub-workflow are drawn for the terminal and as SVG, "
            "and belong to runs of their own"
        )
    settings = Settings.from_environment()
    if run is None:
        plan, plans = _plan(settings, workflow)
        found = None
    else:
        found = _gathered(settings, run, with_history=False)
        _require_workflow(found, workflow)
        plan, plans = found.plan, {}
    put(_drawn_graph(form, plan, found, plans if expand else {}, is_file=output is not None), output)


def timeline(identity: Identity, format_: AsTimeline = None, output: Output = None) -> None:
    """Draw a run's steps on an axis of time: attempts, waits, holds. An open run is drawn until now."""
    form = TimelineFormat(form_of(format_, output, TimelineFormat))
    found = _gathered(Settings.from_environment(), identity, with_history=True)
    put(_drawn_timeline(form, found, is_file=output is not None), output)


def form_of(given: StrEnum | None, output: Path | None, forms: type[StrEnum]) -> str:
    """Return the form that is asked for, or that the file's name says; raise ``ParamsError`` where it says none."""
    if given is not None or output is None:
        return "terminal" if given is None else given.value
    known = {ending: form for ending, form in _ENDINGS.items() if form in list(forms)}
    form = known.get(output.suffix.lower())
    if form is None:
        raise ParamsError(
            f"-o {output} says no form: give it a name that ends with {', '.join(known)}, or say --format "
            f"{', '.join(forms)}"
        )
    return form


def _plan(settings: Settings, name: str | None) -> "tuple[Plan, Mapping[str, Plan]]":
    from spine_temporal.cli.session import chosen, definitions  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.machine.planning import plan_of  # noqa: PLC0415

    found = definitions(settings)
    if name is None:
        raise ParamsError(
            f"name the workflow that is to be drawn, or a run with --run ID: there are "
            f"{', '.join(sorted(found.workflows)) or 'none'}"
        )
    plans = {each: plan_of(workflow) for each, (workflow, _) in found.workflows.items()}
    return plan_of(chosen(settings, name)[1]), plans


def _require_workflow(found: "Gathered", name: str | None) -> None:
    if name is not None and name != found.plan.workflow:
        raise ParamsError(
            f"run {found.run.run_id} is one of {found.plan.workflow!r}, not of {name!r}: leave the name out, or give "
            "another --run"
        )


def _gathered(settings: Settings, identity: str, *, with_history: bool) -> "Gathered":
    """Return the run; say on stderr what nobody knows of it."""
    from spine_temporal.cli.printing import say  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.session import run_async  # noqa: PLC0415
    from spine_temporal.client.run_records import gathered  # noqa: PLC0415
    from spine_temporal.client.servers import open_database, running_servers_of  # noqa: PLC0415

    async def work() -> "Gathered":
        with (
            running_servers_of(settings, temporal=False) as servers,
            closing(open_database(servers, settings, may_upgrade=False)) as database,
        ):
            return await gathered(database, await _temporal(settings), identity, with_history=with_history)

    found: Gathered = run_async(work)
    if found.lacks:
        say(found.lacks, err=True)
    return found


async def _temporal(settings: Settings) -> "Client | None":
    """Return a client, None where Temporal is away: what Postgres knows is drawn all the same."""
    from spine_temporal.client.servers import connect, found_servers  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.definition.errors import ErrorCategory, SpineError  # noqa: PLC0415

    try:
        return await connect(found_servers(settings))
    except SpineError as error:
        if error.category is not ErrorCategory.DEPENDENCY:
            raise
        return None


def _drawn_graph(
    form: GraphFormat, plan: "Plan", found: "Gathered | None", inner: "Mapping[str, Plan]", *, is_file: bool
) -> "str | Sequence[TextLine]":
    from spine_temporal.cli.layout import width_of  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.drawing.graph_source import dot, mermaid  # noqa: PLC0415
    from spine_temporal.drawing.svg_graph import graph_svg  # noqa: PLC0415
    from spine_temporal.drawing.terminal_graph import graph_lines  # noqa: PLC0415

    run = found.run if found else None
    match form:
        case GraphFormat.SVG:
            return graph_svg(plan, run=run, inner=inner)
        case GraphFormat.MERMAID:
            return mermaid(plan, run)
        case GraphFormat.DOT:
            return dot(plan, run)
        case GraphFormat.TERMINAL:
            return graph_lines(plan, width=None if is_file else width_of(), run=run, inner=inner)


def _drawn_timeline(form: TimelineFormat, found: "Gathered", *, is_file: bool) -> "str | Sequence[TextLine]":
    from spine_temporal.cli.layout import width_of  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.drawing.svg_timeline import timeline_svg  # noqa: PLC0415
    from spine_temporal.drawing.terminal_timeline import timeline_lines  # noqa: PLC0415

    if form is TimelineFormat.SVG:
        return timeline_svg(found.plan, found.run)
    return timeline_lines(found.plan, found.run, width=None if is_file else width_of())


def put(picture: "str | Sequence[TextLine]", output: Path | None) -> None:
    """Write a picture to a file or on stdout; colours go to a terminal alone, and where NO_COLOR is not set."""
    if output is not None:
        words = picture if isinstance(picture, str) else "".join(f"{_plain(line)}\n" for line in picture)
        try:
            output.write_text(words, encoding="utf-8")
        except OSError as error:
            raise ParamsError(
                f"-o {output} cannot be written ({error.strerror}): name a file in a folder that is there"
            ) from None
        typer.echo(f"wrote {output}", err=True)
    elif isinstance(picture, str):
        typer.echo(picture, nl=False)
    else:
        print_lines(picture)


def _plain(line: "TextLine") -> str:
    return "".join(text for text, _ in line).rstrip()


def print_lines(lines: "Sequence[TextLine]") -> None:
    """Print lines on stdout, in colours where it is a terminal that wants them."""
    from rich.console import Console  # noqa: PLC0415 - keeps --help quick
    from rich.text import Text  # noqa: PLC0415

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal whose letters are not Unicode's has no lines to draw with
    console = Console(highlight=False)
    for line in lines:
        text = Text()
        for words, style in line:
            text.append(words, style or None)
        text.rstrip()
        console.print(text, soft_wrap=True)
