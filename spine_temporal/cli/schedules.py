"""``schedules``: what starts by itself: what differs, apply, list, pause, resume, trigger, backfill."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.reason import Reason, require_reason
from spine_temporal.cli.resume import login_name
from spine_temporal.cli.stopping import By
from spine_temporal.definition.errors import ParamsError
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from spine_temporal.operating.schedules.book import ScheduleBook
    from spine_temporal.operating.schedules.difference import Change

Answer = TypeVar("Answer")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.")]
Prune = Annotated[bool, typer.Option("--prune", help="Remove those too that no module declares any more.")]
At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="TIME", help="One of its times, as 2025-12-29T11:05:00Z. Default: the newest that has passed."
    ),
]
From = Annotated[str, typer.Option("--from", metavar="TIME", help="The first time, as 2025-01-06 or with a time.")]
To = Annotated[str, typer.Option("--to", metavar="TIME", help="The last time, which counts.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until what it starts has ended.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print an array of schedules.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(
        help="Apply, list, pause and fire the schedules that the modules declare.", no_args_is_help=True
    )
    group.command("diff")(diff)
    group.command("apply")(apply)
    group.command("list")(list_)
    group.command("pause")(pause)
    group.command("resume")(resume)
    group.command("trigger")(trigger)
    group.command("backfill")(backfill)
    app.add_typer(group, name="schedules", rich_help_panel=panels.OPERATING)


def diff() -> None:
    """Print what `apply` would do, and do nothing. Exit code 1 where there is something."""
    changes = _asked(lambda book: book.difference())
    _print_changes(changes, nothing="Temporal has every schedule as it is declared")
    raise typer.Exit(1 if changes else 0)


def apply(prune: Prune = False) -> None:
    """Print what differs, and make Temporal's schedules those that the modules declare."""

    async def work(book: "ScheduleBook") -> "tuple[Sequence[Change], Sequence[Change]]":
        changes = await book.difference()
        _print_changes(changes, nothing="Temporal has every schedule as it is declared")
        return changes, await book.apply(prune=prune)

    changes, done = _asked(work)
    if changes:
        typer.echo(f"{len(done)} of {len(changes)} applied")
    if len(done) < len(changes):
        typer.echo("--prune removes those that no module declares", err=True)


def list_(as_json: AsJson = False) -> None:
    """Print the schedules: when each is due, whether it is paused, its next time and its last one."""
    from dataclasses import asdict  # noqa: PLC0415 - keeps --help quick

    from spine_temporal.cli.layout import Column, table, width_of  # noqa: PLC0415
    from spine_temporal.cli.printing import print_json  # noqa: PLC0415

    statuses = _asked(lambda book: book.statuses())
    if as_json:
        print_json([asdict(status) for status in statuses])
        return
    if not statuses:
        typer.echo("no schedules: declare one with spine_temporal.Schedule beside its workflow")
        return
    titles = ("NAME", "STATE", "NEXT (UTC)", "LAST (UTC)", "TIMES")
    rows = [
        (one.name, ": ".join(filter(None, (one.state, one.note))), one.next_time, one.last_time, one.times)
        for one in statuses
    ]
    typer.echo(table([Column(title=title) for title in titles], rows, width_of()))


def pause(name: Name, reason: Reason = "", by: By = None) -> None:
    """Let a schedule start nothing until it is resumed."""
    require_reason(reason)
    _asked(lambda book: book.pause(name, by=by or login_name(), reason=reason))
    typer.echo(f"{name} is paused")


def resume(name: Name, reason: Reason = "", by: By = None) -> None:
    """Let a paused schedule go on. Times that have passed are not made up: `backfill` fires them."""
    require_reason(reason)
    _asked(lambda book: book.resume(name, by=by or login_name(), reason=reason))
    typer.echo(f"{name} goes on")


def trigger(name: Name, at: At = None, wait: Wait = False) -> None:
    """Fire a schedule for one of its times, on the partitions of that time; what is complete is not done again."""

    async def work(book: "ScheduleBook") -> list[str]:
        moment, handle = await book.trigger(name, at=None if at is None else _time("--at", at))
        told = [f"{name} is fired for {_shown(moment)}", f"workflow id: {handle.id}"]
        return told + ([_ended((await handle.result()).ended)] if wait else [])

    typer.echo("\n".join(_asked(work)))


def backfill(name: Name, first: From, last: To, wait: Wait = False) -> None:
    """Fire a schedule for all of its times in a range, one after the other; what is complete is not done again."""

    async def work(book: "ScheduleBook") -> list[str]:
        times, handle = await book.backfill(name, first=_time("--from", first), last=_time("--to", last))
        span = f"{_shown(times[0])} to {_shown(times[-1])}"
        told = [f"{name} is fired for {len(times)} times, {span}", f"workflow id: {handle.id}"]
        return told + ([_ended((await handle.result()).ended)] if wait else [])

    typer.echo("\n".join(_asked(work)))


def _asked(work: "Callable[[ScheduleBook], Awaitable[Answer]]") -> Answer:
    """Return what the schedules of the settings' modules and task queue are asked."""
    from spine_temporal.cli.session import definitions, run_async  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.client.servers import connect, running_servers_of  # noqa: PLC0415
    from spine_temporal.operating.schedules.book import ScheduleBook  # noqa: PLC0415

    settings = Settings.from_environment()
    loaded = definitions(settings)

    async def ask() -> Answer:
        with running_servers_of(settings, postgres=False) as servers:
            client, has_deadlines = await connect(servers), bool(loaded.deadlines)
            return await work(
                ScheduleBook(client, loaded.schedules, task_queue=settings.task_queue, has_deadlines=has_deadlines)
            )

    answer: Answer = run_async(ask)
    return answer


def _time(option: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ParamsError(f"{option} {text[:50]!r} must be a time as 2025-12-29 or 2025-12-29T11:05:00Z") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _ended(ended: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {outcome}" for outcome, count in ended.items()) or "nothing was due"


def _print_changes(changes: "Sequence[Change]", *, nothing: str) -> None:
    if not changes:
        typer.echo(nothing)
    for change in changes:
        typer.echo(f"{change.action.value} {change.name}")
        for reason in change.reasons:
            typer.echo(f"  {reason}")
