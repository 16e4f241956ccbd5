"""The worker's side of one process for attempts, used from the event loop."""

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from spine_temporal.runtime.processes.frames import Frames, Kind, packed
from spine_temporal.runtime.processes.host import Child, how_it_ended

#: Seconds to wait for word of how a process ended that is gone.
_OBITUARY = 2.0

Beat = Callable[..., None]


class AttemptProcess:
    """Sends requests to one process for attempts and receives its answers."""

    def __init__(self, child: Child, logged: Callable[[bytes], None] | None = None) -> None:
        """``logged`` is given each line that the process logs of an attempt."""
        self._child = child
        self._logged = logged or _nobody
        self._loop = asyncio.get_running_loop()
        self._transports: list[asyncio.Transport] = []
        self._beat: Beat = _nobody
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self.answer: asyncio.Future[bytes | None] = self._loop.create_future()
        self.was_stopped = False
        self.lives = True

    @property
    def pid(self) -> int:
        """Its id."""
        return self._child.pid

    async def open(self) -> None:
        """Listen to it."""
        for line, heard in ((self._child.channel, self._heard), (self._child.control, self._told)):
            self._transports.append(await _listening(self._loop, line.socket, heard, self._lost))

    def send(self, kind: Kind, text: str = "") -> None:
        """Send it a frame."""
        self._transports[0].write(packed(kind, text))

    def ask(self, request: str, beat: Beat | None = None, *, kind: Kind = Kind.REQUEST) -> None:
        """Ask for an attempt; ``answer`` is then the one to it."""
        self.answer = self._loop.create_future()
        self._beat = beat or _nobody
        self.send(kind, request)

    def stop(self) -> None:
        """Tell it to stop what it does."""
        self.was_stopped = True
        self._transports[1].write(packed(Kind.STOP))

    def close(self) -> None:
        """Close the connection to it."""
        self.lives = False
        for transport in self._transports:
            transport.close()

    async def obituary(self) -> str:
        """Return how it has ended."""
        with suppress(TimeoutError):
            return how_it_ended(int(await asyncio.wait_for(asyncio.shield(self._ended), _OBITUARY)))
        return "is gone"

    def _heard(self, kind: Kind, text: bytes) -> None:
        if kind is Kind.BEAT:
            self._beat(*json.loads(text))
        elif kind is Kind.LOG:
            self._logged(text)
        elif kind is Kind.ANSWER:
            self._settle(text)

    def _told(self, kind: Kind, text: bytes) -> None:
        if kind is Kind.ENDED and not self._ended.done():
            self._ended.set_result(text.decode())
            # An answer that it sent before may be on its way, and what it has started may hold the channel open.
            self._loop.call_later(_OBITUARY / 4, self._lost)

    def _lost(self) -> None:
        self.lives = False
        self._settle(None)

    def _settle(self, text: bytes | None) -> None:
        self._beat = _nobody
        if not self.answer.done():
            self.answer.set_result(text)


class _Listener(asyncio.Protocol):
    """Splits received bytes into frames."""

    def __init__(self, heard: Callable[[Kind, bytes], None], lost: Callable[[], None]) -> None:
        self._heard = heard
        self._lost = lost
        self._frames = Frames()

    def data_received(self, data: bytes) -> None:
        """Pass complete frames on."""
        for kind, text in self._frames.feed(data):
            self._heard(kind, text)

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so."""
        del exc
        self._lost()


async def _listening(
    loop: asyncio.AbstractEventLoop,
    end: socket.socket,
    heard: Callable[[Kind, bytes], None],
    lost: Callable[[], None],
) -> asyncio.Transport:
    transport, _ = await loop.create_unix_connection(lambda: _Listener(heard, lost), sock=end)
    return transport


def _nobody(*_: Any) -> None:
    """Ignore a frame that comes while nothing was asked."""
