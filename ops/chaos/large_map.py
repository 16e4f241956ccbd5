"""A map over ten thousand items whose workers are killed: every result there, in order, none twice."""

import asyncio
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import psycopg
from temporalio.client import Client

from ops.chaos import jobs
from ops.chaos.runs import connected
from ops.chaos.world import TASK_QUEUE, WORKERS, World
from spine_temporal.client.results import result_of
from spine_temporal.definition.run_result import WorkflowResult

#: When a worker is killed: shares of the items that are done.
_KILLS = (0.2, 0.5, 0.8)
_DONE = "SELECT count(*) FROM core_executions WHERE step LIKE 'fan[%' AND status = 'COMPLETED'"
_ROWS = "SELECT number, count(*) FROM chaos_rows WHERE job = 'large' GROUP BY number ORDER BY number"


def run(items: int) -> int:
    """Run the map, print what it came to, and return how many things are not as they must be."""
    world = World(Path(tempfile.mkdtemp(prefix="chaos-map-")))
    try:
        return asyncio.run(_run(world, items))
    finally:
        world.close()


async def _run(world: World, items: int) -> int:
    client, began = await connected(world.address), time.monotonic()
    identity = f"large-map-{uuid4().hex[:8]}"
    await client.start_workflow(
        jobs.LARGE_MAP.name,
        args=[{"test": identity, "items": list(range(items))}],
        id=identity,
        task_queue=TASK_QUEUE,
    )
    ended = asyncio.create_task(result_of(client, client.get_workflow_handle(identity)))
    for number, share in enumerate(_KILLS):
        while not ended.done() and await asyncio.to_thread(_done, world) < share * items:
            await asyncio.wait({ended}, timeout=0.2)
        print(f"  {time.monotonic() - began:6.1f} s  kill worker {number % WORKERS}, {_done(world)} items done")
        await asyncio.to_thread(world.kill_worker, number % WORKERS)
        await asyncio.to_thread(world.tend_workers)
    result = await ended
    took = time.monotonic() - began
    faults = _faults(world, result, items)
    for fault in faults:
        print(f"DIFFERENCE {fault[:1000]}")
    print(
        f"map: {items} items, {len(_KILLS)} kills, {took:.0f} s ({items / took:.0f} items/s), "
        f"{await _sizes(client, identity)}, {len(faults)} differences"
    )
    return len(faults)


def _done(world: World) -> int:
    with psycopg.connect(world.database_url) as connection:
        row = connection.execute(_DONE).fetchone()
    return row[0] if row else 0


def _faults(world: World, result: WorkflowResult, items: int) -> list[str]:
    found = [] if result.status.value == "COMPLETED" else [f"the run is {result.status}: {result.error}"]
    with psycopg.connect(world.database_url) as connection:
        rows = connection.execute(_ROWS).fetchall()
    if rows != [(number, 1) for number in range(items)]:
        wrong = [row for row in rows if row[1] != 1]
        found.append(f"{len(rows)} items have rows, of which {len(wrong)} more than one: {wrong[:5]}")
    seen = result.outputs.get("in_order")
    if seen != {"results": items, "in_place": items}:
        found.append(f"of {items} results the gate has seen {seen}")
    return found


async def _sizes(client: Client, identity: str) -> str:
    """Return how large the histories are: of the run, and the largest of its parts."""
    described = await client.get_workflow_handle(identity).describe()
    parts = [
        (await client.get_workflow_handle(run.id, run_id=run.run_id).describe()).raw_description.workflow_execution_info
        async for run in client.list_workflows("WorkflowType = 'spine.map'")
    ]
    own = described.raw_description.workflow_execution_info
    largest = max(parts, key=lambda info: info.history_length, default=own)
    return (
        f"history {own.history_length} events and {own.history_size_bytes / 1024:.0f} kB, "
        f"{len(parts)} parts of up to {largest.history_length} events and {largest.history_size_bytes / 1024:.0f} kB"
    )
