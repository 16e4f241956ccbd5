"""``why``: why one run is where it is, or which of all do not move."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.filters import AsLines, WorkflowOption
from spine_temporal.cli.runs import AsJson, identity_of
from spine_temporal.definition.errors import ParamsError
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from spine_temporal.client.stalls import Stall
    from spine_temporal.client.tracebacks import StepFailure
    from spine_temporal.client.why import Reason

WorkflowId = Annotated[
    str | None,
    typer.Argument(
        metavar="WORKFLOW_ID", help="The run's workflow id, as `start` and `list` print it.", callback=identity_of
    ),
]
Traceback = Annotated[bool, typer.Option("--traceback", help="Print where in the code each step has failed.")]
All = Annotated[bool, typer.Option("--all", help="Every open run that does not move, by cause.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="With --all: how many runs of each cause.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel=panels.RUNS)(why)


def why(
    workflow_id: WorkflowId = None,
    all_runs: All = False,
    workflow: WorkflowOption = None,
    limit: Limit = 20,
    traceback: Traceback = False,
    as_json: AsJson = False,
    as_lines: AsLines = False,
) -> None:
    """Print why a run is where it is: what it retries or waits for, how it ended. With --all: of all that stand."""
    if all_runs == (workflow_id is not None):
        raise ParamsError("name one run by its workflow id, or give --all for every open run that does not move")
    if all_runs:
        _of_all(workflow, limit, as_json=as_json, as_lines=as_lines)
    else:
        _of_one(str(workflow_id), traceback=traceback, as_json=as_json)


def _of_one(workflow_id: str, *, traceback: bool, as_json: bool) -> None:
    from dataclasses import asdict  # noqa: PLC0415 - keeps --help quick

    from spine_temporal.cli.printing import print_json, say  # noqa: PLC0415
    from spine_temporal.cli.session import run_async  # noqa: PLC0415
    from spine_temporal.client.servers import connect, open_database, running_servers_of  # noqa: PLC0415
    from spine_temporal.client.spine_client import SpineClient  # noqa: PLC0415
    from spine_temporal.client.tracebacks import step_failures  # noqa: PLC0415
    from spine_temporal.client.why import reasons  # noqa: PLC0415

    settings = Settings.from_environment()

    async def work() -> "tuple[list[Reason], list[StepFailure]]":
        with running_servers_of(settings, postgres=traceback) as servers:
            client = SpineClient(await connect(servers), task_queue=settings.task_queue)
            handle = await client.handle_of(workflow_id)
            found = await reasons(client.client, handle)
            if not traceback:
                return found, []
            with closing(open_database(servers, settings)) as database:
                return found, await step_failures(handle, database)

    found, failures = run_async(work)
    if as_json:
        told = [asdict(reason) for reason in found]
        print_json({"reasons": told, "failures": [asdict(each) for each in failures]} if traceback else told)
        return
    for reason in found:
        say(f"{reason.kind}: {reason.text}", hanging="  ")
        if reason.advice:
            say(reason.advice, indent="  ")
    if traceback:
        _print_failures(failures)


def _print_failures(failures: "Sequence[StepFailure]") -> None:
    for failure in failures:
        typer.echo(f"\n{failure.step}, attempt {failure.attempt}: {failure.error}")
        typer.echo(failure.traceback or "  its code raised nothing")
    if not failures:
        typer.echo("\nno step has failed")


def _of_all(workflow: str | None, limit: int, *, as_json: bool, as_lines: bool) -> None:
    from dataclasses import asdict  # noqa: PLC0415 - keeps --help quick

    from spine_temporal.cli.printing import print_json, print_json_lines, say  # noqa: PLC0415
    from spine_temporal.cli.session import run_async  # noqa: PLC0415
    from spine_temporal.client.servers import connect, open_database, running_servers_of  # noqa: PLC0415
    from spine_temporal.client.stalled_runs import stalled_runs  # noqa: PLC0415

    settings = Settings.from_environment()

    async def work() -> "list[Stall]":
        with running_servers_of(settings) as servers, closing(open_database(servers, settings)) as database:
            return await stalled_runs(await connect(servers), database, workflow=workflow)

    found: list[Stall] = run_async(work)
    if as_json:
        print_json([asdict(stall) for stall in found])
    elif as_lines:
        print_json_lines([asdict(stall) for stall in found])
    else:
        for line in stall_lines(found, limit):
            say(line, hanging="    ")


def stall_lines(stalls: "Sequence[Stall]", limit: int) -> "Iterator[str]":
    """Give the causes, each with its runs, one line each; of each cause at most so many."""
    if not stalls:
        yield "every open run moves"
    for cause in dict.fromkeys(stall.cause for stall in stalls):
        runs = [stall for stall in stalls if stall.cause is cause]
        yield f"{cause}: {len(runs):,} {'run' if len(runs) == 1 else 'runs'}"
        yield from (f"  {stall.workflow_id}  {stall.text}" for stall in runs[:limit])
        if len(runs) > limit:
            yield f"  and {len(runs) - limit:,} more; --limit N shows more"
