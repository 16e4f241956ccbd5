"""The home: what the embedded servers keep, for the user who runs them and nobody else."""

import os
import stat
from pathlib import Path

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.embedded.postgres_user import private_group
from spine_temporal.embedded.private import FILE, FOLDER, require_own, write_private

#: Ours; what Postgres keeps is its own user's.
_FOLDERS = ("logs", "temporal")


def private_home(home: Path) -> None:
    """Make the home where it is missing, and close it to others; what an older version left open is closed too.

    Raises ``SpineError`` where it cannot be written, and ``EmbeddedError`` where it belongs to another user, who could
    put anything in our way there.
    """
    try:
        home.mkdir(mode=FOLDER, parents=True, exist_ok=True)
        require_own(home)
        home.chmod(_mode(home))
        for folder in (home, *(home / name for name in _FOLDERS)):
            if folder != home:
                folder.mkdir(mode=FOLDER, exist_ok=True)
                folder.chmod(FOLDER)
            _close_files(folder)
        write_private(home / ".gitignore", "*\n")
    except OSError as error:
        reason = "Not a directory" if isinstance(error, FileExistsError) else error.strerror
        raise SpineError(
            f"the embedded servers cannot keep their data in {home} ({reason})",
            ErrorCategory.CONFIGURATION,
            advice="set SPINE_HOME to a folder that can be written",
        ) from None


def _mode(home: Path) -> int:
    """Where root starts Postgres, its system user passes through the home; that it lists nothing there."""
    passes = os.geteuid() == 0 and home.stat().st_gid == private_group()
    return FOLDER | 0o010 if passes else FOLDER


def _close_files(folder: Path) -> None:
    for entry in os.scandir(folder):
        if entry.is_file(follow_symlinks=False) and stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode) & 0o077:
            os.chmod(entry.path, FILE)
