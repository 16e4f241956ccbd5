"""``spine-temporal dev``: the embedded servers and a worker, supervised, and started anew where its source changes."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

import typer

from spine_temporal.cli.check_modules import Folders, source_folders
from spine_temporal.cli.source_watch import SourceWatch
from spine_temporal.client.servers import Servers, available_servers, open_database
from spine_temporal.definition.redaction import shown_url
from spine_temporal.embedded import worker_lock
from spine_temporal.settings import Settings

#: Seconds between two looks at the worker, and that a stopped one gets beyond its grace.
_INTERVAL = 0.2
_BEYOND_GRACE = 10.0
#: A worker that ends within so many seconds is not started again at once.
_AT_ONCE = 5.0
#: Exit code of a worker that refuses its modules or its settings.
_REFUSED = 2


def run_dev(settings: Settings, *, ports: tuple[int | None, int | None], with_worker: bool, reload: bool = True) -> int:
    """Run until a signal; return the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    folders = source_folders(settings)
    with ExitStack() as stack:
        if with_worker:
            stack.enter_context(worker_lock(settings.home))
        servers = stack.enter_context(available_servers(settings, ports=ports))
        open_database(servers, settings).close()
        _tell(servers)
        try:
            return _Supervisor(settings.grace, folders if reload else Folders()).run() if with_worker else _wait()
        except KeyboardInterrupt:
            return 0


class _Supervisor:
    """Keeps a worker: one that dies is started again; one whose source has changed is started anew, if it loads."""

    def __init__(self, grace: float, folders: Folders) -> None:
        self._grace = grace
        self._watch = SourceWatch()
        self._reloads = folders != Folders() and _can_watch()
        if self._reloads:
            self._watch.watch(folders)

    def run(self) -> int:
        child = _start()
        began = time.monotonic()
        try:
            while True:
                if self._changed():
                    _stop(child, self._grace + _BEYOND_GRACE)
                elif child.poll() is None:
                    continue
                elif child.returncode == _REFUSED:
                    if not self._reloads:
                        return _REFUSED
                    typer.echo("there is no worker until a change mends that", err=True)
                    self._wait_for_change()
                else:
                    typer.echo(f"the worker ended with code {child.returncode}: starting another", err=True)
                    time.sleep(0 if time.monotonic() - began > _AT_ONCE else 2)
                child, began = _start(), time.monotonic()
        except KeyboardInterrupt:
            _stop(child, self._grace + _BEYOND_GRACE)
            return 0
        finally:
            self._watch.close()

    def _wait_for_change(self) -> None:
        while not self._changed():
            pass

    def _changed(self) -> bool:
        """Return whether the source has changed to something that loads; what does not is told, and kept away."""
        if not self._reloads:
            time.sleep(_INTERVAL)
            return False
        changes = self._watch.changes(_INTERVAL)
        if not changes:
            return False
        typer.echo(f"changed: {', '.join(sorted(map(_short, changes)))}", err=True)
        folders, error = _checked()
        if error:
            typer.echo(f"error: {error}\nthe worker keeps the code that it has", err=True)
            return False
        self._watch.watch(folders)
        typer.echo(f"starting the worker anew; steps that run get {self._grace:g} s to finish", err=True)
        return True


def _checked() -> tuple[Folders, str]:
    """Load the modules in a process of its own; return the folders of their source, or why they do not load."""
    ended = subprocess.run(
        [sys.executable, "-m", "spine_temporal.cli.check_modules"], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        return Folders(), ended.stderr.strip() or f"the modules end Python with code {ended.returncode}"
    deep, flat = json.loads(ended.stdout.splitlines()[-1])
    return Folders(deep=tuple(deep), flat=tuple(flat)), ""


def _can_watch() -> bool:
    if find_spec("watchfiles"):
        return True
    typer.echo("changed modules are not seen: install spine-temporal[embedded], or start dev again after an edit")
    return False


def _short(path: str) -> str:
    return str(Path(path).relative_to(Path.cwd())) if Path(path).is_relative_to(Path.cwd()) else path


def _start() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "spine_temporal", "worker", "--every-queue"], start_new_session=True)


def _stop(child: "subprocess.Popen[bytes]", seconds: float) -> None:
    child.terminate()
    try:
        child.wait(seconds)
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
    typer.echo(f"Postgres   {shown_url(servers.database_url)}")
    typer.echo(f"Home       {servers.home}")
    typer.echo(f"Ctrl-C stops it all, but for servers that another command uses (pid {os.getpid()}).")
    sys.stdout.flush()
