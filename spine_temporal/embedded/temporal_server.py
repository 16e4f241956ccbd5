"""Temporal's own dev server with its Web UI, on a file."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from spine_temporal.embedded.errors import NOT_INSTALLED, EmbeddedError, with_log
from spine_temporal.embedded.home import private_home
from spine_temporal.embedded.ports import holds_port, is_free
from spine_temporal.embedded.private import open_log
from spine_temporal.embedded.state import ServerState, is_process, reap

#: Seconds that the server gets to answer, and to stop.
_START = 60.0
_STOP = 10.0
_PORT, _UI_PORT = 7233, 8233
#: Unlimited, a sequential run waits up to 50 ms for every task: the dev server has one shard, limited to 20 a second.
_DISPATCH = (
    "history.transferProcessorMaxPollRPS",
    "history.timerProcessorMaxPollRPS",
    "history.visibilityProcessorMaxPollRPS",
)
#: What a Temporal of today can do and its dev server leaves off: runs are paused and unpaused by their operators.
_FEATURES = ("frontend.WorkflowPauseEnabled",)
#: Left alone, the dev server reads the names of all search attributes from its file whenever a run names one. Off, it
#: keeps them in mind, as servers in production do, and looks every few seconds whether there are more.
_READS_NAMES = "system.forceSearchAttributesCacheRefreshOnRead"
#: The server's own is a rollback journal: a file made and deleted for each commit, and twice the processor time.
_JOURNAL = "journal_mode=wal"
#: What every benchmark must tell.
TUNED = f"{_JOURNAL}, {', '.join(_DISPATCH)} = 500 a second, {_READS_NAMES} = false"


class _EndedError(EmbeddedError):
    """Raised when the server ends while it starts."""


def start_temporal(
    home: Path,
    search_attributes: Mapping[str, str],
    *,
    port: int | None,
    ui_port: int | None,
    before: ServerState,
    dynamic_config: Mapping[str, str] = MappingProxyType({}),
) -> tuple[str, str, int]:
    """Start the server; return its address, the Web UI's URL and the process id."""
    private_home(home)
    arguments = []
    settings = dict.fromkeys(_DISPATCH, "500") | dict.fromkeys(_FEATURES, "true") | {_READS_NAMES: "false"}
    settings |= dynamic_config
    for key, value in settings.items():
        arguments += ["--dynamic-config-value", f"{key}={value}"]
    for name, kind in search_attributes.items():
        arguments += ["--search-attribute", f"{name}={kind}"]
    chosen = _port(port, (_remembered(before.temporal_address), _PORT), "Temporal")
    usual = (number for number in (_remembered(before.ui_url), _UI_PORT) if number != chosen)
    try:
        return _started(home, arguments, chosen, _port(ui_port, usual, "the Web UI"))
    except _EndedError:
        # Another server may have taken a port between our look at it and the start.
        return _started(home, arguments, _port(port, (), "Temporal"), _port(ui_port, (), "the Web UI"))


def _started(home: Path, arguments: list[str], port: int, ui_port: int) -> tuple[str, str, int]:
    program, log = temporal_program(), home / "logs" / "temporal.log"
    command = [
        program, "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port), "--ui-port", str(ui_port),
        "--db-filename", str(home / "temporal" / "temporal.db"), "--sqlite-pragma", _JOURNAL, "--log-level", "warn",
    ]  # fmt: skip
    with os.fdopen(open_log(log), "ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=0o077,
        )
    address = f"127.0.0.1:{port}"
    _wait(process, program, address, log)
    process.returncode = 0  # it belongs to the home from here on, and not to this object
    return address, f"http://127.0.0.1:{ui_port}", process.pid


def temporal_program() -> str:
    """Return the ``temporal`` program: of this environment, else of the PATH."""
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise EmbeddedError(NOT_INSTALLED)
    return found


def stop_temporal(pid: int) -> None:
    """Stop the server, at first by asking."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + _STOP
        while time.monotonic() < deadline:
            reap(pid)
            if not is_process(pid, "start-dev"):
                return
            time.sleep(0.02)


def _wait(process: "subprocess.Popen[bytes]", program: str, address: str, log: Path) -> None:
    port = int(address.rpartition(":")[2])
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise _EndedError(str(with_log(f"Temporal ended at once with code {process.returncode}", log)))
        if _listens(address) and holds_port(process.pid, port) and _healthy(program, address):
            return
        time.sleep(0.05)
    stop_temporal(process.pid)
    raise with_log(f"Temporal did not answer at {address} within {_START:.0f} s", log)


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1):
            return True
    except OSError:
        return False


def _healthy(program: str, address: str) -> bool:
    """Ask for the namespace too: the server answers a little before it can be used."""
    asked = subprocess.run(  # noqa: S603 - our own arguments
        [program, "operator", "namespace", "describe", "-n", "default", "--address", address],
        capture_output=True, timeout=20, check=False,
    )  # fmt: skip
    return asked.returncode == 0


def _port(asked: int | None, usual: Iterable[int | None], what: str) -> int:
    if asked is not None:
        if not is_free(asked):
            raise EmbeddedError(f"port {asked} for {what} is in use: choose another, or stop what uses it")
        return asked
    for port in usual:
        if port is not None and is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _remembered(address: str | None) -> int | None:
    text = (address or "").rpartition(":")[2]
    return int(text) if text.isdigit() else None
