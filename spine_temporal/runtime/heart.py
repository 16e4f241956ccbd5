"""Heartbeats of an activity while its attempt lives; the pipeline's own details ride on them."""

import asyncio
import contextlib
import contextvars
from collections.abc import Sequence
from typing import Any

from temporalio import activity

#: Seconds between two heartbeats at most. The answer to a heartbeat tells of a cancel, so this is how long that takes.
LONGEST_INTERVAL = 4.0


class Heart:
    """Beats for the activity that makes it."""

    def __init__(self, details: Sequence[Any], *, silent: bool) -> None:
        self._details = tuple(details)
        #: Within a workflow task nobody listens.
        self._silent = silent
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._next: asyncio.TimerHandle | None = None

    def start(self, interval: float) -> None:
        """Beat after each interval. None at the beginning: a short pipeline costs no call."""
        self._next = self._loop.call_later(interval, self._again, interval)

    def stop(self) -> None:
        """Beat no more."""
        self._silent = True
        if self._next is not None:
            self._next.cancel()

    def tell(self, *details: Any) -> None:
        """Beat at once where there is something to tell, from any thread; Temporal's client thins them out."""
        if details:
            self._details = details
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
                self._loop.call_soon_threadsafe(self.beat, context=self._context)

    def beat(self) -> None:
        """Tell Temporal that the attempt lives, with what it told last."""
        if not self._silent:
            activity.heartbeat(*self._details)

    def _again(self, interval: float) -> None:
        self.beat()
        self.start(interval)
