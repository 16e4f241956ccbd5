"""Live runs beside a backfill: how long their tasks wait for a worker, there and where nothing else runs."""

import asyncio
import itertools
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter

from ops.benchmarks import live_jobs
from ops.benchmarks.lab import Lab
from ops.benchmarks.live_jobs import LIVE
from ops.benchmarks.ratios import Ratio
from spine_temporal.client.backfill_handle import BackfillHandle
from spine_temporal.client.spine_client import SpineClient
from spine_temporal.definition.backfill import BackfillPartitionStatus
from spine_temporal.definition.run_result import WorkflowStatus
from spine_temporal.recording.database import Database

_QUEUE = "bench-live"
#: Partitions of the backlog, and how many of them at once: the default of ``spine-temporal backfill``.
_BACKLOG, _PARALLEL = 10_000, 4
#: Live runs of one block, and seconds between two starts.
_RUNS, _PAUSE = 40, 0.5


def measure(lab: Lab, *, pairs: int) -> tuple[list[Ratio], list[str]]:
    """Return the ratio of the two waits, and the report's table."""
    database = Database(lab.database("live"))
    try:
        with _worker(lab, database.url):
            waits = asyncio.run(_measured(lab, database, pairs))
    finally:
        database.close()
    lines = ["| p99 from schedule to start | idle, ms | beside a backfill, ms | factor |", "|---|---|---|---|"]
    lines += [
        f"| pair {number} | {idle * 1000:.0f} | {beside * 1000:.0f} | {beside / idle:.2f} |"
        for number, (idle, beside) in enumerate(waits, 1)
    ]
    return [
        Ratio(
            name="live_beside_backfill",
            values=tuple(idle / beside for idle, beside in waits),
            target=0.5,
            what="p99 of schedule-to-start of live runs, idle : beside the backlog of a backfill",
        )
    ], lines


@contextmanager
def _worker(lab: Lab, url: str) -> Iterator[None]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPINE_", "TEMPORAL_"))}
    environment = kept | {
        "TEMPORAL_ADDRESS": lab.state.temporal_address or "",
        "SPINE_DATABASE_URL": url,
        "SPINE_TASK_QUEUE": _QUEUE,
        "SPINE_MODULES": live_jobs.__name__,
    }
    with (lab.home / "logs" / "live.log").open("ab") as log:
        worker = subprocess.Popen([sys.executable, "-m", "spine_temporal", "worker"], env=environment, stderr=log)
        try:
            yield
        finally:
            worker.kill()
            worker.wait()


async def _measured(lab: Lab, database: Database, pairs: int) -> list[tuple[float, float]]:
    """Return pairs of waits: while the backfill is paused and nothing of it runs, and while it goes on."""
    client = await Client.connect(lab.state.temporal_address or "", data_converter=pydantic_data_converter)
    spine = SpineClient(client, task_queue=_QUEUE)
    shards = itertools.count(_BACKLOG)
    await _waits(spine, shards, 8)
    backfill = await spine.backfill(LIVE, {"shard": f"0..{_BACKLOG - 1}"}, database, max_parallel=_PARALLEL)
    found = []
    for pair in range(pairs):
        await backfill.pause(by="bench")
        await _until(backfill, lambda running: running == 0)
        idle = p99(await _waits(spine, shards, _RUNS))
        await backfill.resume(by="bench")
        await _until(backfill, lambda running: running >= _PARALLEL)
        beside = p99(await _waits(spine, shards, _RUNS))
        found.append((idle, beside))
        print(f"  pair {pair + 1}: {idle * 1000:.0f} ms idle, {beside * 1000:.0f} ms beside", flush=True)
    await backfill.cancel(by="bench", runs=True)
    await backfill.result()
    return found


async def _until(backfill: BackfillHandle, enough: Callable[[int], bool]) -> None:
    """Come back when as many of its partitions run as are wanted."""
    running = BackfillPartitionStatus.RUNNING
    while not enough((await backfill.summary()).partitions.get(running, 0)):  # noqa: ASYNC110 - others bring it about
        await asyncio.sleep(0.05)


async def _waits(spine: SpineClient, shards: Iterator[int], runs: int) -> list[float]:
    """Do so many live runs, a new one each moment; return how long each of their tasks waited for a worker."""
    handles = []
    for shard in itertools.islice(shards, runs):
        handles.append(await spine.start(LIVE, {"shard": shard}))
        await asyncio.sleep(_PAUSE)
    waits: list[float] = []
    for handle in handles:
        assert (await handle.result()).status is WorkflowStatus.COMPLETED
        waits += waits_of(await handle.handle.fetch_history())
    return waits


def waits_of(history: WorkflowHistory) -> list[float]:
    """Return the seconds from schedule to start of each workflow task and each activity of a run."""
    times = {event.event_id: event.event_time.ToNanoseconds() for event in history.events}
    started = [
        (event.event_id, attributes.scheduled_event_id)
        for event in history.events
        for name in ("workflow_task_started_event_attributes", "activity_task_started_event_attributes")
        if event.HasField(name) and (attributes := getattr(event, name))
    ]
    return [(times[begun] - times[scheduled]) / 1e9 for begun, scheduled in started]


def p99(waits: Sequence[float]) -> float:
    """Return what 99 of a hundred do not exceed."""
    return sorted(waits)[math.ceil(0.99 * len(waits)) - 1]
