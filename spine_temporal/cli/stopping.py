"""``cancel`` and ``terminate``: end a run from outside."""

from typing import Annotated

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.reason import Reason, require_reason
from spine_temporal.cli.resume import login_name
from spine_temporal.cli.runs import AsJson, WorkflowId
from spine_temporal.settings import Settings

Told = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; Temporal keeps it with the run.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who decides; default: the login name.")]
Detach = Annotated[bool, typer.Option("--detach", help="Ask, and do not wait until it has ended.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel=panels.RUNS)(cancel)
    app.command(rich_help_panel=panels.RUNS)(terminate)


def cancel(
    workflow_id: WorkflowId, reason: Told = "", by: By = None, detach: Detach = False, as_json: AsJson = False
) -> None:
    """Ask a run to stop: what it does now is rolled back, what was completed stays. Exits 1 if it ends otherwise."""
    from spine_temporal.cli.follow import follow  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.printing import print_json, print_result, say  # noqa: PLC0415
    from spine_temporal.cli.session import run_async  # noqa: PLC0415
    from spine_temporal.client.servers import connect, running_servers_of  # noqa: PLC0415
    from spine_temporal.client.spine_client import SpineClient  # noqa: PLC0415
    from spine_temporal.client.task_queues import standstill  # noqa: PLC0415
    from spine_temporal.definition.run_result import WorkflowResult, WorkflowStatus  # noqa: PLC0415

    settings = Settings.from_environment()

    async def work() -> WorkflowResult | None:
        with running_servers_of(settings, postgres=False) as servers:
            client = SpineClient(await connect(servers), task_queue=settings.task_queue)
            run = await client.cancel(workflow_id, reason=_told(reason, by))
            if not detach:
                return await follow(run, servers, settings, with_worker=False)
            waits = await standstill(run.handle, run.client)
            if waits:
                say(waits, err=True)
            return None

    outcome: WorkflowResult | None = run_async(work)
    if outcome is None:
        print_json({"workflow_id": workflow_id, "asked": True}) if as_json else say(f"asked {workflow_id} to stop")
        return
    print_result(outcome, as_json=as_json)
    raise typer.Exit(0 if outcome.status is WorkflowStatus.CANCELLED else 1)


def terminate(workflow_id: WorkflowId, reason: Reason = "", by: By = None, as_json: AsJson = False) -> None:
    """Stop a run where it is, with or without workers; its end is recorded and its partition given back."""
    from spine_temporal.cli.printing import print_json, say  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.session import run_async  # noqa: PLC0415
    from spine_temporal.client.servers import connect, open_database, running_servers_of  # noqa: PLC0415
    from spine_temporal.client.spine_client import SpineClient  # noqa: PLC0415

    require_reason(reason)
    settings = Settings.from_environment()

    async def work() -> bool:
        with running_servers_of(settings) as servers:
            database = open_database(servers, settings)
            try:
                client = SpineClient(await connect(servers), task_queue=settings.task_queue)
                return await client.terminate(workflow_id, reason=_told(reason, by), database=database)
            finally:
                database.close()

    closed: bool = run_async(work)
    if as_json:
        print_json({"workflow_id": workflow_id, "books_closed": closed})
        return
    then = "its end is recorded" if closed else "a worker records its end within a minute"
    say(f"terminated {workflow_id}: {then}, and its partition is free")


def _told(reason: str, by: str | None) -> str:
    name = (login_name() if by is None else by).strip()
    return f"{reason.strip()} (by {name})" if name else reason.strip()
