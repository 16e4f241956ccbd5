"""``python -m ops.chaos.telling``: kills with notifications on; none is lost, none enqueued twice, all arrive."""

import argparse
import asyncio
import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psycopg
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from ops.chaos.runs import OPEN, PATIENCE, await_all, connected, still_open
from ops.chaos.sink import Sink, listening
from ops.chaos.told import discrepancies
from ops.chaos.told_jobs import TOLD
from ops.chaos.world import TASK_QUEUE, WORKERS, World
from ops.ending import end_with

#: How each of a round of jobs ends; one that fails is started again, and completes.
_ENDS = ("fails", "is held", "completes")
#: Jobs that are started for each kill, and seconds between two kills.
_JOBS, _PAUSE = 2, (0.5, 3.0)
#: One kill of so many is of Postgres, and one of Temporal.
_SERVERS = 25
#: Seconds in which everything that was enqueued must arrive.
_PATIENCE = 900
_SETTINGS = '[notifications]\ngroup_wait = 0\ngroup_interval = 0\n[notifications.channels.sink]\nkind = "webhook"\n'
_PENDING = """
    SELECT (SELECT count(*) FROM core_outbox WHERE routed_at IS NULL)
        + (SELECT count(*) FROM core_deliveries WHERE status = 'PENDING')
"""


async def _kill(world: World, kills: int, seed: int) -> Counter[str]:
    """Kill that often, each time another one, and bring it back."""
    draw, done = random.Random(f"kills/{seed}"), Counter[str]()
    for number in range(kills):
        await asyncio.sleep(draw.uniform(*_PAUSE))
        await asyncio.to_thread(world.tend_workers)
        if number % _SERVERS == 0:
            done["postgres"] += 1
            await _and_back(world.kill_postgres, world.start_postgres)
        elif number % _SERVERS == 1:
            done["temporal"] += 1
            await _and_back(world.kill_temporal, world.start_temporal)
        else:
            done["worker"] += 1
            await asyncio.to_thread(world.kill_worker, draw.randrange(WORKERS))
            await asyncio.to_thread(world.tend_workers)
    return done


async def _and_back(kill: Callable[[], None], start: Callable[[], None]) -> None:
    await asyncio.to_thread(kill)
    await asyncio.to_thread(start)


async def _work(client: Client, killing: "asyncio.Task[Counter[str]]", jobs: int) -> int:
    """Start jobs while there are kills, and wait for them; return how many runs there were."""
    running: list[asyncio.Task[int]] = []
    while not killing.done() and len(running) < jobs:
        running.append(asyncio.create_task(_job(client, len(running))))
        await asyncio.sleep(sum(_PAUSE) / 2 / _JOBS)
    return sum(await asyncio.gather(*running))


async def _job(client: Client, number: int) -> int:
    ends = _ENDS[number % len(_ENDS)]
    await _run(client, f"told-{number}", {"test": f"t{number}", "ends": ends})
    if ends != "fails":
        return 1
    await _run(client, f"told-{number}-again", {"test": f"t{number}", "ends": "completes"})
    return 2


async def _run(client: Client, identity: str, params: dict[str, str]) -> None:
    while True:
        try:
            await client.start_workflow(
                TOLD.name,
                params,
                id=identity,
                task_queue=TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            )
        except (RPCError, RuntimeError):  # Temporal is away, or has taken it and could not say so
            await asyncio.sleep(0.3)
        else:
            break
    for _ in range(_PATIENCE // PATIENCE):  # what it is to tell comes with its end, however busy the machine is
        if (await await_all(client, [identity]))[identity].status != OPEN:
            return


async def _tend(world: World) -> None:
    while True:
        await asyncio.sleep(1)
        await asyncio.to_thread(world.tend_workers)


async def _delivered(url: str) -> list[str]:
    for _ in range(_PATIENCE):
        with psycopg.connect(url) as connection:
            row = connection.execute(_PENDING).fetchone()
        if row == (0,):
            return []
        await asyncio.sleep(1)
    return [f"{row[0] if row else 'some'} notifications have not been delivered within {_PATIENCE} s"]


async def _trouble(world: World, sink: Sink, kills: int, seed: int) -> tuple[str, list[str]]:
    client = await connected(world.address)
    killing = asyncio.create_task(_kill(world, kills, seed))
    runs = await _work(client, killing, kills * _JOBS)
    done = await killing
    tending = asyncio.create_task(_tend(world))
    wrong = await _delivered(world.database_url)
    wrong += [f"open: {identity}" for identity in await still_open(client)]
    tending.cancel()
    messages, ids = len(sink.arrived), {each for message in sink.arrived for each in message.ids}
    told = f"{runs} runs, {len(ids)} notifications in {messages} messages"
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(done.items()))
    return f"{told}; {sum(done.values())} kills: {kinds}", wrong


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    options = parser.parse_args()
    seed = int(os.environ.get("CHAOS_SEED", "1"))
    print(f"telling: seed {seed}, {options.kills} kills with notifications on (CHAOS_SEED={seed} repeats it)")
    with listening(seed) as sink:
        folder = Path(tempfile.mkdtemp(prefix="telling-"))
        (folder / "spine.toml").write_text(f'{_SETTINGS}url = "{sink.url}"\n')
        world = World(folder, modules=("ops.chaos.told_jobs",), project=folder)
        try:
            done, wrong = asyncio.run(_trouble(world, sink, options.kills, seed))
            wrong += discrepancies(world.database_url, sink.arrived)
        finally:
            world.close()
    for difference in wrong[:20]:
        print(f"WRONG {difference}")
    print(f"telling: {done}; {len(wrong)} lost, doubled or undelivered")
    return 1 if wrong else 0


if __name__ == "__main__":
    end_with(main)
