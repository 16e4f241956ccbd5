"""``diff``: two versions of a workflow, and what their difference means."""

from typing import TYPE_CHECKING, Annotated

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.completion import workflow_names
from spine_temporal.cli.runs import AsJson
from spine_temporal.definition.errors import ParamsError
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from spine_temporal.drawing.version import Version
    from spine_temporal.machine.resumed_run import EndedRun
    from spine_temporal.runtime.definitions import Definitions

_WHAT = (
    "a workflow's name or place (FILE.py:NAME), either at a git revision (REVISION:NAME), or a run: its run id or "
    "workflow id"
)
Before = Annotated[str, typer.Argument(metavar="A", help=f"The earlier one: {_WHAT}.", autocompletion=workflow_names)]
After = Annotated[str, typer.Argument(metavar="B", help="The later one, named in the same ways.")]


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=panels.PICTURES)(diff)


def diff(before: Before, after: After, as_json: AsJson = False) -> None:
    """Compare two versions of a workflow, and say what it means for runs. Exits 0: the same, 1: not, 2: an error."""
    from spine_temporal.cli.layout import width_of  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.pictures import print_lines  # noqa: PLC0415
    from spine_temporal.cli.printing import print_json  # noqa: PLC0415
    from spine_temporal.drawing.consequences import consequences  # noqa: PLC0415
    from spine_temporal.drawing.plan_diff import difference  # noqa: PLC0415
    from spine_temporal.drawing.terminal_diff import diff_json, diff_lines  # noqa: PLC0415

    versions = _Versions(Settings.from_environment())
    (earlier, ended), (later, _) = versions.named(before), versions.named(after)
    found = difference(earlier, later)
    means = consequences(earlier, later, found, ended)
    if as_json:
        print_json(diff_json(earlier, later, found, means))
    else:
        print_lines(diff_lines(earlier, later, found, means, width=width_of()))
    raise typer.Exit(0 if found.is_empty else 1)


class _Versions:
    """Finds versions; modules and servers are asked only where a name needs them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loaded: Definitions | None = None

    def named(self, text: str) -> "tuple[Version, EndedRun | None]":
        """Return the version of that name; of an ended run also what it has completed."""
        from spine_temporal.client.versions import version_of  # noqa: PLC0415 - keeps --help quick

        revision, colon, name = text.partition(":")
        definitions = self._definitions()
        if text in definitions.workflows:
            return version_of(definitions, text, "now"), None
        from spine_temporal.client.revisions import is_revision, version_at  # noqa: PLC0415

        if colon and _may_be_at_revision(name) and is_revision(revision):
            return version_at(revision, name, self._settings.project), None
        placed = self._placed(text)
        if placed is not None:
            return placed, None
        if text.endswith(".py"):
            raise ParamsError(f"{text!r} is a file: name the workflow in it too, as {text}:NAME")
        if "/" in text or _is_run_id(text):
            return self._run(text)
        if colon:
            raise ParamsError(
                f"{text!r}: git knows no revision {revision!r} here, and no workflow has that name; give {_WHAT}"
            )
        if is_revision(text):
            raise ParamsError(f"{text!r} is a git revision: name the workflow too, as {text}:NAME")
        return version_of(definitions, text, "now"), None  # raises, naming those that there are

    def _placed(self, text: str) -> "Version | None":
        """Return the workflow that a text names by its place, as FILE.py:NAME."""
        from spine_temporal.client.versions import version_of  # noqa: PLC0415 - keeps --help quick
        from spine_temporal.runtime.references import load_referenced, split_id  # noqa: PLC0415

        reference, name = split_id(text)
        if reference is None or name != reference.workflow.name:
            return None
        return version_of(load_referenced(self._settings.modules, reference), name, "now")

    def _definitions(self) -> "Definitions":
        from spine_temporal.cli.session import definitions  # noqa: PLC0415 - keeps --help quick

        self._loaded = self._loaded or definitions(self._settings)
        return self._loaded

    def _run(self, identity: str) -> "tuple[Version, EndedRun | None]":
        from spine_temporal.cli.session import opened_database  # noqa: PLC0415 - keeps --help quick
        from spine_temporal.client.versions import version_of_run  # noqa: PLC0415
        from spine_temporal.definition.run_result import WorkflowStatus  # noqa: PLC0415
        from spine_temporal.recording.ended_runs import ended_run  # noqa: PLC0415
        from spine_temporal.recording.run_steps import find_run  # noqa: PLC0415

        with opened_database(self._settings) as database, database.begin() as connection:
            row = find_run(connection, identity)
            is_open = row.status == WorkflowStatus.RUNNING
            return version_of_run(row), None if is_open else ended_run(connection, row)


def _may_be_at_revision(name: str) -> bool:
    """Return whether what stands behind a colon is a workflow's name or place, or a file, and no part of a run's id."""
    from spine_temporal.runtime.references import reference_of  # noqa: PLC0415 - keeps --help quick

    return "/" not in name or name.endswith(".py") or reference_of(name) is not None


def _is_run_id(text: str) -> bool:
    from uuid import UUID  # noqa: PLC0415 - keeps --help quick

    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
