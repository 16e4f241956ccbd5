"""A backfill whose workers, Temporal and Postgres die: each partition once, never more than so many at a time."""

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from temporalio.client import Client
from temporalio.service import RPCError

from ops.chaos.backfilled import BACKFILLED, is_failing, is_refused
from ops.chaos.monkey import disturb
from ops.chaos.person import decide_all
from ops.chaos.runs import connected
from ops.chaos.world import TASK_QUEUE, World
from spine_temporal.client.backfill_handle import BackfillHandle
from spine_temporal.client.backfills import Backfills
from spine_temporal.client.spine_client import SpineClient
from spine_temporal.definition.errors import SpineError
from spine_temporal.operating.backfill.messages import Summary
from spine_temporal.recording.backfill_partitions import BackfillPartition
from spine_temporal.recording.database import Database

Answer = TypeVar("Answer")

#: Runs at a time, and partitions that were complete before.
_PARALLEL, _BEFORE = 8, 10
#: Seconds of trouble, and seconds after it in which all is there.
_TROUBLE, _CALM = 12.0, 8.0
#: Seconds between two looks at how far it is.
_LOOK = 0.5
#: Seconds between two things that the operator does.
_OPERATES = (3.0, 12.0)
#: Seconds after which a person decides all that is held meanwhile.
_DECIDES = 15.0
_ROWS = "SELECT number, count(*) FROM chaos_rows WHERE job = 'backfill' GROUP BY number"
# When runs were at work: to their end, or to where they were held; and from where they went on.
_WORK = """
    WITH runs AS (
        SELECT run_id, started_at, completed_at FROM core_runs WHERE workflow = 'chaos.backfilled' AND started_at > %s
    ), held AS (
        SELECT metadata ->> 'run_id' AS run_id, detected_at FROM core_anomalies WHERE category = 'GATE_HELD'
    )
    SELECT started_at, coalesce(detected_at, completed_at) FROM runs LEFT JOIN held USING (run_id)
    UNION ALL
    SELECT one.started_at, runs.completed_at
    FROM runs JOIN held USING (run_id) JOIN core_executions AS one USING (run_id) WHERE step = 'publish'
"""


def run(partitions: int, seed: int) -> int:
    """Run the backfill, print what it came to, and return how many things are not as they must be."""
    world = World(Path(tempfile.mkdtemp(prefix="chaos-backfill-")), modules=("ops.chaos.backfilled",))
    try:
        return asyncio.run(_run(world, partitions, seed))
    finally:
        world.close()


async def _run(world: World, partitions: int, seed: int) -> int:
    client, database, began = await connected(world.address), Database(world.database_url), time.monotonic()
    try:
        backfill = await _started(client, database, partitions)
        disturbing = asyncio.create_task(_disturb(world, seed, backfill))
        deciding = asyncio.create_task(decide_all(client, _DECIDES))
        first = await _ended(backfill)
        with psycopg.connect(world.database_url, autocommit=True) as connection:
            connection.execute("INSERT INTO chaos_rows (job, number) VALUES ('mended', 0)")
        if first.partitions.get("FAILED"):
            await _until_answered(lambda: backfill.resume(by="chaos", reason="the source is mended"))
        last = await _ended(backfill)
        while last.partitions.get("HELD"):  # those that are decided since have another turn
            await _until_answered(lambda: backfill.resume(by="chaos", reason="some are decided"))
            last = await _ended(backfill)
        deciding.cancel()
        events = await disturbing
        rows = await _until_answered(backfill.partitions)
    finally:
        database.close()
    faults = [*_failures(first, partitions), *_faults(world, last, rows, partitions)]
    for fault in faults[:20]:
        print(f"DIFFERENCE {fault[:1000]}")
    took = time.monotonic() - began
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(events.items()))
    print(
        f"backfill: {partitions} partitions, {took:.0f} s ({partitions / took:.0f} partitions/s), {kinds}, "
        f"{len(faults)} differences"
    )
    return len(faults)


async def _started(client: Client, database: Database, partitions: int) -> BackfillHandle:
    spine = SpineClient(client, task_queue=TASK_QUEUE)
    for shard in range(_BEFORE):
        await spine.execute(BACKFILLED, {"shard": shard})
    backfills = Backfills(client, database, task_queue=TASK_QUEUE)
    plan = await backfills.plan(BACKFILLED, {"shard": f"0..{partitions - 1}"})
    return await backfills.start(plan, max_parallel=_PARALLEL, by="chaos")


