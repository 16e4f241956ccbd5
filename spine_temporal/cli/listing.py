"""``list`` and ``open``: find a run, and look at it in Temporal's Web UI."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.records import WorkflowOption
from spine_temporal.cli.runs import WorkflowId
from spine_temporal.client.run_status import RunFilter
from spine_temporal.definition.errors import ParamsError
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from spine_temporal.client.run_list import RunSummary

Statuses = Annotated[
    list[RunFilter] | None,
    typer.Option(
        "--status",
        metavar="STATUS",
        help=f"Only these; repeatable: {', '.join(RunFilter)}.",
        case_sensitive=False,
    ),
]
PartitionPairs = Annotated[
    list[str] | None,
    typer.Option("--partition", metavar="KEY=VALUE", help="Of partitions with this value; repeatable."),
]
Tag = Annotated[
    str | None, typer.Option("--tag", metavar="TAG", help="Of the workflows that have this tag in the loaded modules.")
]
Children = Annotated[bool, typer.Option("--children", help="Those too that other runs have started.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many, newest first.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print an array of runs.")]
Browser = Annotated[bool, typer.Option("--browser", help="Open it in a browser.")]
UiUrl = Annotated[
    str | None, typer.Option("--ui-url", metavar="URL", help="Where the Web UI is, if not the embedded one.")
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("list", rich_help_panel=panels.RUNS)(list_)
    app.command("open", rich_help_panel=panels.RUNS)(open_)


def list_(
    workflow: WorkflowOption = None,
    status: Statuses = None,
    partition: PartitionPairs = None,
    tag: Tag = None,
    children: Children = False,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Print runs, newest first: how each stands, and the workflow id that other commands take."""
    from dataclasses import asdict  # noqa: PLC0415 - keeps --help quick

    from spine_temporal.cli.printing import print_json  # noqa: PLC0415
    from spine_temporal.cli.session import run_async  # noqa: PLC0415

    settings = Settings.from_environment()
    asked = {
        "workflow": workflow if tag is None else _tagged(settings, tag, workflow),
        "filters": status or [],
        "partition": _partition(partition or []),
        "children": children,
        "limit": limit,
    }
    runs, unknown = run_async(lambda: _listed(settings, asked))
    if as_json:
        print_json([asdict(run) for run in runs])
        return
    _print_runs(runs, limit, nothing=unknown or "no runs")


async def _listed(settings: Settings, asked: dict[str, Any]) -> "tuple[list[RunSummary], str]":
    """Return the runs; where there is none, also that the workflow has none at all."""
    from spine_temporal.client.servers import connect, open_database, running_servers_of  # noqa: PLC0415
    from spine_temporal.client.spine_client import SpineClient  # noqa: PLC0415
    from spine_temporal.recording.run_list import unknown_workflow  # noqa: PLC0415

    workflow = asked["workflow"]
    with running_servers_of(settings) as servers:
        database = open_database(servers, settings)
        try:
            client = SpineClient(await connect(servers), task_queue=settings.task_queue)
            found = await client.list_runs(database, **asked)
            if found:
                return found, ""
            with database.begin() as connection:
                return found, unknown_workflow(connection, workflow) if isinstance(workflow, str) else ""
        finally:
            database.close()


def _tagged(settings: Settings, tag: str, workflow: str | None) -> list[str]:
    """Return the workflows that have the tag, or of these the one that is asked for."""
    from spine_temporal.cli.session import definitions  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.definition.names import did_you_mean  # noqa: PLC0415

    found = [each for each, _ in definitions(settings).workflows.values()]
    tags = sorted({each for one in found for each in one.tags})
    if tag not in tags:
        known = f"their tags are {', '.join(tags)}" if tags else "none of them has a tag"
        meant = did_you_mean(tag, tags)
        raise ParamsError(f"--tag {tag[:100]!r} is of no workflow of the loaded modules: {known}{meant}")
    return [each.name for each in found if tag in each.tags and workflow in {None, each.name}]


def _partition(pairs: list[str]) -> dict[str, str]:
    wanted: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise ParamsError(f"--partition {pair!r} must be key=value, for example --partition tier=OTC")
        wanted[name] = value
    return wanted


def _print_runs(runs: "Sequence[RunSummary]", limit: int, *, nothing: str) -> None:
    from spine_temporal.cli.layout import Column, table, width_of  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.printing import say  # noqa: PLC0415

    if not runs:
        say(nothing)
        return
    columns = (
        Column(title="STATUS"),
        Column(title="STARTED (UTC)"),
        Column(title="TOOK", right=True),
        Column(title="WORKFLOW ID", below=True),
        Column(title="AT"),
    )
    rows = [(run.status, run.started_at, _took(run), run.workflow_id, _at(run)) for run in runs]
    typer.echo(table(columns, rows, width_of()))
    if len(runs) == limit:
        say(f"the newest {limit}; --limit N shows more", err=True)


def _took(run: "RunSummary") -> str:
    from datetime import UTC, datetime  # noqa: PLC0415 - keeps --help quick

    seconds = ((run.completed_at or datetime.now(UTC)) - run.started_at).total_seconds()
    return f"{max(seconds, 0):,.1f} s"


def _at(run: "RunSummary") -> str:
    """Return the step that is held, or that failed and of what."""
    if run.held_step:
        return run.held_step
    parts = [part for part in (run.error_step, run.error_category) if part]
    return ": ".join(parts)


def open_(workflow_id: WorkflowId, browser: Browser = False, ui_url: UiUrl = None) -> None:
    """Print the address of a run in Temporal's Web UI."""
    import webbrowser  # noqa: PLC0415 - keeps --help quick

    from spine_temporal.cli.session import run_async  # noqa: PLC0415
    from spine_temporal.client.servers import connect, running_servers_of  # noqa: PLC0415
    from spine_temporal.client.spine_client import SpineClient  # noqa: PLC0415
    from spine_temporal.client.web_ui import run_url, ui_of  # noqa: PLC0415

    settings = Settings.from_environment()

    async def work() -> str:
        with running_servers_of(settings, postgres=False) as servers:
            client = SpineClient(await connect(servers), task_queue=settings.task_queue)
            await client.handle_of(workflow_id)
            ui = ui_url or ui_of(servers)
            if ui is None:
                raise ParamsError(
                    f"the Web UI of Temporal at {servers.temporal_address} is not known: say where it is with "
                    "--ui-url, for example --ui-url http://localhost:8080"
                )
            return run_url(ui, servers.namespace, workflow_id)

    address: str = run_async(work)
    typer.echo(address)
    if browser and not webbrowser.open(address):
        raise ParamsError("no browser could be opened here: open the address in one")
