"""``list`` and ``open``: find a run, and look at it in Temporal's Web UI."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.filters import (
    AsJson,
    AsLines,
    Before,
    Categories,
    Children,
    Limit,
    PartitionPairs,
    Since,
    Watch,
    WorkflowOption,
    between,
    capitals,
    pairs_of,
    print_rows,
)
from spine_temporal.cli.runs import WorkflowId
from spine_temporal.client.run_status import RunFilter
from spine_temporal.definition.errors import ParamsError
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from spine_temporal.cli.filters import Rows
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
Tag = Annotated[
    str | None, typer.Option("--tag", metavar="TAG", help="Of the workflows that have this tag in the loaded modules.")
]
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
    category: Categories = None,
    since: Since = None,
    until: Before = None,
    tag: Tag = None,
    children: Children = False,
    limit: Limit = 50,
    as_json: AsJson = False,
    as_lines: AsLines = False,
    watch: Watch = False,
) -> None:
    """Print runs, newest first: how each stands, and the workflow id that other commands take."""
    from dataclasses import asdict  # noqa: PLC0415 - keeps --help quick

    from spine_temporal.cli.session import run_async  # noqa: PLC0415

    settings = Settings.from_environment()
    asked = {
        "workflow": workflow if tag is None else _tagged(settings, tag, workflow),
        "filters": status or [],
        "categories": capitals(category),
        "partition": pairs_of(partition or []),
        **between(since, until),
        "children": children,
        "limit": limit,
    }
    unknown = ""

    def look() -> list[dict[str, Any]]:
        nonlocal unknown
        runs, unknown = run_async(lambda: _listed(settings, asked))
        return [asdict(run) for run in runs]

    def show(rows: "Rows") -> None:
        _print_runs(rows, limit, nothing=unknown or "no runs")

    print_rows(look, show, key=("run_id",), as_json=as_json, as_lines=as_lines, watch=watch)


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


def _print_runs(runs: "Rows", limit: int, *, nothing: str) -> None:
    from spine_temporal.cli.ledger_tables import print_runs  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.printing import say  # noqa: PLC0415

    print_runs([{**run, "error_step": run["held_step"] or run["error_step"]} for run in runs], nothing=nothing)
    if len(runs) == limit:
        say(f"the newest {limit}; --limit N shows more", err=True)


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