async def _disturb(world: World, seed: int, backfill: BackfillHandle) -> Counter[str]:
    """Let the monkey and an operator loose until all of the backfill is complete."""
    events: Counter[str] = Counter()
    operating = asyncio.create_task(_operate(backfill, seed, events))
    number = 0
    while not _is_over(summary := await _until_answered(backfill.summary)):
        counts = ", ".join(f"{count:,} {status}" for status, count in summary.partitions.items())
        print(f"  backfill {summary.status}: {counts}", flush=True)
        events += await disturb(world, seed * 1000 + number, _TROUBLE)
        await asyncio.sleep(_CALM)
        number += 1
    operating.cancel()
    return events


def _is_over(summary: Summary) -> bool:
    return summary.status == "COMPLETED" and not summary.partitions.get("HELD")


async def _operate(backfill: BackfillHandle, seed: int, events: Counter[str]) -> None:
    """Pause, resume and change the backfill; never beyond the places that it began with."""
    draw = random.Random(f"backfill/{seed}")
    while True:
        await asyncio.sleep(draw.uniform(*_OPERATES))
        with suppress(RPCError, SpineError, RuntimeError):
            if draw.random() < 0.5:
                await backfill.set(max_parallel=draw.randint(_PARALLEL // 2, _PARALLEL), by="chaos")
                events["set"] += 1
            else:
                await backfill.pause(by="chaos", reason="a moment")
                await asyncio.sleep(draw.uniform(0, 2))
                events["pause"] += 1
        if (await _until_answered(backfill.summary)).status == "PAUSED":
            with suppress(RPCError, SpineError, RuntimeError):
                await backfill.resume(by="chaos")


async def _ended(backfill: BackfillHandle) -> Summary:
    while not (summary := await _until_answered(backfill.summary)).status.has_ended:  # noqa: ASYNC110 - workers bring it about
        await asyncio.sleep(_LOOK)
    return summary


async def _until_answered(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Repeat a call while Temporal or Postgres is away."""
    while True:
        try:
            return await call()
        except (RPCError, SpineError, RuntimeError):
            await asyncio.sleep(0.3)


def _failures(first: Summary, partitions: int) -> list[str]:
    """Return what is wrong with the first end: just those have failed that had to."""
    failing = [shard for shard in range(_BEFORE, partitions) if is_failing(shard) and not is_refused(shard)]
    failed = first.partitions.get("FAILED", 0)
    return [] if failed == len(failing) else [f"{failed} have failed, and not {len(failing)}: {first.failures}"]


def _faults(world: World, last: Summary, rows: Sequence[BackfillPartition], partitions: int) -> list[str]:
    """Return what is wrong at the end."""
    refused = [shard for shard in range(partitions) if is_refused(shard)]
    expected = {"COMPLETED": partitions - len(refused) - _BEFORE, "SKIPPED": len(refused) + _BEFORE}
    found = [] if last.partitions == expected else [f"the partitions are {last.partitions}, and not {expected}"]
    found += [f"{row.params} is {row.status} and has no reason" for row in rows if _lacks_reason(row)]
    with psycopg.connect(world.database_url) as connection:
        written: dict[int, int] = dict(connection.execute(_ROWS).fetchall())
        runs = connection.execute(_WORK, [min(row.started_at for row in rows if row.started_at)]).fetchall()
    wanted = {shard: 1 for shard in range(partitions) if not is_refused(shard)}
    wrong = {shard for shard in {*wanted, *written} if wanted.get(shard, 0) != written.get(shard, 0)}
    found += [f"shard {shard} has {written.get(shard, 0)} rows, and not {wanted.get(shard, 0)}" for shard in wrong]
    most = _most_at_once(runs)
    return found if most <= _PARALLEL else [*found, f"{most} runs were at work at a time, and {_PARALLEL} are allowed"]


def _lacks_reason(row: BackfillPartition) -> bool:
    return row.status == "SKIPPED" and not (row.reason and row.detail)


def _most_at_once(runs: Sequence[tuple[Any, Any]]) -> int:
    moments = sorted([(begun, 1) for begun, _ in runs] + [(ended, -1) for _, ended in runs])
    count = most = 0
    for _, change in moments:
        count += change
        most = max(most, count)
    return most
