"""``run``, ``start``, ``status``, ``result``: starting runs and following them."""

import shlex
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.completion import workflow_names
from spine_temporal.definition.busy import OnBusy
from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.project import make_importable
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from spine_temporal.client.run_handle import RunHandle

#: Seconds in which a run ends that has nothing to do.
_AT_ONCE = 0.5

WorkflowName = Annotated[
    str,
    typer.Argument(
        metavar="WORKFLOW",
        help="The workflow's name, or where it is: FILE.py:NAME, MODULE:NAME.",
        autocompletion=workflow_names,
    ),
]


def identity_of(text: str | None) -> str | None:
    """Return a workflow id that may open with the workflow's place."""
    if text is None or ":" not in text:
        return text
    from spine_temporal.runtime.references import split_id  # noqa: PLC0415 - keeps --help quick

    make_importable(Settings.from_environment().project)
    return split_id(text)[1]


WorkflowId = Annotated[
    str,
    typer.Argument(
        metavar="WORKFLOW_ID", help="The run's workflow id, as `start` and `list` print it.", callback=identity_of
    ),
]
Pairs = Annotated[
    list[str] | None, typer.Option("-p", "--param", metavar="KEY=VALUE", help="A param, such as tier=OTC; repeatable.")
]
Document = Annotated[str | None, typer.Option("--params", metavar="JSON|@FILE", help="Params as JSON, or @file.")]
Force = Annotated[bool, typer.Option("--force", help="Run although the partition is complete.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Walk the plan; run no pipeline, write no row.")]
StartFrom = Annotated[
    str | None,
    typer.Option(
        "--start-from", metavar="STEP", help="Keep the last run's outputs of the steps before this one; run from it."
    ),
]
HoldGates = Annotated[
    bool, typer.Option("--hold", help="Let a gate that fails wait for a person (waive, retry-step, abort).")
]
WhenBusy = Annotated[
    OnBusy | None,
    typer.Option(
        "--on-busy",
        metavar="POLICY",
        help=f"Where another run holds the partition: {', '.join(OnBusy)}. Default: the workflow's.",
        case_sensitive=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON alone on stdout.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel=panels.RUNS)(run)
    app.command(rich_help_panel=panels.RUNS)(start)
    app.command(rich_help_panel=panels.RUNS)(status)
    app.command(rich_help_panel=panels.RUNS)(result)


def run(
    workflow: WorkflowName,
    param: Pairs = None,
    params: Document = None,
    force: Force = False,
    dry_run: DryRun = False,
    start_from: StartFrom = None,
    hold: HoldGates = False,
    on_busy: WhenBusy = None,
    as_json: AsJson = False,
) -> None:
    """Start a run, show its steps while it runs, and print its result. Exits 1 where the workflow failed."""
    from spine_temporal.cli.follow import follow  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.params import read_params, tell_params  # noqa: PLC0415
    from spine_temporal.cli.session import chosen, connected, run_async  # noqa: PLC0415
    from spine_temporal.client.servers import available_servers  # noqa: PLC0415
    from spine_temporal.definition.params import partition_of, resolve_params  # noqa: PLC0415

    settings, definition = chosen(Settings.from_environment(), workflow)
    given = read_params(definition, param or [], params)
    partition_of(definition, resolve_params(definition, given))
    tell_params(definition, given)
    options = _options(force=force, dry_run=dry_run, start_from=start_from, hold=hold, on_busy=on_busy)
    own_queue = settings.task_queue if settings.reference else None

    async def work() -> WorkflowResult:
        with available_servers(settings) as servers:
            async with connected(settings, servers) as client:
                handle = await client.start(definition, given, task_queue=own_queue, **options)
                return await follow(handle, servers, settings)

    leave_with(run_async(work), as_json=as_json)


def start(
    workflow: WorkflowName,
    param: Pairs = None,
    params: Document = None,
    force: Force = False,
    dry_run: DryRun = False,
    start_from: StartFrom = None,
    hold: HoldGates = False,
    on_busy: WhenBusy = None,
    as_json: AsJson = False,
) -> None:
    """Start a run, print its workflow id, and leave the run to the workers."""
    from spine_temporal.cli.params import read_params, tell_params  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.printing import print_json, say  # noqa: PLC0415
    from spine_temporal.cli.session import run_async, startable  # noqa: PLC0415
    from spine_temporal.client.servers import available_servers, connect  # noqa: PLC0415
    from spine_temporal.client.spine_client import SpineClient  # noqa: PLC0415
    from spine_temporal.client.task_queues import standstill  # noqa: PLC0415

    settings, definition = startable(Settings.from_environment(), workflow)
    given = read_params(definition, param or [], params)
    tell_params(definition, given)
    options = _options(force=force, dry_run=dry_run, start_from=start_from, hold=hold, on_busy=on_busy)

    async def work() -> tuple[str, str | None, str, str]:
        with available_servers(settings, postgres=False) as servers:
            client = SpineClient(await connect(servers), task_queue=settings.task_queue)
            handle = await client.start(definition, given, **options)
            run_id = handle.handle.result_run_id or handle.handle.run_id
            waits = await standstill(handle.handle, client.client)
            return handle.workflow_id, run_id, waits, "" if waits else await _at_once(handle, settings)

    identity, run_id, waits, reused = run_async(work)
    loads = f"a worker must load its module: {_worker_of(settings)}" if waits and settings.reference else ""
    for told in (waits, loads, reused):
        if told:
            say(told, err=True)
    if as_json:
        print_json({"workflow_id": identity, "run_id": run_id, "reused": True if reused else None})
    else:
        typer.echo(identity)


async def _at_once(run: "RunHandle", settings: Settings) -> str:
    """Return that the run had nothing to do, where it says so at once; one that works is not waited for.

    Raises ``SpineError`` where a worker that does not have the workflow has refused it.
    """
    import asyncio  # noqa: PLC0415 - keeps --help quick

    from spine_temporal.cli.printing import reused_line  # noqa: PLC0415

    try:
        result = await asyncio.wait_for(run.result(), _AT_ONCE)
    except TimeoutError:
        return ""
    if settings.reference is not None and (result.error or "").startswith("unknown workflow"):
        raise SpineError(
            f"a worker refuses it: {result.error}",
            ErrorCategory.CONFIGURATION,
            advice=f"start one that loads its module, {_worker_of(settings)}, or use `run`",
        )
    return reused_line(result) if result.reused else ""


def _worker_of(settings: Settings) -> str:
    """Return what to type for a worker that has the workflow which the command names by its place."""
    modules = (*settings.modules, str(settings.reference).rpartition(":")[0])
    return f"`spine-temporal worker {' '.join(f'-m {shlex.quote(module)}' for module in modules)}`"


def _options(
    *, force: bool, dry_run: bool, start_from: str | None, hold: bool, on_busy: OnBusy | None
) -> dict[str, Any]:
    return {
        "force": force,
        "dry_run": dry_run,
        "start_from": start_from,
        "on_gate_failure": "hold" if hold else "stop",
        "on_busy": on_busy,
    }


def status(workflow_id: WorkflowId, as_json: AsJson = False) -> None:
    """Print how far a run has come: what runs, which gate is held, whether it waits for a worker."""
    from spine_temporal.cli.session import run_async  # noqa: PLC0415
    from spine_temporal.cli.status import Situation, print_situation, situation_of  # noqa: PLC0415
    from spine_temporal.client.servers import connect, running_servers_of  # noqa: PLC0415
    from spine_temporal.client.spine_client import SpineClient  # noqa: PLC0415

    settings = Settings.from_environment()

    async def work() -> Situation:
        with running_servers_of(settings, postgres=False) as servers:
            client = SpineClient(await connect(servers), task_queue=settings.task_queue)
            return await situation_of(await client.handle_of(workflow_id))

    print_situation(run_async(work), as_json=as_json)


def result(workflow_id: WorkflowId, as_json: AsJson = False) -> None:
    """Wait for a run's end and print its result. Exits 1 where the workflow failed."""
    from spine_temporal.cli.follow import follow  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.session import connected, run_async  # noqa: PLC0415
    from spine_temporal.client.servers import running_servers_of  # noqa: PLC0415

    settings = Settings.from_environment()

    async def work() -> WorkflowResult:
        with running_servers_of(settings, postgres=False) as servers:
            async with connected(settings, servers, with_worker=False) as client:
                handle = await client.handle_of(workflow_id)
                return await follow(handle, servers, settings, with_worker=False)

    leave_with(run_async(work), as_json=as_json)


def leave_with(outcome: WorkflowResult, *, as_json: bool) -> NoReturn:
    """Print what a run came to, and end the command with the exit code that says it to a script."""
    from spine_temporal.cli.printing import exit_code, print_result  # noqa: PLC0415 - keeps --help quick

    print_result(outcome, as_json=as_json)
    raise typer.Exit(exit_code(outcome))
