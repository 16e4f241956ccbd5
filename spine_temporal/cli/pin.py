"""``pin``: keep what each workflow asks of Temporal beside the tests; ``--check`` says what has changed since."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.completion import workflow_names
from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from spine_temporal.runtime.definitions import Definitions

#: Where pins are kept, from the project's folder on.
FOLDER = Path("tests") / "pins"

Workflows = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="WORKFLOW",
        help="Names, or where they are: FILE.py:NAME, MODULE:NAME. Default: all.",
        autocompletion=workflow_names,
    ),
]
Folder = Annotated[Path | None, typer.Option("--folder", metavar="FOLDER", help=f"Default: {FOLDER} of the project.")]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 where one has changed.")]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel=panels.DEPLOYING)(pin)


def pin(workflows: Workflows = None, folder: Folder = None, check: Check = False) -> None:
    """Write what each workflow asks of Temporal, a file for each, to be committed with the tests."""
    settings = Settings.from_environment()
    loaded, names = _named(settings, workflows or [])
    place = folder or (settings.project or Path()) / FOLDER
    if not names:
        raise SpineError(
            "there is nothing to pin: the modules define no workflow",
            ErrorCategory.CONFIGURATION,
            advice="go to the folder of your project, or name its modules in SPINE_MODULES or spine.toml",
        )
    if check:
        raise typer.Exit(_check(place, names, loaded, is_all=not workflows))
    _write(place, names, loaded)


def _named(settings: Settings, texts: list[str]) -> "tuple[Definitions, list[str]]":
    """Return the definitions, with the workflows that are named by their places, and the names of those to pin."""
    from dataclasses import replace  # noqa: PLC0415 - keeps --help quick

    from spine_temporal.cli.session import chosen, definitions  # noqa: PLC0415

    chosen_ones = [chosen(settings, text) for text in texts]
    loaded = definitions(settings)
    placed = {workflow.name: definitions(its).workflows[workflow.name] for its, workflow in chosen_ones}
    names = [workflow.name for _, workflow in chosen_ones] or sorted(loaded.workflows)
    return replace(loaded, workflows={**loaded.workflows, **placed}), names


def _write(folder: Path, names: list[str], loaded: "Definitions") -> None:
    from spine_temporal.pins.pin import file_of, pin_of  # noqa: PLC0415 - keeps --help quick

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            file_of(folder, name).write_text(pin_of(loaded.workflow(name)).text())
    except OSError as error:
        raise SpineError(
            f"pins cannot be written: {error}",
            ErrorCategory.CONFIGURATION,
            advice="name a folder that can be written in, with --folder",
        ) from None
    typer.echo(f"pinned {', '.join(names)} in {folder}")


def _check(folder: Path, names: list[str], loaded: "Definitions", *, is_all: bool) -> int:
    from spine_temporal.cli.printing import say  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.pins.checking import checked_pins  # noqa: PLC0415

    changed = checked_pins(folder, names, loaded.workflows_by_name, loaded.pipelines, is_all=is_all)
    for name, changes in changed.items():
        say(name)
        for change in changes:
            say(f"{change.effect}: {change}", indent="  ", hanging="    ")
    if changed:
        say("where this is meant, write the pins anew with `spine-temporal pin` and commit them")
        return 1
    told = "1 workflow asks" if len(names) == 1 else f"{len(names)} workflows ask"
    typer.echo(f"{told} for what is pinned in {folder}")
    return 0
