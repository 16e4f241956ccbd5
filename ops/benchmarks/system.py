"""One system under measure, in a process of its own: it takes orders as lines of JSON and answers with times."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

#: Does one run, whose number is the partition, and returns what is worth telling of it; raises where it fails.
OneRun = Callable[[int], Awaitable[Any]]


def addresses() -> tuple[str, str]:
    """Return Temporal's address and the database's URL."""
    return os.environ["BENCH_TEMPORAL"], os.environ["BENCH_DATABASE"]


async def serve(one: OneRun) -> None:
    """Answer orders until there are no more: ``{"runs": how many, "first": number, "at_once": how many}``."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a library prints is no answer
    _tell(answers, {"ready": True})
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        _tell(answers, await _measured(one, **order))
    answers.flush()
    os._exit(0)  # nobody waits for what a library still wants to say


async def _measured(one: OneRun, *, runs: int, first: int, at_once: int) -> dict[str, Any]:
    """Do the runs, so many at once; return the seconds of all together and of each."""
    numbers = iter(range(first, first + runs))
    each: list[float] = []
    told: list[Any] = []

    async def lane() -> None:
        for number in numbers:
            began = time.perf_counter()
            told.append(await one(number))
            each.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(at_once)))
    return {"seconds": time.perf_counter() - began, "each": each, "told": [what for what in told if what is not None]}


def _tell(answers: Any, what: dict[str, Any]) -> None:
    answers.write(json.dumps(what) + "\n")
    answers.flush()
