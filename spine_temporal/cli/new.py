"""``new``: a project, a workflow or a pipeline, written from templates; what a flag does not say is asked for."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spine_temporal.cli import panels
from spine_temporal.definition.errors import DefinitionError, ErrorCategory, ParamsError, SpineError

if TYPE_CHECKING:
    from spine_temporal.runtime.definitions import Definitions
    from spine_temporal.scaffold import DatedParam, NewFile, NewName, Place

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="domain.operation, such as prices.daily.")]
Folder = Annotated[Path | None, typer.Argument(metavar="DIR", help="Made where it is missing.")]
Workflow = Annotated[
    str | None, typer.Option("--workflow", metavar="NAME", help="Its first workflow: domain.operation.")
]
PartitionBy = Annotated[
    str | None, typer.Option("--partition-by", metavar="PARAM", help="The param that says which day a run works on.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List the files, and write none.")]


def add_to(to: typer.Typer) -> None:
    """Add the commands."""
    to.add_typer(
        app,
        name="new",
        help="Write a project, a workflow or a pipeline, with its tests.",
        rich_help_panel=panels.WRITING,
    )


@app.command()
def project(
    folder: Folder = None, workflow: Workflow = None, partition_by: PartitionBy = None, dry_run: DryRun = False
) -> None:
    """Write a project with one workflow: it passes `check` and its own tests, and runs, as it is."""
    from spine_temporal.scaffold import dated_param, new_name, project_files  # noqa: PLC0415 - keeps --help quick

    place = (folder or Path(_asked("DIR", "Folder of the project"))).resolve()
    _refuse_project(place)
    name = new_name(workflow or _asked("--workflow", "Its first workflow, as domain.operation"), "workflow")
    param = dated_param(partition_by or _asked_param())
    _write(place, project_files(place, name, param), dry_run=dry_run)
    if not dry_run:
        _tell_next(place, name, param)


@app.command()
def workflow(name: Name = None, partition_by: PartitionBy = None, dry_run: DryRun = False) -> None:
    """Add a workflow to the project: pipelines, gates, tables, tests, a page and a day of sample data."""
    from spine_temporal.scaffold import dated_param, workflow_files  # noqa: PLC0415 - keeps --help quick

    place, known = _project()
    asked = _new(name, "workflow", known)
    _refuse_known([f"{asked.domain}.{verb}_{asked.operation}" for verb in ("ingest", "load")], known)
    param = dated_param(partition_by or _asked_param())
    _write(place.folder, workflow_files(place, asked, param), dry_run=dry_run)
    if not dry_run:
        _tell_next(place.folder, asked, param)


@app.command()
def pipeline(name: Name = None, partition_by: PartitionBy = None, dry_run: DryRun = False) -> None:
    """Add a pipeline to the project, for a step to name: its table, its tests and a day of sample data."""
    from spine_temporal.scaffold import dated_param, pipeline_files  # noqa: PLC0415 - keeps --help quick

    place, known = _project()
    asked = _new(name, "pipeline", known)
    param = dated_param(partition_by or _asked_param())
    _write(place.folder, pipeline_files(place, asked, param), dry_run=dry_run)
    if not dry_run:
        _tell([f'give it to a step: Step.pipeline("{asked.operation}", "{asked}")'])


def _asked(flag: str, question: str, default: str | None = None) -> str:
    """Ask for what a flag does not say; raise ``ParamsError`` where nobody is there to be asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ParamsError(f"{flag} is missing, and without a terminal nobody can be asked for it: give {flag}")
    return str(typer.prompt(question, default=default, err=True))


def _asked_param() -> str:
    return _asked("--partition-by", "The param that says which day a run works on", "day")


def _new(name: str | None, what: str, known: "Definitions") -> "NewName":
    from spine_temporal.scaffold import new_name  # noqa: PLC0415 - keeps --help quick

    asked = new_name(name or _asked("NAME", f"Name of the {what}, as domain.operation"), what)
    _refuse_known([str(asked)], known)
    return asked


def _refuse_known(names: Sequence[str], known: "Definitions") -> None:
    for name in names:
        for what, there in (("workflow", known.workflows), ("pipeline", known.pipelines)):
            if name in there:
                raise DefinitionError(f"this project has a {what} {name!r} already: take another name")


def _refuse_project(folder: Path) -> None:
    from spine_temporal.project import find_project  # noqa: PLC0415 - keeps --help quick

    found = find_project(folder)
    if found is not None and found.folder == folder and found.file is not None:
        raise SpineError(
            f"{folder} is a project already: it has {found.file.name}",
            ErrorCategory.CONFIGURATION,
            advice="add to it with `spine-temporal new workflow NAME` there, or name another folder",
        )


def _project() -> "tuple[Place, Definitions]":
    """Return where the project of the current folder has its code, and what it defines already."""
    from spine_temporal.client.check import check_settings  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.project import current_folder, find_project, make_importable  # noqa: PLC0415
    from spine_temporal.runtime.definitions import load_definitions  # noqa: PLC0415
    from spine_temporal.scaffold import place_in  # noqa: PLC0415
    from spine_temporal.settings import Settings  # noqa: PLC0415

    found = find_project(current_folder())
    if found is None or found.file is None:
        raise SpineError(
            "there is no project here or above: no spine.toml, and no pyproject.toml with a table [tool.spine]",
            ErrorCategory.CONFIGURATION,
            advice="go to one, or write one with `spine-temporal new project DIR`",
        )
    modules, checks = Settings.from_environment().modules, check_settings(found)
    make_importable(found.folder)
    return place_in(found.folder, modules, checks.tests, checks.docs), load_definitions(modules)


def _write(folder: Path, files: "Sequence[NewFile]", *, dry_run: bool) -> None:
    from spine_temporal.scaffold import refuse_obstacles, write_files  # noqa: PLC0415 - keeps --help quick

    if dry_run:
        refuse_obstacles(folder, files)
    else:
        write_files(folder, files)
    for file in files:
        typer.echo(_shown(folder / file.path))


def _tell_next(folder: Path, name: "NewName", param: "DatedParam") -> None:
    from spine_temporal.scaffold import SAMPLE_DAY  # noqa: PLC0415 - keeps --help quick

    first = [] if folder == Path.cwd() else [f"cd {shlex.quote(_shown(folder))}"]
    checks = ["spine-temporal check --strict", "python -m pytest"]
    _tell([*first, *checks, f"spine-temporal run {name} -p {param}={SAMPLE_DAY}"])


def _tell(lines: Sequence[str]) -> None:
    typer.echo("next:", err=True)
    for line in lines:
        typer.echo(f"  {line}", err=True)


def _shown(path: Path) -> str:
    current = Path.cwd()
    return str(path.relative_to(current)) if path.is_relative_to(current) else str(path)
