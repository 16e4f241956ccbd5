"""The project that a command is called in: its marker, found upwards from a folder as git finds its own."""

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spine_temporal.definition.errors import ErrorCategory, SpineError

#: A file of settings alone, and the table of one that is shared.
MARKER = "spine.toml"
SHARED, TABLE = "pyproject.toml", "tool.spine"
#: Where the embedded servers keep their data, if the settings say nothing else.
HOME = ".spine"


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project: its folder, and the settings of its marker."""

    folder: Path
    #: The file that the settings are in; None: an existing home is the marker.
    file: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def where(self, key: str) -> str:
        """Return where a setting stands, for a message."""
        return f"{f'{TABLE}.' if self.file and self.file.name == SHARED else ''}{key} in {self.file}"


def find_project(start: Path) -> Project | None:
    """Return the project of the nearest marker, from ``start`` upwards; without one, that of the nearest home.

    Raises ``SpineError`` where a marker cannot be read.
    """
    folders = [start, *start.parents]
    for folder in folders:
        project = _marked(folder)
        if project is not None:
            return project
    return next((Project(folder=folder) for folder in folders if os.path.isdir(folder / HOME)), None)


def make_importable(folder: Path | None) -> None:
    """Let modules be imported from the project's folder, then from the current one."""
    for place in (os.getcwd(), str(folder) if folder else None):
        if place and place not in sys.path:
            sys.path.insert(0, place)


def current_folder() -> Path:
    """Return the current folder; raise ``SpineError`` where it has been removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise SpineError(
            "the current folder does not exist any more: go to another", ErrorCategory.CONFIGURATION
        ) from None


def _marked(folder: Path) -> Project | None:
    marker = folder / MARKER
    if os.path.isfile(marker):  # says no also where the folder may not be looked into
        return Project(folder=folder, file=marker, settings=_parsed(marker))
    shared = folder / SHARED
    if os.path.isfile(shared) and "spine" in _text(shared):
        tool = _parsed(shared).get("tool")
        table = tool.get("spine") if isinstance(tool, dict) else None
        if isinstance(table, dict):
            return Project(folder=folder, file=shared, settings=table)
    return None


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError as error:
        raise SpineError(f"{file} is not TOML: {error}", ErrorCategory.CONFIGURATION) from None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SpineError(f"{file} cannot be read: {error}", ErrorCategory.CONFIGURATION) from None
