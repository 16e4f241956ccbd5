"""File locks that die with their process: who starts servers, who uses them, who has a worker."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.embedded.errors import EmbeddedError
from spine_temporal.embedded.home import private_home
from spine_temporal.embedded.private import FILE


@contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[int]:
    """Hold the lock; wait for it if need be. The descriptor is not inherited by child processes."""
    descriptor = _opened(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def try_exclusive(path: Path) -> int | None:
    """Return a descriptor that holds the lock alone, None where somebody else holds it."""
    descriptor = _opened(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE)
    except OSError as error:
        raise EmbeddedError(
            f"{path} cannot be opened: {error.strerror}; the servers of a home belong to the user who made it: "
            "run this as that user, or set SPINE_HOME to another folder"
        ) from None


@contextmanager
def worker_lock(home: Path) -> Iterator[None]:
    """Say that this home has a worker that lives as long as its servers; raise ``SpineError`` where it has one."""
    private_home(home)
    descriptor = try_exclusive(home / "worker.lock")
    if descriptor is None:
        raise SpineError(
            f"another `spine-temporal dev` runs in {home}",
            ErrorCategory.CONFIGURATION,
            advice="use that one, or set SPINE_HOME",
        )
    try:
        yield
    finally:
        os.close(descriptor)


def worker_lock_held(home: Path) -> bool:
    """Return whether such a worker is there now."""
    return _held(home / "worker.lock")


def servers_lock_held(home: Path) -> bool:
    """Return whether somebody starts or stops the home's servers now."""
    return _held(home / "servers.lock")


def _held(path: Path) -> bool:
    """Return whether somebody holds the lock; a file that is not there is not made."""
    if not path.exists():
        return False
    descriptor = try_exclusive(path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False
