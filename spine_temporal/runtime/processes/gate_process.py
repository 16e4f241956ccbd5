"""One process for gates, used from the thread of a workflow task."""

import os
import select
import time
from contextlib import suppress
from pathlib import Path

from spine_temporal.runtime.processes.frames import Kind
from spine_temporal.runtime.processes.gate_child import TOO_LONG
from spine_temporal.runtime.processes.host import Child, how_it_ended


class TooLongError(Exception):
    """Raised when code computes for longer than it may."""


class DiedError(Exception):
    """Raised when a process has ended as it was asked; says how."""


class GateProcess:
    """A process for gates, from the thread of a workflow task."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self._was_asked = ""

    @property
    def lives(self) -> bool:
        """Whether the process is still alive."""
        ready, _, _ = select.select([self.child.channel.socket, self.child.control.socket], [], [], 0)
        return not ready

    @property
    def is_runnable(self) -> bool:
        """Whether it would compute if it could; one that sleeps waits for something else than a processor."""
        try:
            state = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state in {"R", "D"}

    def ask(self, kind: Kind, request: str, until: float) -> bytes | None:
        """Return its answer, None where it has ended; raises ``TimeoutError``. A late one is not asked again."""
        try:
            if self._was_asked != request:
                self._was_asked = request
                self.child.channel.send(kind, request)
            frame = self.child.channel.receive(max(0.001, until - time.monotonic()))
        except TimeoutError:
            raise
        except OSError:
            return None
        self._was_asked = ""
        return None if frame is None else frame.text

    def ending(self) -> Exception:
        """Return how the process has ended, as an error, and close the connection to it."""
        status = self._status()
        self.child.close()
        if status is None:
            return DiedError("is gone")
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == TOO_LONG:
            return TooLongError()
        return DiedError(how_it_ended(status))

    def _status(self) -> int | None:
        """Return the wait status of one that has ended, where it can be had."""
        with suppress(OSError):
            frame = self.child.control.receive(0.2)
            if frame is not None and frame.kind is Kind.ENDED:
                return int(frame.text)
        return None
