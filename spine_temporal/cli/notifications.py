"""``notifications``: what people were told, and whether it has arrived."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.filters import AsJson, Limit
from spine_temporal.definition.errors import ParamsError
from spine_temporal.settings import Settings

_app = typer.Typer(help="Look at notifications, deliver them again, try the channels.", no_args_is_help=True)

Channel = Annotated[str | None, typer.Argument(metavar="[CHANNEL]", help="The channel; default: each.")]
Status = Annotated[
    str | None,
    typer.Option("--status", metavar="STATUS", help="Only waiting, pending, delivered, failed or unrouted ones."),
]
Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="Notifications, by their id or its first 8 characters.")
]
All = Annotated[bool, typer.Option("--all", help="All that have failed.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(_app, name="notifications", rich_help_panel=panels.ROWS)


@_app.command("test")
def try_(channel: Channel = None) -> None:
    """Send a test over a channel, from here. Exits 1 where one is not taken."""
    from spine_temporal.client.notifications import try_channels  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.operating.notifications.notification_settings import notification_settings  # noqa: PLC0415

    settings = notification_settings()
    if not settings.channels:
        raise ParamsError(
            "no channel is declared", advice="declare one below [tool.spine.notifications.channels] in pyproject.toml"
        )
    is_wrong = False
    for name, error in try_channels(settings, channel):
        typer.echo(f"{name}: {'taken' if error is None else error}")
        is_wrong = is_wrong or error is not None
    raise typer.Exit(1 if is_wrong else 0)


@_app.command("list")
def list_(status: Status = None, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Print what people were told, newest first, with each channel that it goes to."""
    from spine_temporal.cli.printing import print_json  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.session import opened_database  # noqa: PLC0415
    from spine_temporal.client.notifications import list_notifications  # noqa: PLC0415

    with opened_database(Settings.from_environment()) as database:
        rows = list_notifications(database, status=status, limit=limit)
    if as_json:
        print_json(rows)
        return
    _print(rows)


@_app.command()
def retry(ids: Ids = None, every: All = False) -> None:
    """Deliver again what has failed; with its ID also what no route wanted, after the routes were changed."""
    from spine_temporal.cli.session import opened_database  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.client.notifications import retry_notifications  # noqa: PLC0415

    if bool(ids) == every:
        raise ParamsError("give the IDs of notifications, or --all: `spine-temporal notifications list` has them")
    with opened_database(Settings.from_environment()) as database:
        count = retry_notifications(database, ids or None)
    typer.echo(f"{count} to be delivered again; a worker does so within seconds" if count else "nothing has failed")


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    from spine_temporal.cli.layout import Column, table, width_of  # noqa: PLC0415 - keeps --help quick

    if not rows:
        typer.echo("no notification")
        return
    columns = [Column(title=title) for title in ("ID", "AT", "WHAT", "PARTITION", "CHANNEL", "STATUS", "MESSAGE")]
    lines = [
        [
            str(row["notification_id"])[:8],
            row["created_at"],
            f"{row['severity']} {row['kind']} {row['workflow']}",
            row["partition_key"],
            row["channel"],
            f"{row['status'].lower()}, {row['attempts']} attempts" if row["error"] else row["status"].lower(),
            row["error"] or row["message"],
        ]
        for row in rows
    ]
    typer.echo(table(columns, lines, width_of()))
