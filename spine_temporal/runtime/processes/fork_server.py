"""The program that a worker's processes are forked from: it has the worker's modules, and no thread and no session.

It does nothing but fork, tell how its children ended, and kill them. Its end is theirs, and the worker's end is its.
"""

import gc
import os
import selectors
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from spine_temporal.recording.database import Database
from spine_temporal.runtime.processes import attempt_child, gate_child
from spine_temporal.runtime.processes.child import become_child, do_nothing
from spine_temporal.runtime.processes.frames import Kind, Line, packed
from spine_temporal.runtime.processes.loading import Loading, load

#: What a worker asks for: one byte, and for a kill the child's pid behind it.
ATTEMPTS, GATES, KILL = b"A", b"G", b"K"
REQUEST_BYTES = 9

_PROGRAMS: dict[bytes, Callable[[Line, Line], None]] = {ATTEMPTS: attempt_child.serve, GATES: gate_child.serve}


def main(descriptor: int, *, cold: bool = False) -> None:
    """Serve the worker at the other end of a socket until it is gone.

    ``cold``: load nothing, as loading starts threads, which a fork loses; each child loads for itself.
    """
    worker = Line(socket.socket(fileno=descriptor))
    Database("postgresql://").close()  # what SQLAlchemy loads for its first engine
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, do_nothing)
    if not cold and not _loaded(worker):
        os.set_inheritable(descriptor, True)
        os.execv(sys.executable, command(descriptor, cold=True))  # noqa: S606 - itself
    gc.collect()
    gc.freeze()
    _Server(worker.socket).serve()


def command(descriptor: int, *, cold: bool = False) -> list[str]:
    """Return the command line of this program."""
    place = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    code = (
        f"import sys; sys.path.append({place!r}); "
        f"from spine_temporal.runtime.processes.fork_server import main; main({descriptor}, cold={cold})"
    )
    return [sys.executable, "-c", code]


def _loaded(worker: Line) -> bool:
    """Load what the worker says and tell how that went; return whether forks will have all of it."""
    frame = worker.receive()
    if frame is None:
        sys.exit(0)
    loaded = load(Loading.model_validate_json(frame.text))
    alone = threading.active_count() == 1
    worker.send(Kind.READY, loaded.model_copy(update={"has_threads": not alone}).model_dump_json())
    return alone


class _Server:
    """Forks children, reports how they end, and kills them when the worker asks for it."""

    def __init__(self, worker: socket.socket) -> None:
        self._worker = worker
        self._pid = os.getpid()
        #: By pid: where to tell how the child has ended.
        self._children: dict[int, socket.socket] = {}
        self._woken, wake = socket.socketpair()
        wake.setblocking(False)
        self._wake = wake
        signal.signal(signal.SIGCHLD, do_nothing)
        signal.set_wakeup_fd(wake.fileno())

    def serve(self) -> None:
        """Serve until the worker is gone, then kill every child."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._worker, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    self._woken.recv(4096)
                    self._bury()
                if self._worker in ready and not self._obey():
                    break
        signal.set_wakeup_fd(-1)
        for pid in self._children:
            _kill(pid)

    def _obey(self) -> bool:
        try:
            request, descriptors, _, _ = socket.recv_fds(self._worker, REQUEST_BYTES, 2)
        except ConnectionError:
            return False
        if not request:
            return False
        if request[:1] == KILL:
            pid = int.from_bytes(request[1:], "big")
            if pid in self._children:
                _kill(pid)
        else:
            self._fork(_PROGRAMS[request[:1]], *descriptors)
        return True

    def _fork(self, program: Callable[[Line, Line], None], channel: int, control: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        ends = (socket.socket(fileno=channel), socket.socket(fileno=control))
        try:
            pid = os.fork()
        except OSError as error:
            _tell(ends[1], Kind.FAILURE, str(error))
            for end in ends:
                end.close()
            return
        if pid == 0:
            self._be_child(program, *ends)
        ends[0].close()
        self._children[pid] = ends[1]
        _tell(ends[1], Kind.READY, str(pid))

    def _be_child(
        self, program: Callable[[Line, Line], None], channel: socket.socket, control: socket.socket
    ) -> NoReturn:
        signal.set_wakeup_fd(-1)
        for end in (self._worker, self._woken, self._wake, *self._children.values()):
            end.close()
        become_child(self._pid, lambda: program(Line(channel), Line(control)))

    def _bury(self) -> None:
        """Tell how children have ended."""
        while self._children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            control = self._children.pop(pid, None)
            if control is not None:
                _tell(control, Kind.ENDED, str(status))
                control.close()


def _tell(control: socket.socket, kind: Kind, text: str) -> None:
    with suppress(OSError):  # the worker has no use for this child any more
        control.sendall(packed(kind, text))


def _kill(pid: int) -> None:
    """Kill a child with all that it has started."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
