"""``spine-temporal dev``: the embedded servers and a worker, supervised."""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from types import FrameType

import typer

from spine_temporal.client.servers import Servers, available_servers, open_database
from spine_temporal.embedded import worker_lock
from spine_temporal.runtime.definitions import load_definitions
from spine_temporal.settings import Settings


def run_dev(settings: Settings, *, ports: tuple[int | None, int | None], with_worker: bool) -> int:
    """Run until a signal; return the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    load_definitions(settings.modules)
    with ExitStack() as stack:
        if with_worker:
            stack.enter_context(worker_lock(settings.home))
        servers = stack.enter_context(available_servers(settings, ports=ports))
        open_database(servers, settings).close()
        _tell(servers)
        try:
            return _supervise() if with_worker else _wait()
        except KeyboardInterrupt:
            return 0


def _supervise() -> int:
    """Keep a worker; one that dies is started again, one that refuses its modules is not."""
    while True:
        began = time.monotonic()
        child = subprocess.Popen([sys.executable, "-m", "spine_temporal", "worker"], start_new_session=True)
        try:
            code = child.wait()
        except KeyboardInterrupt:
            _stop(child)
            return 0
        if code == 2:
            return 2
        typer.echo(f"the worker ended with code {code}: starting another", err=True)
        time.sleep(0 if time.monotonic() - began > 5 else 2)


def _stop(child: "subprocess.Popen[bytes]") -> None:
    child.terminate()
    try:
        child.wait(30)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        child.kill()
        child.wait()


def _wait() -> int:
    while True:
        signal.pause()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _tell(servers: Servers) -> None:
    typer.echo(f"Temporal   {servers.temporal_address}")
    typer.echo(f"Web UI     {servers.ui_url or '-'}")
    typer.echo(f"Postgres   {servers.database_url}")
    typer.echo(f"Home       {servers.home}")
    typer.echo(f"Ctrl-C stops everything (pid {os.getpid()}).")
    sys.stdout.flush()
