"""The files of a new project, workflow or pipeline."""

import re
from pathlib import Path

from spine_temporal.scaffold.names import DatedParam, NewName
from spine_temporal.scaffold.new_files import NewFile
from spine_temporal.scaffold.place import Place
from spine_temporal.scaffold.revisions import next_revision, refuse_tables
from spine_temporal.scaffold.templates import rendered

#: The sample data's day.
SAMPLE_DAY = "2026-01-05"


def project_files(folder: Path, workflow: NewName, param: DatedParam) -> list[NewFile]:
    """Return the files of a new project with one workflow. ``folder``: where it is going to be, absolute."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-") or "jobs"
    settings = NewFile(path=Path("pyproject.toml"), text=rendered("pyproject.toml", project=name))
    ignored = NewFile(path=Path(".gitignore"), text=rendered("gitignore"))
    return [settings, ignored, *workflow_files(Place(folder=folder), workflow, param)]


def workflow_files(place: Place, name: NewName, param: DatedParam) -> list[NewFile]:
    """Return the files of a new workflow: two pipelines, two gates, tables, tests, a page and a day of sample data."""
    paths = {
        "pipelines.py": _module(place.pipelines, name),
        "workflow.py": _module(place.workflows, name),
        "test_workflow.py": Path(place.tests, f"test_{name.table}.py"),
        "page.md": Path(place.docs, name.folders, f"{name.operation}.md"),
    }
    return _files(place, name, param, paths, migration="workflow_tables.py")


def pipeline_files(place: Place, name: NewName, param: DatedParam) -> list[NewFile]:
    """Return the files of a new pipeline that no workflow names yet: its table, its tests, a day of sample data."""
    paths = {
        "pipeline.py": _module(place.pipelines, name),
        "test_pipeline.py": Path(place.tests, f"test_{name.table}.py"),
    }
    return _files(place, name, param, paths, migration="pipeline_table.py")


def _files(
    place: Place, name: NewName, param: DatedParam, templates: dict[str, Path], *, migration: str
) -> list[NewFile]:
    domain = _module(place.pipelines, name).parent
    versions = domain / "migrations" / "versions"
    refuse_tables([name.table, f"{name.table}_line"], place.revisions)
    revision = next_revision(name.branch, place.folder / versions, place.revisions)
    paths = templates | {
        migration: versions / f"{revision.name}.py",
        "sample.csv": Path("data", name.folders, name.operation, f"{SAMPLE_DAY}.csv"),
    }
    values = {
        "name": str(name),
        "domain": name.domain,
        "operation": name.operation,
        "constant": name.constant,
        "class_name": name.class_name,
        "table": name.table,
        "param": param,
        "day": SAMPLE_DAY,
        "pipelines": _dotted(_module(place.pipelines, name)),
        "workflow": _dotted(_module(place.workflows, name)),
        "data": "/".join(("data", name.folders, name.operation)),
        "up": str(len(domain.parts)),
        "revision": revision.name,
        "down_revision": "None" if revision.down is None else f'"{revision.down}"',
        "branch_labels": "None" if revision.branch is None else f'("{revision.branch}",)',
    }
    return [NewFile(path=path, text=rendered(template, **values)) for template, path in paths.items()]


def _module(package: str, name: NewName) -> Path:
    return Path(*package.split("."), *name.domain.split("."), f"{name.operation}.py")


def _dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts)
