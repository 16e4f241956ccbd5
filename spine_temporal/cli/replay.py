"""``replay``: would the code at hand go on with the runs in flight? Exits 1 where it would not."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spine_temporal.cli import panels
from spine_temporal.definition.errors import ErrorCategory, ParamsError, SpineError
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from temporalio.converter import DataConverter

    from spine_temporal.replaying.replay import Replayed
    from spine_temporal.runtime.definitions import Definitions

#: Ended runs that are replayed beside the open ones.
_LAST = 100

Places = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE|FOLDER", help="Histories as JSON. Without one: those of the namespace."),
]
Query = Annotated[
    str | None,
    typer.Option("--query", metavar="QUERY", help="Only the runs that this query of Temporal's list finds."),
]
Last = Annotated[
    int | None,
    typer.Option("--last", min=0, metavar="N", help=f"How many ended runs, newest first; default: {_LAST}."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print an array of histories.")]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel=panels.DEPLOYING)(replay)


def replay(places: Places = None, query: Query = None, last: Last = None, as_json: AsJson = False) -> None:
    """Replay the histories of open and recent runs with the code at hand. Exits 1 where one diverges."""
    from spine_temporal.cli.printing import print_json  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.session import definitions, run_async  # noqa: PLC0415
    from spine_temporal.replaying.replay import replay_all  # noqa: PLC0415

    settings = Settings.from_environment()
    if places and (query is not None or last is not None):
        raise ParamsError("files and --query or --last do not go together: the files say which histories are replayed")
    loaded = definitions(settings)

    async def work() -> "list[Replayed]":
        if not places:
            return await _of_namespace(settings, loaded, query, _LAST if last is None else last)
        from spine_temporal.replaying.histories import read_histories  # noqa: PLC0415

        return await replay_all(read_histories(places), loaded, _stored(settings))

    replayed: list[Replayed] = run_async(work)
    if as_json:
        print_json([_as_json(each) for each in replayed])
    _require_some(replayed, "these files hold" if places else "the namespace has")
    if not as_json:
        _print(replayed)
    raise typer.Exit(1 if any(each.failed for each in replayed) else 0)


async def _of_namespace(settings: Settings, loaded: "Definitions", query: str | None, last: int) -> "list[Replayed]":
    from spine_temporal.client.servers import connect, running_servers_of  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.replaying.corpus import matching, open_and_recent  # noqa: PLC0415
    from spine_temporal.replaying.replay import replay_all  # noqa: PLC0415

    with running_servers_of(settings) as servers:
        client = await connect(servers)
        if query is None:
            histories = open_and_recent(client, loaded.workflows, last=last)
        else:
            histories = matching(client, query, last=last)
        return await replay_all(histories, loaded, client.data_converter)


def _stored(settings: Settings) -> "DataConverter | None":
    """Return what also reads payloads that histories leave in Postgres; None where it cannot be reached."""
    from spine_temporal.client.servers import UnreachableError, converter_of, found_servers  # noqa: PLC0415

    try:
        return converter_of(found_servers(settings, temporal=False))
    except UnreachableError:
        return None


def _require_some(replayed: "list[Replayed]", what: str) -> None:
    """Refuse to say that all is well where nothing was replayed."""
    if any(not each.skipped for each in replayed):
        return
    skipped = f" ({len(replayed)} skipped: {replayed[0].skipped})" if replayed else ""
    raise SpineError(
        f"nothing was replayed: {what} no history of a workflow of this code{skipped}",
        ErrorCategory.CONFIGURATION,
        advice="run the workflows first, name files of histories, or look for others with --query",
    )


def _print(replayed: "list[Replayed]") -> None:
    from spine_temporal.cli.printing import say  # noqa: PLC0415 - keeps --help quick

    for each in replayed:
        if each.failed:
            say(f"{'UNKNOWN' if each.is_unknown else 'DIVERGES'} {_name(each)}")
            say(each.problem, indent="  ")
        if each.divergence is not None:
            say(each.divergence.reason, indent="  ")
    skipped = [each for each in replayed if each.skipped]
    if skipped:
        say(f"{len(skipped)} skipped: {'; '.join(sorted({each.skipped for each in skipped}))}")
    done = [each for each in replayed if not each.skipped]
    failed = [each for each in done if each.failed]
    opened = sum(each.history.is_open for each in done)
    if failed:
        advice = "keep workers of the old code until such runs have ended"
        say(f"{len(failed)} of {len(done)} histories do not replay: {advice}")
    else:
        say(f"{len(done)} of {len(done)} histories replay, {opened} of open runs: this code goes on with them")


def _name(each: "Replayed") -> str:
    return f"{each.history.name} ({each.history.workflow}, run {each.history.run_id})"


def _as_json(each: "Replayed") -> dict[str, Any]:
    return {
        "name": each.history.name,
        "workflow": each.history.workflow,
        "run_id": each.history.run_id,
        "open": each.history.is_open,
        "replays": not each.failed and not each.skipped,
        "unknown_workflow": each.is_unknown,
        "skipped": each.skipped or None,
        "divergence": None if each.divergence is None else vars(each.divergence),
    }
