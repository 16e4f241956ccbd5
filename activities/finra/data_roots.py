"""Which files a param may name: those below a few folders, whatever link or path leads there.

Whoever may start a workflow chooses its params; the worker's user can read more than they may.
"""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from spine_temporal import ErrorCategory, SpineError
from spine_temporal.settings import Settings

_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
#: No terminal becomes ours, a pipe is not waited for, and no link is followed at the end.
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC


def data_roots() -> tuple[Path, ...]:
    """Return the folders, without links: those of ``SPINE_DATA_ROOTS``, else those that a new user works in."""
    settings = Settings.from_environment()
    if settings.data_roots:
        return tuple(path.expanduser().resolve() for path in settings.data_roots)
    usual = dict.fromkeys(path.resolve() for path in (Path(), settings.home, Path(tempfile.gettempdir())))
    # A service often has / as its current folder, which would be everything; it counts where it is named.
    return tuple(path for path in usual if path != Path(path.anchor))


def confined(given: str, param: str) -> Path:
    """Return the path that ``given`` leads to; raise NOT_ALLOWED where that is in none of the folders.

    Nothing is told of what is there. Raises ``OSError``, ``ValueError`` or ``RuntimeError`` where it is no path.
    """
    path = Path(given).expanduser().resolve()
    _require_confined(path, given, param)
    return path


def open_confined(given: str, param: str) -> BinaryIO:
    """Open a regular file in one of the folders; raise NOT_ALLOWED, or ``OSError`` where there is none."""
    path = confined(given, param)
    _require_regular(path.stat().st_mode, given, param)
    descriptor = os.open(path, _FLAGS)
    try:
        _require_regular(os.fstat(descriptor).st_mode, given, param)
        # Somebody may have put a link in the path since it was looked at.
        _require_confined(_path_of(descriptor, path), given, param)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _require_confined(path: Path, given: str, param: str) -> None:
    roots = data_roots()
    if not any(path.is_relative_to(root) for root in roots):
        raise not_allowed(
            f"{given} leads out of the folders that the worker may use ({', '.join(map(str, roots))}): "
            f"give a {param} in one of them, or add its folder to SPINE_DATA_ROOTS where the worker runs"
        )


def _require_regular(mode: int, given: str, param: str) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
        raise not_allowed(f"{given} is {kind} and no regular file; check {param}")


def _path_of(descriptor: int, path: Path) -> Path:
    """Return where the open file is, as Linux knows it; elsewhere, where it was looked for."""
    try:
        return Path(os.readlink(f"/proc/self/fd/{descriptor}"))
    except OSError:
        return path


def not_allowed(message: str) -> SpineError:
    """Return the error of a path that a param may not name."""
    return SpineError(message, ErrorCategory.CONFIGURATION, code="NOT_ALLOWED")
