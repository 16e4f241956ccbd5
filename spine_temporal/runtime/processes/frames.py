"""How a worker and its processes talk: over sockets, in frames of a kind and a JSON text."""

import socket
import struct
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

_HEAD = struct.Struct("!cI")
_CHUNK = 1024 * 1024


class Kind(Enum):
    """What a frame says."""

    #: To a process that was just started: what it works with.
    START = b"S"
    #: From it: it is there, and this is its pid.
    READY = b"Y"
    #: Do this.
    REQUEST = b"R"
    #: Validate these params.
    PARAMS = b"P"
    #: Say what names the input of a pipeline.
    FINGERPRINT = b"N"
    #: It was done, and came to this.
    ANSWER = b"A"
    #: No process could be started, for this reason.
    FAILURE = b"F"
    #: It goes on, and has come so far.
    BEAT = b"B"
    #: A line that it has logged.
    LOG = b"L"
    #: Stop doing it.
    STOP = b"X"
    #: The process has ended, with this wait status.
    ENDED = b"E"


class Frame(NamedTuple):
    """One message."""

    kind: Kind
    text: bytes


def packed(kind: Kind, text: bytes | str = b"") -> bytes:
    """Return a frame as it is sent."""
    body = text.encode() if isinstance(text, str) else text
    return _HEAD.pack(kind.value, len(body)) + body


class Frames:
    """Cuts what was received into frames."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Return the frames that are complete with these bytes."""
        self._received += data
        while len(self._received) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._received)
            end = _HEAD.size + length
            if len(self._received) < end:
                return
            text = bytes(self._received[_HEAD.size : end])
            del self._received[:end]
            yield Frame(Kind(kind), text)


class Line:
    """One end of a socket, for frames that are waited for."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._frames = Frames()
        self._complete: list[Frame] = []

    def send(self, kind: Kind, text: bytes | str = b"") -> None:
        """Send a frame; raises ``OSError`` where nobody is at the other end."""
        self.socket.sendall(packed(kind, text))

    def receive(self, timeout: float | None = None) -> Frame | None:
        """Return the next frame, None at the end; raises ``TimeoutError``.

        It is the end, too, where nobody at the other end has read what was sent last.
        """
        while not self._complete:
            self.socket.settimeout(timeout)
            try:
                data = self.socket.recv(_CHUNK)
            except ConnectionResetError:
                return None
            self.socket.settimeout(None)
            if not data:
                return None
            self._complete += self._frames.feed(data)
        return self._complete.pop(0)

    def close(self) -> None:
        """Close this end."""
        self.socket.close()
