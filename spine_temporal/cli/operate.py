"""``dev``, ``worker``, ``info``, ``db upgrade``: the service's own programs."""

from typing import Annotated

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.completion import workflow_names
from spine_temporal.definition.errors import ParamsError
from spine_temporal.settings import Settings


def _port(given: int | None) -> int | None:
    if given is not None and given not in range(1, 65536):
        raise typer.BadParameter(f"{given} is no port: it must be a number from 1 to 65535")
    return given


Port = Annotated[
    int | None,
    typer.Option(
        "--port", callback=_port, metavar="PORT", help="Temporal's port. Default: 7233, or another if in use."
    ),
]
UiPort = Annotated[
    int | None,
    typer.Option(
        "--ui-port",
        callback=_port,
        metavar="PORT",
        help="The Web UI's port. Default: 8233, or another if in use.",
    ),
]
NoWorker = Annotated[bool, typer.Option("--no-worker", help="Start the servers only.")]
NoReload = Annotated[bool, typer.Option("--no-reload", help="Keep the worker as it is when its modules change.")]
Module = Annotated[
    list[str] | None,
    typer.Option(
        "--module",
        "-m",
        metavar="NAME",
        help="A package, module or .py file to load; repeatable. Default: the settings'.",
    ),
]
TaskQueues = Annotated[
    list[str] | None,
    typer.Option(
        "--task-queue", metavar="NAME", help="The task queue that it serves; repeatable. Default: the settings'."
    ),
]
EveryQueue = Annotated[
    bool, typer.Option("--every-queue", help="Serve those too that the modules' workflows and steps name.")
]
Days = Annotated[
    int, typer.Option("--days", min=1, help="Older than this many days; more than Temporal's retention.", metavar="N")
]
OneWorkflow = Annotated[
    str | None,
    typer.Argument(
        metavar="[WORKFLOW]",
        help="The workflow's name, or where it is: FILE.py:NAME, MODULE:NAME.",
        autocompletion=workflow_names,
    ),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until the servers, and the worker of `dev`, are ready.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON alone on stdout.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel=panels.SERVERS)(dev)
    app.command(rich_help_panel=panels.SERVERS)(worker)
    app.command(rich_help_panel=panels.SERVERS)(info)
    app.command(rich_help_panel=panels.SERVERS)(env)
    database = typer.Typer(help="Bring the database up to date, delete what it need not keep.", no_args_is_help=True)
    database.command("upgrade")(db_upgrade)
    database.command("prune")(db_prune)
    app.add_typer(database, name="db", rich_help_panel=panels.SERVERS)


def dev(port: Port = None, ui_port: UiPort = None, no_worker: NoWorker = False, no_reload: NoReload = False) -> None:
    """Start Temporal with its Web UI, Postgres and a worker, and keep them until Ctrl-C."""
    from spine_temporal.cli.dev import run_dev  # noqa: PLC0415 - keeps --help quick

    settings = Settings.from_environment()
    raise typer.Exit(run_dev(settings, ports=(port, ui_port), with_worker=not no_worker, reload=not no_reload))


def worker(module: Module = None, task_queue: TaskQueues = None, every_queue: EveryQueue = False) -> None:
    """Run a worker until SIGTERM or Ctrl-C; a second one ends it at once. It serves one task queue, or several."""
    from spine_temporal.cli.worker import run_worker  # noqa: PLC0415 - keeps --help quick

    settings = Settings.from_environment()
    first, *more = task_queue or [settings.task_queue]
    changes = {"task_queue": first} | ({"modules": tuple(module)} if module else {})
    run_worker(settings.model_copy(update=changes), more_queues=more, every_queue=every_queue)


def info(workflow: OneWorkflow = None, wait: Wait = False, as_json: AsJson = False) -> None:
    """Print where Temporal, its Web UI and Postgres answer, and the workflows that the modules define.

    With WORKFLOW, print what that one takes, what a run of it works on, and its steps; no server is asked then.
    """
    from spine_temporal.cli.described import print_workflow  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.info import print_info  # noqa: PLC0415

    settings = Settings.from_environment()
    if workflow is None:
        print_info(settings, wait=wait, as_json=as_json)
    elif wait:
        raise ParamsError("--wait waits for servers, which are not asked about a workflow: leave one of them out")
    else:
        print_workflow(settings, workflow, as_json=as_json)


def env() -> None:
    """Print exports for a shell: eval "$(spine-temporal env)" lets any tool reach the servers."""
    from spine_temporal.cli.info import print_env  # noqa: PLC0415 - keeps --help quick

    print_env(Settings.from_environment())


def db_upgrade() -> None:
    """Bring the database to the newest schema: the core's tables and those of your domains."""
    from spine_temporal.client.servers import available_servers  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.recording.database import Database  # noqa: PLC0415
    from spine_temporal.recording.migrate import upgrade  # noqa: PLC0415

    settings = Settings.from_environment()
    with available_servers(settings, temporal=False) as servers:
        database = Database(servers.database_url, schema=settings.database_schema)
        try:
            heads = upgrade(database, settings.modules)
        finally:
            database.close()
    typer.echo(f"schema is at {', '.join(heads)}")


def db_prune(days: Days) -> None:
    """Delete large payloads of runs that Temporal's retention has forgotten, and logs; rows of runs are kept."""
    from datetime import timedelta  # noqa: PLC0415 - keeps --help quick

    from spine_temporal.cli.session import opened_database  # noqa: PLC0415
    from spine_temporal.recording.payloads import prune_payloads  # noqa: PLC0415
    from spine_temporal.recording.run_logs import prune_logs  # noqa: PLC0415

    with opened_database(Settings.from_environment()) as database, database.begin() as connection:
        count = prune_payloads(connection, timedelta(days=days))
        lines = prune_logs(connection, timedelta(days=days))
    typer.echo(f"{count} payloads deleted, {lines} lines of logs")
