"""Attempts in threads of the worker: a thread serves one attempt after the other, and never two at once."""

import asyncio
import threading
from types import SimpleNamespace

from spine_temporal.runtime.attempt_threads import AttemptThreads


class Work:
    """An attempt that tells which thread has made it."""

    request = SimpleNamespace(step="work")

    def __init__(self, until=None):
        self.until = until

    def run(self):
        if self.until is not None:
            self.until.wait(30)
        return threading.get_ident(), threading.current_thread().name


async def made(threads, *works):
    running = [await threads.begin(work, None) for work in works]
    return [await one.result() for one in running]


async def test_a_thread_that_is_done_makes_the_next_attempt_and_one_that_hangs_holds_nobody_up():
    threads, held = AttemptThreads(), threading.Event()
    hanging = await threads.begin(Work(held), None)
    [(first, name)] = await asyncio.wait_for(made(threads, Work()), 10)
    assert name == "spine-work"
    await until(lambda: len(threads._idle) == 1)
    [(second, _)] = await asyncio.wait_for(made(threads, Work()), 10)
    assert second == first
    held.set()
    (hung, _) = await hanging.result()
    assert hung != first
    await until(lambda: len(threads._idle) == 2)
    threads.close()
    assert threads._idle == []


async def until(true):
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - a thread makes it so
            await asyncio.sleep(0.01)
