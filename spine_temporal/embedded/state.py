"""What runs now in a home: kept as JSON beside the servers' data."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from spine_temporal.embedded.private import write_private

_FILE = "servers.json"


@dataclass(frozen=True, kw_only=True)
class ServerState:
    """Addresses and process ids; None where the server is not running."""

    temporal_address: str | None = None
    ui_url: str | None = None
    temporal_pid: int | None = None
    database_url: str | None = None
    postgres_pid: int | None = None


def running_servers(home: Path) -> ServerState:
    """Return what is running now, without starting anything."""
    state = remembered_servers(home)
    if state.temporal_pid is None or not is_process(state.temporal_pid, "start-dev"):
        state = replace(state, temporal_address=None, ui_url=None, temporal_pid=None)
    if state.postgres_pid is None or not is_process(state.postgres_pid, "postgres"):
        state = replace(state, database_url=None, postgres_pid=None)
    return state


def remembered_servers(home: Path) -> ServerState:
    """Return what was last started, running or not."""
    try:
        return ServerState(**json.loads((home / _FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return ServerState()


def save(home: Path, state: ServerState) -> None:
    """Write the state so that a reader sees the old one or the new one."""
    write_private(home / _FILE, json.dumps(asdict(state)))


def is_process(pid: int, word: str) -> bool:
    """Return whether the process lives and has the word in its command line; a zombie has none."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self").exists() and _answers_signals(pid)
    return word.encode() in command


def reap(pid: int) -> None:
    """Take a child's exit status, so that it does not stay as a zombie; another's child is init's to reap."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _answers_signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
