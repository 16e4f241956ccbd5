"""Files and folders for this process's user alone, whatever its umask."""

import os
import pwd
import stat
from pathlib import Path

from spine_temporal.embedded.errors import EmbeddedError

FOLDER, FILE = 0o700, 0o600


def write_private(path: Path, text: str) -> None:
    """Write the file so that a reader sees the old one or the new one, and nobody else can read either."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def open_log(path: Path) -> int:
    """Return a descriptor that appends to the log."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE)
    os.fchmod(descriptor, FILE)
    return descriptor


def require_own(path: Path) -> None:
    """Raise ``EmbeddedError`` where the folder, or a link in its place, belongs to somebody else."""
    for found in (path.lstat(), path.stat()):
        if found.st_uid != os.geteuid():
            raise EmbeddedError(
                f"{path} belongs to {user_name(found.st_uid)}, and this is {user_name(os.geteuid())}: "
                "give it to the user who runs this, or set SPINE_HOME to another folder"
            )
        if not (stat.S_ISDIR(found.st_mode) or stat.S_ISLNK(found.st_mode)):
            raise EmbeddedError(f"{path} is no folder: remove it, or set SPINE_HOME to another one")


def is_private(path: Path, uid: int) -> bool:
    """Whether it is a folder, and no link, that this user alone can enter."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not found.st_mode & 0o077


def user_name(uid: int) -> str:
    """Return the user's name, else the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
