"""``doctor``, ``reconcile``, ``release``: what does not fit between Temporal and Postgres, and how it is mended."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.reason import Reason, require_reason
from spine_temporal.cli.runs import AsJson, WorkflowId
from spine_temporal.definition.errors import ParamsError
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from temporalio.client import Client

    from spine_temporal.recording.database import Database

Answer = TypeVar("Answer")

By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it; default: the login name.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel=panels.MENDING)(doctor)
    app.command(rich_help_panel=panels.MENDING)(reconcile)
    app.command(rich_help_panel=panels.MENDING)(release)


def doctor(as_json: AsJson = False) -> None:
    """Look for runs that cannot move and for rows that do not fit their run's state. Exits 1 where there is one."""
    from dataclasses import asdict  # noqa: PLC0415 - keeps --help quick

    from spine_temporal.cli.printing import print_json  # noqa: PLC0415
    from spine_temporal.cli.session import definitions  # noqa: PLC0415
    from spine_temporal.client.doctor import Finding, findings  # noqa: PLC0415

    settings = Settings.from_environment()
    workflows = tuple(definitions(settings).workflows)

    async def look(client: "Client", database: "Database") -> list[Finding]:
        return [finding async for finding in findings(client, database, workflows)]

    found = _with_both(settings, look)
    if as_json:
        print_json([asdict(finding) for finding in found])
    for finding in [] if as_json else found:
        typer.echo(f"{finding.workflow_id} (run {finding.run_id}) {finding.problem}")
        typer.echo(f"  {finding.mend}")
    if not found and not as_json:
        typer.echo("every open run has something pending, and every row fits its run")
    raise typer.Exit(1 if found else 0)


def reconcile(workflow_id: WorkflowId, reason: Reason = "", by: By = None) -> None:
    """Where Temporal and Postgres disagree about a run: record its end, or terminate what may write nothing more."""
    from spine_temporal.client.reconcile import reconcile as work  # noqa: PLC0415 - keeps --help quick

    _on_record(work, workflow_id, reason, by)


def release(workflow_id: WorkflowId, reason: Reason = "", by: By = None) -> None:
    """Free the partition of a run that cannot exist any more, as its Temporal was lost."""
    from spine_temporal.client.reconcile import release_partition as work  # noqa: PLC0415 - keeps --help quick

    _on_record(work, workflow_id, reason, by)


def _on_record(work: Callable[..., Awaitable[str]], workflow_id: str, reason: str, by: str | None) -> None:
    from spine_temporal.cli.resume import login_name  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.client.reconcile import Actor  # noqa: PLC0415

    name = (login_name() if by is None else by).strip()
    require_reason(reason)
    if not name:
        raise ParamsError("--by NAME is missing: who does it is kept on the record")
    actor = Actor(by=name, reason=reason)

    async def act(client: "Client", database: "Database") -> str:
        return await work(client, database, workflow_id, actor)

    typer.echo(_with_both(Settings.from_environment(), act))


def _with_both(settings: Settings, work: "Callable[[Client, Database], Awaitable[Answer]]") -> Answer:
    """Do the work with both servers, which are there already."""
    from spine_temporal.cli.session import run_async  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.client.servers import connect, open_database, running_servers_of  # noqa: PLC0415

    async def connected() -> Answer:
        with running_servers_of(settings) as servers:
            database = open_database(servers, settings, may_upgrade=False)
            try:
                return await work(await connect(servers), database)
            finally:
                database.close()

    answer: Answer = run_async(connected)
    return answer
