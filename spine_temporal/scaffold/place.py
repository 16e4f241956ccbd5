"""Where in a project new code belongs: the rooms that its settings load."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spine_temporal.definition.errors import ErrorCategory, SpineError

#: How the rooms are called.
PIPELINES, WORKFLOWS = "activities", "workflows"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A project's folder, and the packages for pipelines and workflows in it, by their dotted names."""

    folder: Path
    pipelines: str = PIPELINES
    workflows: str = WORKFLOWS
    #: Folders, from the project's on.
    tests: str = "tests"
    docs: str = "docs"

    @property
    def revisions(self) -> list[Path]:
        """The Alembic revisions of all domains."""
        return sorted((self.folder / self.pipelines.replace(".", "/")).glob("**/migrations/versions/*.py"))


def place_in(folder: Path, modules: Iterable[str], tests: Sequence[str], docs: Sequence[str]) -> Place:
    """Return where a project that loads these modules has its code, and where its tests and pages are looked for.

    Raises ``SpineError`` where it loads no ``activities`` or ``workflows``, at whatever depth.
    """
    names = tuple(modules)
    return Place(
        folder=folder,
        pipelines=_room(names, PIPELINES),
        workflows=_room(names, WORKFLOWS),
        tests=next(iter(tests), Place.tests),
        docs=next(iter(docs), Place.docs),
    )


def _room(modules: tuple[str, ...], room: str) -> str:
    for name in modules:
        if f".{name}".endswith(f".{room}"):
            return name
    raise SpineError(
        f"the modules of this project ({', '.join(modules)}) have no package {room!r}, which new code goes into",
        ErrorCategory.CONFIGURATION,
        advice=f"add it to `modules` in the project's settings, as {room!r} or 'jobs.{room}'",
    )
