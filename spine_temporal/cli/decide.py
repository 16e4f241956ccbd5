"""``waive``, ``retry-step``, ``abort``: what a person decides of a gate that is held."""

from typing import Annotated

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.reason import Reason, require_reason
from spine_temporal.cli.resume import login_name
from spine_temporal.cli.runs import WorkflowId
from spine_temporal.definition.errors import ParamsError
from spine_temporal.settings import Settings

Gate = Annotated[str, typer.Argument(metavar="STEP", help="The gate that is held.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who decides; default: the login name.")]
From = Annotated[
    str | None, typer.Option("--from", metavar="STEP", help="Run again from this step, then ask the gate again.")
]

Evidence = Annotated[
    str | None, typer.Option("--evidence", metavar="TEXT", help="What the waiver rests on, where the gate asks for it.")
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel=panels.MENDING)(waive)
    app.command("retry-step", rich_help_panel=panels.MENDING)(retry_step)
    app.command(rich_help_panel=panels.MENDING)(abort)


def waive(workflow_id: WorkflowId, step: Gate, reason: Reason = "", by: By = None, evidence: Evidence = None) -> None:
    """Let a held gate pass: the run goes on as if it had."""
    _decide("waive", workflow_id, step, reason, by, evidence=evidence)


def retry_step(workflow_id: WorkflowId, step: Gate, reason: Reason = "", by: By = None, from_: From = None) -> None:
    """Ask a held gate again; with --from, run again from an earlier step first, as the source was mended."""
    _decide("retry", workflow_id, step, reason, by, from_)


def abort(workflow_id: WorkflowId, step: Gate, reason: Reason = "", by: By = None) -> None:
    """Fail the run at its held gate."""
    _decide("abort", workflow_id, step, reason, by)


def _decide(
    action: str,
    workflow_id: str,
    step: str,
    reason: str,
    by: str | None,
    start_from: str | None = None,
    evidence: str | None = None,
) -> None:
    from spine_temporal.cli.session import run_async  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.client.servers import connect, running_servers_of  # noqa: PLC0415
    from spine_temporal.client.spine_client import SpineClient  # noqa: PLC0415

    name = (login_name() if by is None else by).strip()
    require_reason(reason)
    if not name:
        raise ParamsError("--by NAME is missing: who decides is kept on the record")
    settings = Settings.from_environment()

    async def work() -> str:
        with running_servers_of(settings, postgres=False) as servers:
            client = SpineClient(await connect(servers), task_queue=settings.task_queue)
            handle = await client.handle_of(workflow_id)
            return await handle.decide(action, step, by=name, reason=reason, start_from=start_from, evidence=evidence)

    typer.echo(run_async(work))
