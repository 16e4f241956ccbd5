"""Event loops of the kit's own."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Answer = TypeVar("Answer")


def in_a_thread(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine to its end in a thread of its own, as the test may stand in an event loop."""
    with ThreadPoolExecutor(1, "spine-testing") as thread:
        return thread.submit(asyncio.run, work).result()
