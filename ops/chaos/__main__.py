"""``make chaos``: the same work undisturbed and disturbed, and every row compared."""

import argparse
import asyncio
import os
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ops.chaos import backfill, large_map, simulation
from ops.chaos.compare import Contents, compare, contents
from ops.chaos.monkey import disturb
from ops.chaos.operator import Operator
from ops.chaos.person import decide_all
from ops.chaos.runs import (
    Outcome,
    await_all,
    connected,
    examined,
    recorded,
    start_all,
    still_open,
    told_why,
    workflow_task_failures,
)
from ops.chaos.work import Job, work
from ops.chaos.world import World
from ops.ending import end_with

#: Differences that are shown.
_SHOWN = 20
#: Events that kill a process.
_KILLS = ("kill worker", "kill postgres", "kill temporal")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a list of jobs came to in one world."""

    outcomes: dict[str, Outcome]
    contents: Contents
    task_failures: list[str]
    still_open: list[str]
    #: What does not fit between Temporal and Postgres, each as a sentence.
    findings: list[str]
    events: Counter[str]
    #: Workflow ids whose runs an operator has reset, or ended and resumed.
    touched: set[str]
    #: How each touched run has ended by its row; a run that was terminated after that has another status in Temporal.
    recorded: dict[str, Outcome]


async def _run(world: World, jobs: list[Job], seed: int, seconds: float) -> Ended:
    """Run the jobs; with ``seconds``, while the monkey is loose for that long."""
    client = await connected(world.address)
    person = asyncio.create_task(decide_all(client))
    operator = Operator(client, world.database_url, jobs, seed)
    async with asyncio.TaskGroup() as group:
        disturbing = group.create_task(disturb(world, seed, seconds))
        operating = group.create_task(operator.operate(seconds))
        starting = group.create_task(start_all(client, jobs, seconds * 0.8))
    events, operated, identities = disturbing.result(), operating.result(), starting.result()
    tending = asyncio.create_task(_tend(world))
    outcomes = await await_all(client, identities)
    left = await still_open(client)
    told = [f"{identity}: {reason}" for identity in left for reason in await told_why(client, identity)]
    ended = Ended(
        outcomes=outcomes,
        contents=contents(world.database_url),
        task_failures=await workflow_task_failures(client, identities),
        still_open=told,
        findings=[*operated.wrong, *await examined(client, world.database_url)],
        events=events + operated.events,
        touched=operated.touched,
        recorded=recorded(world.database_url, operated.touched),
    )
    tending.cancel()
    person.cancel()
    return ended


async def _tend(world: World) -> None:
    while True:
        await asyncio.sleep(1)
        await asyncio.to_thread(world.tend_workers)


def _in_a_world(jobs: list[Job], seed: int, seconds: float, *, disk: bool) -> Ended:
    world = World(Path(tempfile.mkdtemp(prefix="chaos-")), small_disk=disk)
    if disk and not world.disk:
        print("  (this machine lets us mount no disk, so none is filled)")
    try:
        return asyncio.run(_run(world, jobs, seed, seconds))
    finally:
        world.close()


def _differences(jobs: list[Job], twin: Ended, disturbed: Ended) -> list[str]:
    """Return each difference; of a job that was started twice, one may give way to the other."""
    found = compare(twin.contents, disturbed.contents, disturbed.touched).differences
    for job in jobs:
        names = (job.key, f"{job.key}-again") if job.twice else (job.key,)
        expected = [twin.outcomes[name] for name in names if not twin.outcomes[name].gave_way]
        outcomes = disturbed.outcomes | disturbed.recorded
        seen = [outcomes[name] for name in names if not outcomes[name].gave_way]
        if not seen or {*seen} != {*expected} or (not job.twice and len(seen) != len(names)):
            found.append(f"run {job.key}: {[outcomes[name] for name in names]} and not {expected}")
    found += [f"open: {told}" for told in disturbed.still_open]
    found += [f"doctor: {finding}" for finding in disturbed.findings]
    return found + [f"workflow task: {failure}" for failure in disturbed.task_failures]


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=360)
    parser.add_argument("--seconds", type=float, default=360)
    parser.add_argument("--no-disk", action="store_true")
    parser.add_argument("--schedules", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=10_000, help="of the large map; 0: none")
    parser.add_argument("--partitions", type=int, default=10_000, help="of the backfill; 0: none")
    options = parser.parse_args()
    if simulation.main(options.schedules):
        return 1
    if options.items and large_map.run(options.items):
        return 1
    seed = int(os.environ.get("CHAOS_SEED", "1"))
    if options.partitions and backfill.run(options.partitions, seed):
        return 1
    if not options.runs:
        return 0
    print(f"chaos: seed {seed}, {options.runs} jobs, {options.seconds:.0f} s of trouble (CHAOS_SEED={seed} repeats it)")
    with tempfile.TemporaryDirectory(prefix="chaos-files-") as folder:
        Path(folder).chmod(0o755)
        jobs = work(options.runs, seed, Path(folder))
        began = time.monotonic()
        twin = _in_a_world(jobs, seed, 0, disk=False)
        print(f"undisturbed: {len(twin.outcomes)} runs in {time.monotonic() - began:.0f} s, {_statuses(twin)}")
        disturbed = _in_a_world(jobs, seed, options.seconds, disk=not options.no_disk)
    print(f"disturbed: {_statuses(disturbed)}; " + ", ".join(f"{k} {n}" for k, n in sorted(disturbed.events.items())))
    return _report(jobs, twin, disturbed)


def _report(jobs: list[Job], twin: Ended, disturbed: Ended) -> int:
    rows = compare(twin.contents, disturbed.contents).rows
    print("compared: " + ", ".join(f"{table} {count}" for table, count in rows.items()))
    differences = _differences(jobs, twin, disturbed)
    for difference in differences[:_SHOWN]:
        print(f"DIFFERENCE {difference[:1000]}")
    if differences:
        file = Path(tempfile.gettempdir()) / f"chaos-differences-{os.getpid()}.txt"
        file.write_text("\n".join(differences))
        print(f"all {len(differences)} differences: {file}")
    kills = sum(disturbed.events[kind] for kind in _KILLS)
    print(
        f"chaos: {len(disturbed.outcomes)} runs, {kills} kills, {sum(rows.values())} rows compared, "
        f"{len(differences)} differences"
    )
    return 1 if differences else 0


def _statuses(ended: Ended) -> str:
    counts = Counter(outcome.status for outcome in ended.outcomes.values())
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))


if __name__ == "__main__":
    end_with(main)
