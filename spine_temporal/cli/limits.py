"""``limits list | close | open``: the sources that attempts share, over all workers."""

from typing import TYPE_CHECKING, Annotated

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.moments import moment_of
from spine_temporal.cli.reason import Reason, require_reason
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from spine_temporal.recording.limit_switches import LimitState

Key = Annotated[str, typer.Argument(metavar="KEY", help="The limit's key, as `limits list` prints it.")]
Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="TIME",
        help="Such as 30m, 2h, 1d, or 2026-01-05T13:00:00+00:00. Default: until somebody opens it.",
    ),
]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does; default: the login name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print an array of limits.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="See which sources are closed or full; close one for all workers, open it.")
    group.command("list")(list_)
    group.command("close")(close)
    group.command("open")(open_)
    app.add_typer(group, name="limits", rich_help_panel=panels.MENDING, no_args_is_help=True)


def list_(as_json: AsJson = False) -> None:
    """Print each limit: whether it is open, how many attempts use it, and how many wait."""
    from dataclasses import asdict  # noqa: PLC0415 - keeps --help quick

    from spine_temporal.cli.printing import print_json, say  # noqa: PLC0415
    from spine_temporal.cli.session import opened_database  # noqa: PLC0415
    from spine_temporal.client.limits import Limits  # noqa: PLC0415

    with opened_database(Settings.from_environment()) as database:
        found = Limits(database).list()
    if as_json:
        print_json([asdict(limit) for limit in found])
    elif found:
        _print(found)
    else:
        say("no attempt has asked for a limit, and none is closed")


def close(key: Key, until: Until = None, reason: Reason = "", by: By = None) -> None:
    """Let no attempt of any worker use a source; those that run go on, and others wait."""
    from spine_temporal.cli.resume import login_name  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.session import opened_database  # noqa: PLC0415
    from spine_temporal.client.limits import Limits  # noqa: PLC0415

    require_reason(reason)
    ends = None if until is None else moment_of("--until", until)
    with opened_database(Settings.from_environment()) as database:
        Limits(database).close(key, until=ends, by=by or login_name(), reason=reason)
    typer.echo(f"limit {key} is closed {f'until {ends:%Y-%m-%d %H:%M:%S} UTC' if ends else 'until somebody opens it'}")


def open_(key: Key, reason: Reason = "", by: By = None) -> None:
    """Let attempts use a source again; those that wait for it see it within a minute."""
    from spine_temporal.cli.resume import login_name  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.session import opened_database  # noqa: PLC0415
    from spine_temporal.client.limits import Limits  # noqa: PLC0415

    require_reason(reason)
    with opened_database(Settings.from_environment()) as database:
        Limits(database).open(key, by=by or login_name(), reason=reason)
    typer.echo(f"limit {key} is open")


def _print(found: "list[LimitState]") -> None:
    from spine_temporal.cli.layout import Column, table, width_of  # noqa: PLC0415 - keeps --help quick

    columns = (
        Column(title="LIMIT"),
        Column(title="STATE"),
        Column(title="RUNNING", right=True),
        Column(title="WAITING", right=True),
        Column(title="AT ONCE", right=True),
        Column(title="PER SECOND", right=True),
        Column(title="WHY", below=True),
    )
    rows = [
        (
            limit.key,
            _state(limit),
            limit.running,
            limit.waiting,
            limit.concurrency,
            limit.per_second,
            f"{limit.closed_by or 'the source'}: {limit.closed_reason}" if limit.is_closed else "",
        )
        for limit in found
    ]
    typer.echo(table(columns, rows, width_of()))


def _state(limit: "LimitState") -> str:
    if not limit.is_closed:
        return "open"
    return f"closed until {limit.closed_until:%Y-%m-%d %H:%M:%S}" if limit.closed_until else "closed"
