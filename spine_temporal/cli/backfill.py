"""``backfill``: many partitions of a workflow, a few at a time; and what operators do to it while it goes on."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from spine_temporal.cli import panels
from spine_temporal.cli.filters import WorkflowOption
from spine_temporal.cli.runs import AsJson, Document, Pairs, WorkflowName
from spine_temporal.definition.backfill import BackfillPartitionStatus, BackfillStatus, Reprocess
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from spine_temporal.client.backfill_handle import BackfillHandle
    from spine_temporal.client.backfills import Backfills
    from spine_temporal.operating.backfill.messages import Summary

OverTexts = Annotated[
    list[str],
    typer.Option(
        "--over",
        metavar="PARAM=VALUES",
        help="Values of a param: A,B, or FIRST..LAST with a step: 7d, 1w, 1m, or a calendar MODULE:NAME; repeatable, "
        "for all combinations.",
    ),
]
ReprocessOption = Annotated[
    Reprocess,
    typer.Option(
        "--reprocess",
        help="Beside what has never run: nothing (missing), what failed, from its failed step (failed), or all again.",
        case_sensitive=False,
    ),
]
NewestFirst = Annotated[bool, typer.Option("--newest-first", help="Begin with the newest days.")]
MaxParallel = Annotated[int, typer.Option("--max-parallel", metavar="N", help="Runs at a time, never more.")]
PlanOnly = Annotated[bool, typer.Option("--dry-run", help="Say what would be run, and why the rest would not.")]
Detach = Annotated[bool, typer.Option("--detach", help="Do not wait for its end.")]
BackfillId = Annotated[str, typer.Argument(metavar="BACKFILL_ID", help="Its id, as `backfill list` prints it.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept on the record.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it; default: the login name.")]
Runs = Annotated[bool, typer.Option("--runs", help="Cancel the runs too that it has started.")]
Statuses = Annotated[
    list[BackfillPartitionStatus] | None,
    typer.Option("--status", metavar="STATUS", help="Only partitions that stand so; repeatable.", case_sensitive=False),
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many, newest first.")]


class _StartsByDefault(TyperGroup):
    """``backfill WORKFLOW ...`` is ``backfill start WORKFLOW ...``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in front where none is named."""
        if args and args[0] not in self.commands and args[0] not in {"--help", "--show-completion"}:
            args = ["start", *args]
        return super().parse_args(ctx, args)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(
        cls=_StartsByDefault,
        help="Run many partitions of a workflow, a few at a time: `backfill WORKFLOW --over ...`.",
        no_args_is_help=True,
    )
    for command in (start, watch, show, pause, resume, cancel):
        group.command()(command)
    group.command("set")(set_)
    group.command("list")(list_)
    app.add_typer(group, name="backfill", rich_help_panel=panels.OPERATING)


def start(
    workflow: WorkflowName,
    over: OverTexts,
    param: Pairs = None,
    params: Document = None,
    reprocess: ReprocessOption = Reprocess.FAILED,
    newest_first: NewestFirst = False,
    max_parallel: MaxParallel = 4,
    dry_run: PlanOnly = False,
    detach: Detach = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Run the partitions that --over names, watch them, and print the counts. Exits 1 where one has failed."""
    from spine_temporal.cli.backfill_printing import print_plan  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.over import over_of_texts  # noqa: PLC0415
    from spine_temporal.cli.params import read_params  # noqa: PLC0415
    from spine_temporal.cli.resume import login_name  # noqa: PLC0415
    from spine_temporal.cli.session import chosen, run_async, startable  # noqa: PLC0415
    from spine_temporal.client.backfill_handle import require_parallel  # noqa: PLC0415

    require_parallel(max_parallel)
    settings, definition = (startable if detach else chosen)(Settings.from_environment(), workflow)
    partitions = over_of_texts(definition, over)
    common = read_params(definition, param or [], params)

    async def work() -> "Summary | str | None":
        async with _backfills(settings, starts=True, with_worker=not (detach or dry_run)) as backfills:
            plan = await backfills.plan(
                definition, partitions, params=common, reprocess=reprocess, newest_first=newest_first
            )
            if dry_run:
                print_plan(plan, as_json=as_json)
                return None
            backfill = await backfills.start(plan, max_parallel=max_parallel, by=login_name() if by is None else by)
            return backfill.backfill_id if detach else await _watched(backfill)

    _leave_with(run_async(work), as_json=as_json)


def watch(backfill_id: BackfillId, as_json: AsJson = False) -> None:
    """Show how far a backfill is until it has ended, and print its counts. Exits 1 where a partition has failed."""
    _leave_with(_of(backfill_id, _watched, with_worker=True), as_json=as_json)


