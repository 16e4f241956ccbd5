"""The process that programs are forked from; a launcher stands for each of them, and its end is the program's.

It is started with the address to listen at, and ends with its standard input.
"""

import fcntl
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from multiprocessing import process
from typing import Any, NoReturn

import spine_temporal
from spine_temporal.runtime.processes import fork_server
from tests.warm import Warm
from tests.warm.launcher import FORK_SERVER, MOST_DESCRIPTORS

#: What does something when it is loaded: in the program that asks for it, and not here.
_NOT_LOADED = (".__main__", ".testing.crashing")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Server:
    """Forks the programs that it is asked for, and tells how each has ended."""

    def __init__(self, address: str) -> None:
        self._warm = Warm(address)
        self._selector = selectors.DefaultSelector()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(address)
        self._listening.listen(64)
        self._selector.register(self._listening, selectors.EVENT_READ, self._accept)
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self._close)
        self._running: set[int] = set()

    def serve(self) -> NoReturn:
        """Serve until whoever has started it is gone."""
        print("ready", flush=True)
        while True:
            for key, _ in self._selector.select():
                key.data(key.fileobj)

    def _close(self, _stdin: Any) -> NoReturn:
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)

    def _accept(self, listening: socket.socket) -> None:
        launcher, _ = listening.accept()
        head, descriptors, _, _ = socket.recv_fds(launcher, 8, MOST_DESCRIPTORS)
        if len(head) < 8:  # it was killed as it began
            launcher.close()
            return
        with launcher.makefile("rb") as given:
            request = json.loads(given.read(int.from_bytes(head, "big")))
        pid = os.fork()
        if pid == 0:
            fork_server.command = self._warm.fork_server
            sys.executable = self._warm.python
            _become(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        launcher.sendall(pid.to_bytes(8, "big"))
        self._running.add(pid)
        ending = os.pidfd_open(pid)
        self._selector.register(ending, selectors.EVENT_READ, lambda _: self._ended(pid, ending, launcher))
        self._selector.register(launcher, selectors.EVENT_READ, lambda _: self._left(pid, launcher))

    def _left(self, pid: int, launcher: socket.socket) -> None:
        """Kill the program whose launcher was killed."""
        self._selector.unregister(launcher)
        os.kill(pid, signal.SIGKILL)

    def _ended(self, pid: int, ending: int, launcher: socket.socket) -> None:
        self._running.discard(pid)
        self._selector.unregister(ending)
        os.close(ending)
        _, status = os.waitpid(pid, 0)
        if launcher in self._selector.get_map():
            self._selector.unregister(launcher)
            launcher.sendall(status.to_bytes(8, "big"))
        launcher.close()


def _become(request: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Be the program, with the launcher's environment, folder and descriptors."""
    code = 1
    try:
        for number in _SIGNALS:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        _take(descriptors, request["numbers"])
        os.environ.clear()
        os.environ.update(request["environment"])
        time.tzset()
        os.umask(request["umask"])
        os.chdir(request["folder"])
        _run(request["program"], request["arguments"])
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001 - told, as Python itself does
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _take(descriptors: list[int], numbers: list[int]) -> None:
    """Have these descriptors under those numbers, and no others."""
    aside = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 1000) for descriptor in descriptors]
    for descriptor, number in zip(aside, numbers, strict=True):
        os.dup2(descriptor, number, inheritable=True)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor not in numbers:
            with suppress(OSError):
                os.close(descriptor)


def _given_path() -> list[str]:
    return [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]


#: What a program finds whatever it is and is given.
_INSTALLED = [entry for entry in sys.path[1:] if entry not in _given_path()]


def _run(program: str, arguments: list[str]) -> None:
    is_script = program.endswith(".py")
    place = os.path.dirname(os.path.abspath(program)) if is_script else os.getcwd()
    sys.path[:] = [place, *_given_path(), *_INSTALLED]
    process.ORIGINAL_DIR = os.getcwd()
    sys.argv = [program, *arguments]
    if program == FORK_SERVER:
        fork_server.main(*map(int, arguments))
    elif is_script:
        runpy.run_path(program, run_name="__main__")
    else:
        if not hasattr(sys.modules.get(program), "__path__"):
            sys.modules.pop(program, None)  # it is run as one that was not yet imported
        runpy.run_module(program, run_name="__main__", alter_sys=True)


def main() -> None:
    """Load everything, and serve."""
    for module in pkgutil.walk_packages(spine_temporal.__path__, "spine_temporal."):
        if not module.name.endswith(_NOT_LOADED) and ".migrations" not in module.name:
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()
    Server(sys.argv[1]).serve()


if __name__ == "__main__":
    main()
