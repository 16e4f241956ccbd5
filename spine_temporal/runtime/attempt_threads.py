"""Pipelines' attempts in threads of the worker: those of local steps, which take milliseconds."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any

from spine_temporal.definition.errors import SpineError
from spine_temporal.definition.faults import fault_of
from spine_temporal.definition.json_values import to_json
from spine_temporal.definition.pipeline import Pipeline
from spine_temporal.runtime.attempt import Attempt
from spine_temporal.translation.pipeline_messages import StepDone

#: Seconds that a stopped attempt's thread is waited for.
_LAST_WORDS = 10.0


class AttemptThreads:
    """Runs each attempt in a thread that nothing else is in: one that hangs holds neither a place nor the process."""

    def __init__(self) -> None:
        #: Those whose attempts have ended.
        self._idle: list[_Thread] = []

    async def begin(self, attempt: Attempt, beat: Callable[..., None]) -> "AttemptThread":
        """Begin an attempt; what it tells of its progress goes the way that it was made with."""
        del beat
        thread = self._idle.pop() if self._idle else _Thread(self._idle)
        return AttemptThread(attempt, thread)

    async def fingerprint(self, pipeline: type[Pipeline], params: Mapping[str, Any], patience: float) -> Any:
        """Return what names the input of a pipeline; raises what its code does, and ``TimeoutError``."""

        def work() -> Any:
            return to_json(pipeline.fingerprint(dict(params)), f"fingerprint of pipeline {pipeline.name!r}")

        return await asyncio.wait_for(asyncio.to_thread(work), patience)

    def close(self) -> None:
        """Let idle threads end; the others end with the process."""
        while self._idle:
            self._idle.pop().end()


class _Thread:
    """Does what it is given, one after the other; idle, it is in the list."""

    def __init__(self, idle: "list[_Thread]") -> None:
        self._idle = idle
        self._given: SimpleQueue[tuple[str, Callable[[], None]] | None] = SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def do(self, name: str, work: Callable[[], None]) -> None:
        """Do something, under a name."""
        self._given.put((name, work))

    def end(self) -> None:
        """End when all is done."""
        self._given.put(None)

    def _work(self) -> None:
        while (given := self._given.get()) is not None:
            threading.current_thread().name, work = given
            work()
            del given, work  # what the attempt held is not held until the next one
            self._idle.append(self)


class AttemptThread:
    """An attempt that a thread makes."""

    def __init__(self, attempt: Attempt, thread: _Thread) -> None:
        self._attempt = attempt
        self._loop = asyncio.get_running_loop()
        self._outcome: asyncio.Future[StepDone] = self._loop.create_future()
        thread.do(f"spine-{attempt.request.step}", partial(copy_context().run, self._work))

    @property
    def done(self) -> "asyncio.Future[Any]":
        """Done when the attempt has ended."""
        return self._outcome

    async def result(self) -> StepDone:
        """Return what the attempt came to; raises ``SpineError`` as it did."""
        return await self._outcome

    async def stop(self) -> StepDone | None:
        """Stop it; return its outcome where it had committed already.

        Nothing ends a thread. Where it goes on, its session ends: who counts the attempt would wait for its row.
        """
        await asyncio.to_thread(_quietly, self._attempt.abandon)
        try:
            return await asyncio.wait_for(asyncio.shield(self._outcome), _LAST_WORDS)
        except SpineError:
            return None
        except TimeoutError:
            self._outcome.add_done_callback(_unheard)
            await asyncio.to_thread(_quietly, self._attempt.end_session)
            return None

    def _work(self) -> None:
        outcome, error = None, None
        try:
            outcome = self._attempt.run()
        except BaseException as raised:  # noqa: BLE001 - the thread's end is the future's, whatever ended it
            error = fault_of(raised)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._settle, outcome, error)

    def _settle(self, outcome: StepDone | None, error: BaseException | None) -> None:
        if self._outcome.done():
            return
        if error is not None:
            self._outcome.set_exception(error)
        elif outcome is not None:
            self._outcome.set_result(outcome)


def _quietly(call: Callable[[], None]) -> None:
    with contextlib.suppress(Exception):
        call()


def _unheard(outcome: "asyncio.Future[StepDone]") -> None:
    """Take what comes too late: nobody waits for it, and asyncio would tell of an error that nobody has taken."""
    if not outcome.cancelled():
        outcome.exception()
