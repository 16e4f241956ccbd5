"""Which code is the user's, and how its files are named. Decided here, and nowhere else."""

import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import TracebackType

#: Folders whose code is not the user's: ours, and the standard library's.
_NOT_THEIRS = tuple(
    {
        Path(__file__).resolve().parents[1],
        *(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")),
    }
)
#: What stands for a file where code was typed or handed over as text; other names of this form are of generated code.
_TYPED = ("<stdin", "<string", "<ipython", "<doctest")
#: Folders that installed packages lie in.
_INSTALLED = frozenset({"site-packages", "dist-packages"})


@cache
def is_user_code(file: str) -> bool:
    """Return whether a file is the user's: not ours, and of no library, be it the standard one."""
    if file.startswith("<"):
        return file.startswith(_TYPED)
    path = Path(file).resolve()
    return _INSTALLED.isdisjoint(path.parts) and not any(path.is_relative_to(folder) for folder in _NOT_THEIRS)


def is_our_code(file: str) -> bool:
    """Return whether a file is of this package."""
    return not file.startswith("<") and Path(file).resolve().is_relative_to(Path(__file__).resolve().parents[1])


def short_path(file: str) -> str:
    """Return a file's path from the current folder or from where Python imports it: the same on every machine."""
    if file.startswith("<"):
        return file
    path = Path(file).resolve()
    folder = next((folder for folder in _folders() if path.is_relative_to(folder)), None)
    return str(path) if folder is None else path.relative_to(folder).as_posix()


def user_frames(traceback: TracebackType | None) -> TracebackType | None:
    """Return the traceback with the user's frames alone."""
    frames = [frame for frame in _frames(traceback) if is_user_code(frame.tb_frame.f_code.co_filename)]
    kept: TracebackType | None = None
    for frame in reversed(frames):
        kept = TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return kept


def is_raised_by_us(traceback: TracebackType | None) -> bool:
    """Return whether an exception has gone through this package's code."""
    return any(is_our_code(frame.tb_frame.f_code.co_filename) for frame in _frames(traceback))


def _frames(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _folders() -> list[Path]:
    """Return the current folder, then where Python imports from, the deepest first; never one that holds everything."""
    try:
        here, imported = Path.cwd(), {Path(folder).resolve() for folder in sys.path}
    except OSError:  # the current folder was deleted
        return []
    deepest = sorted(imported, key=lambda folder: len(folder.parts), reverse=True)
    return [folder for folder in (here, *deepest) if folder != Path(folder.anchor)]
