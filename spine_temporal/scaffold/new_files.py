"""Files that are to be written, and what is in their way."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spine_temporal.definition.errors import ErrorCategory, SpineError


@dataclass(frozen=True, kw_only=True)
class NewFile:
    """A file, its path from the project's folder on, and its text."""

    path: Path
    text: str


def refuse_obstacles(folder: Path, files: Sequence[NewFile]) -> None:
    """Raise ``SpineError`` naming all that is in the way of these files in a folder."""
    found = sorted({str(each) for file in files for each in _obstacles(folder, file)})
    if found:
        raise SpineError(
            f"nothing was written, as there is already {', '.join(found)}",
            ErrorCategory.CONFIGURATION,
            advice="take another name, or move what is there",
        )


def write_files(folder: Path, files: Sequence[NewFile]) -> None:
    """Write the files. Raises ``SpineError`` where one exists, or cannot be written."""
    refuse_obstacles(folder, files)
    for file in files:
        path = folder / file.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as opened:
                opened.write(file.text)
        except OSError as error:
            raise SpineError(
                f"{path} cannot be written: {error.strerror or error}", ErrorCategory.CONFIGURATION
            ) from None


def _obstacles(folder: Path, file: NewFile) -> Iterator[Path]:
    """Yield the file itself, a file where it needs a folder, and a module or package that its import would find."""
    path = folder / file.path
    above = [folder / parent for parent in file.path.parents]
    if os.path.lexists(path):
        yield path
    yield from (parent for parent in above if os.path.lexists(parent) and not os.path.isdir(parent))
    if path.suffix == ".py":
        modules = [parent.with_suffix(".py") for parent in above[:-1]]
        yield from (module for module in modules if os.path.lexists(module))
        if os.path.isdir(path.with_suffix("")):
            yield path.with_suffix("")