def show(backfill_id: BackfillId, status: Statuses = None, as_json: AsJson = False) -> None:
    """Print how a backfill stands, and each partition with its run, or the reason why it was not run."""
    from spine_temporal.cli.backfill_printing import print_backfill  # noqa: PLC0415 - keeps --help quick

    async def work(backfill: "BackfillHandle") -> None:
        rows = [row for row in await backfill.partitions() if not status or row.status in status]
        print_backfill(await backfill.summary(), rows, as_json=as_json)

    _of(backfill_id, work)


def pause(backfill_id: BackfillId, reason: Reason = "", by: By = None) -> None:
    """Start nothing new; what runs goes on."""
    _change(backfill_id, lambda backfill, who: backfill.pause(by=who, reason=reason), by)


def resume(backfill_id: BackfillId, reason: Reason = "", by: By = None) -> None:
    """Go on after a pause; after its end, with what failed, was cancelled, was held or busy, or had not come."""
    _change(backfill_id, lambda backfill, who: backfill.resume(by=who, reason=reason), by)


def cancel(backfill_id: BackfillId, reason: Reason = "", runs: Runs = False, by: By = None) -> None:
    """Start nothing any more, and end when what runs has ended."""
    _change(backfill_id, lambda backfill, who: backfill.cancel(by=who, reason=reason, runs=runs), by)


def set_(backfill_id: BackfillId, max_parallel: MaxParallel, reason: Reason = "", by: By = None) -> None:
    """Have more runs at a time, or fewer; none is stopped for it."""
    _change(backfill_id, lambda backfill, who: backfill.set(max_parallel=max_parallel, by=who, reason=reason), by)


def list_(workflow: WorkflowOption = None, limit: Limit = 20, as_json: AsJson = False) -> None:
    """Print backfills, newest first, and how far each has come."""
    from spine_temporal.cli.backfill_printing import print_list  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.session import run_async  # noqa: PLC0415

    async def work() -> None:
        async with _backfills(Settings.from_environment()) as backfills:
            print_list(await backfills.list(workflow=workflow, limit=limit), as_json=as_json)

    run_async(work)


@asynccontextmanager
async def _backfills(
    settings: Settings, *, starts: bool = False, with_worker: bool = False
) -> "AsyncIterator[Backfills]":
    """Have the backfills of the settings' service; ``starts`` the servers where they do not run."""
    from spine_temporal.cli.session import connected  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.client.backfills import Backfills  # noqa: PLC0415
    from spine_temporal.client.servers import (  # noqa: PLC0415
        available_servers,
        open_database,
        running_servers_of,
        servers_of_home,
    )

    has = available_servers if starts else servers_of_home if with_worker else running_servers_of
    with has(settings) as servers:
        database = open_database(servers, settings)
        try:
            async with connected(settings, servers, with_worker=with_worker) as spine:
                yield Backfills(spine.client, database, task_queue=settings.task_queue)
        finally:
            database.close()


def _of(backfill_id: str, work: "Callable[[BackfillHandle], Awaitable[Any]]", *, with_worker: bool = False) -> Any:
    from spine_temporal.cli.session import run_async  # noqa: PLC0415 - keeps --help quick

    async def connected_work() -> Any:
        async with _backfills(Settings.from_environment(), with_worker=with_worker) as backfills:
            return await work(backfills.of(backfill_id))

    return run_async(connected_work)


def _change(backfill_id: str, make: "Callable[[BackfillHandle, str], Awaitable[str]]", by: str | None) -> None:
    from spine_temporal.cli.printing import say  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.resume import login_name  # noqa: PLC0415

    who = login_name() if by is None else by
    say(_of(backfill_id, lambda backfill: make(backfill, who)))


async def _watched(backfill: "BackfillHandle") -> "Summary":
    from spine_temporal.cli.backfill_progress import follow_backfill  # noqa: PLC0415 - keeps --help quick

    return await follow_backfill(backfill)


def _leave_with(outcome: "Summary | str | None", *, as_json: bool) -> None:
    """Print what a command came to, and exit 1 where a partition has failed or the backfill was cancelled."""
    from spine_temporal.cli.backfill_printing import print_summary  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.printing import print_json  # noqa: PLC0415

    if outcome is None:
        return
    if isinstance(outcome, str):
        print_json({"backfill_id": outcome}) if as_json else typer.echo(outcome)
        return
    print_summary(outcome, as_json=as_json)
    raise typer.Exit(0 if outcome.status is BackfillStatus.COMPLETED else 1)
