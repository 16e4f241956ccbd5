"""The worker's side of its fork server: starts it, has it fork, and starts another where it died."""

import logging
import os
import socket
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass

from spine_temporal.definition.errors import DefinitionError, ErrorCategory, SpineError
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.processes import fork_server
from spine_temporal.runtime.processes.frames import Kind, Line
from spine_temporal.runtime.processes.loading import Loaded, Loading

_log = logging.getLogger(__name__)

#: Seconds that a fork may take, and that the modules may take to be loaded.
_FORK_TIMEOUT = 10.0
_LOAD_TIMEOUT = 120.0


class NoProcessError(SpineError):
    """Raised when no process can be had now: the work is tried again later, and nothing is counted."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ErrorCategory.DEPENDENCY, code="NO_PROCESS")


@dataclass(frozen=True, kw_only=True)
class Child:
    """A process that was just forked, and waits to be told what it works with."""

    pid: int
    #: For work, and for its control: what stops it, and how it ended.
    channel: Line
    control: Line
    #: What it has to load itself; None: it has it.
    loading: Loading | None

    def close(self) -> None:
        """Close the connection to the child, which then ends."""
        self.channel.close()
        self.control.close()


class ProcessHost:
    """Makes processes that have loaded a worker's modules. Any thread may use it."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._line: Line | None = None
        self._loading: Loading | None = None
        self._loaded: Loaded | None = None

    def start(self) -> None:
        """Start the fork server where it does not run; it loads meanwhile."""
        with self._lock:
            self._start()

    def require(self, timeout: float = _LOAD_TIMEOUT) -> None:
        """Wait until it has loaded; raises ``DefinitionError`` for modules that cannot be loaded a second time."""
        with self._lock:
            self._require(timeout)

    def child(self, kind: bytes, *, patience: float = _LOAD_TIMEOUT) -> Child:
        """Return a new process; raises ``NoProcessError``, and ``DefinitionError`` as above.

        ``patience``: seconds to wait for the fork server, where it is just being started.
        """
        if not self._lock.acquire(timeout=patience):
            raise NoProcessError("the worker's processes are being started")
        try:
            for last in (False, True):
                self._require(patience)
                try:
                    return self._fork(kind)
                except OSError as error:
                    self._stop()
                    if last:
                        raise NoProcessError(f"no process could be started: {error}") from error
            raise AssertionError("unreachable")
        finally:
            self._lock.release()

    def kill(self, pid: int) -> None:
        """Kill a process with all that it has started."""
        if not self._lock.acquire(timeout=1):
            return  # another fork server is being started, and what the last one had is gone with it
        try:
            if self._line is not None:
                with suppress(OSError):
                    self._line.socket.sendall(fork_server.KILL + pid.to_bytes(fork_server.REQUEST_BYTES - 1, "big"))
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the fork server, and with it every process."""
        with self._lock:
            self._stop()

    def _start(self) -> None:
        if self._server is not None and self._server.poll() is None:
            return
        self._stop()
        self._loading = Loading.of(self._definitions)
        here, there = socket.socketpair()
        with there:
            self._server = subprocess.Popen(  # noqa: S603 - this program
                fork_server.command(there.fileno()), stdin=subprocess.DEVNULL, pass_fds=[there.fileno()]
            )
        self._line, self._loaded = Line(here), None
        with suppress(OSError):  # it has died already: who waits for it is told
            self._line.send(Kind.START, self._loading.model_dump_json())

    def _require(self, timeout: float) -> None:
        self._start()
        assert self._line is not None  # noqa: S101 - just started
        if self._loaded is None:
            self._loaded = self._received(self._line, timeout)
        if self._loaded.error:
            if self._loaded.log:
                _log.error("a process of the worker cannot load its modules\n%s", self._loaded.log)
            raise DefinitionError(f"a process of the worker cannot load its modules: {self._loaded.error}")

    def _received(self, line: Line, timeout: float) -> Loaded:
        try:
            frame = line.receive(timeout)
        except TimeoutError:
            raise NoProcessError("the worker's processes are being started: their modules are loaded") from None
        except OSError as error:
            frame, reason = None, str(error)
        else:
            reason = "it ended as it loaded the modules: see what it has written to stderr"
        if frame is None:
            self._stop()
            raise NoProcessError(f"the worker's processes cannot be started: {reason}")
        return Loaded.model_validate_json(frame.text)

    def _fork(self, kind: bytes) -> Child:
        assert self._line is not None  # noqa: S101 - the caller has required it
        assert self._loaded is not None  # noqa: S101 - the same
        (channel, its_channel), (control, its_control) = socket.socketpair(), socket.socketpair()
        with its_channel, its_control:
            request = kind.ljust(fork_server.REQUEST_BYTES, b"\0")
            descriptors = [its_channel.fileno(), its_control.fileno()]
            socket.send_fds(self._line.socket, [request], descriptors)
        line = Line(control)
        try:
            frame = line.receive(_FORK_TIMEOUT)
        except OSError:
            frame = None
        if frame is None or frame.kind is not Kind.READY:
            channel.close()
            line.close()
            raise OSError(frame.text.decode() if frame is not None else "the fork server does not answer")
        loading = self._loading if self._loaded.has_threads else None
        return Child(pid=int(frame.text), channel=Line(channel), control=line, loading=loading)

    def _stop(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._server is not None:
            try:
                self._server.wait(5)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            self._server = None


def how_it_ended(status: int) -> str:
    """Return a wait status in words."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        hint = ", as the system does where memory is short" if number == 9 else ""
        return f"was killed by signal {number}{hint}"
    code = os.waitstatus_to_exitcode(status)
    return f"ended itself with exit code {code}"
