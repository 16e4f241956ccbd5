"""``resume``: go on from a run that has ended."""

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.runs import AsJson, leave_with
from spine_temporal.definition.errors import ParamsError
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from spine_temporal.definition.run_result import WorkflowResult
    from spine_temporal.definition.workflow import Workflow

ResumedId = Annotated[
    str,
    typer.Argument(
        metavar="WORKFLOW_ID", help="The run's workflow id; its workflow may be FILE.py:NAME, as it was to `run`."
    ),
]
StartFrom = Annotated[
    str | None, typer.Option("--start-from", metavar="STEP", help="Run again from this step; default: what is missing.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Another param, or GATE.KEY=VALUE of a gate's config; repeatable."),
]
Skip = Annotated[list[str] | None, typer.Option("--skip", metavar="STEP", help="Leave a step out; repeatable.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why a step is left out; kept on the record.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who decided it; default: the login name.")]
Detach = Annotated[bool, typer.Option("--detach", help="Do not wait for the run's end.")]


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=panels.MENDING)(resume)


def resume(
    workflow_id: ResumedId,
    start_from: StartFrom = None,
    set_: Set = None,
    skip: Skip = None,
    reason: Reason = "",
    by: By = None,
    detach: Detach = False,
    as_json: AsJson = False,
) -> None:
    """Go on from a failed or cancelled run: completed steps are kept, the rest runs. Exits 1 where it fails again."""
    from spine_temporal.cli.params import read_changes  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.printing import print_json  # noqa: PLC0415
    from spine_temporal.cli.session import definitions, identified, run_async  # noqa: PLC0415

    settings = Settings.from_environment()
    if skip and not reason.strip():
        raise ParamsError(f"--skip {skip[0]} needs --reason TEXT: it is kept on the record")
    settings, workflow_id = identified(settings, workflow_id)
    workflows = [workflow for workflow, _ in definitions(settings).workflows.values()]
    correction = {
        "start_from": start_from,
        "changes": read_changes(set_ or [], {workflow.name: workflow for workflow in workflows}, workflow_id),
        "skip": dict.fromkeys(skip or [], reason),
        "by": login_name() if by is None else by,
    }
    outcome = run_async(lambda: _resumed(settings, workflow_id, workflows, correction, detach=detach))
    if isinstance(outcome, dict):
        print_json(outcome) if as_json else typer.echo(workflow_id)
        return
    leave_with(outcome, as_json=as_json)


async def _resumed(
    settings: Settings, workflow_id: str, workflows: "Iterable[Workflow]", correction: dict[str, Any], *, detach: bool
) -> "WorkflowResult | dict[str, str | None]":
    """Resume the run and follow it to its result; return its ids where it is to be left alone."""
    from spine_temporal.cli.follow import follow  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.printing import say  # noqa: PLC0415
    from spine_temporal.cli.session import connected  # noqa: PLC0415
    from spine_temporal.client.servers import open_database, servers_of_home  # noqa: PLC0415
    from spine_temporal.client.task_queues import standstill  # noqa: PLC0415

    with servers_of_home(settings) as servers:
        database = open_database(servers, settings)
        try:
            async with connected(settings, servers) as client:
                handle = await client.resume(workflow_id, workflows, database, **correction)
                if not detach:
                    return await follow(handle, servers, settings)
            waits = await standstill(handle.handle, client.client)  # this command's own has stopped
            if waits:
                say(waits, err=True)
            return {"workflow_id": workflow_id, "run_id": handle.handle.run_id}
        finally:
            database.close()


def login_name() -> str:
    """Return who runs the command, nothing where the machine does not know."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
