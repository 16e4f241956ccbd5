"""Run mean gates and pipelines beside each other, and judge how each ended and what it wrote."""

import asyncio
import random
from collections import Counter
from uuid import uuid4

from sqlalchemy import text
from temporalio.client import Client

from ops.hostile.mean import FINE, GATES, KEEPING, MEAN, PIPELINES, SLOW, expected
from ops.hostile.run import AT_ONCE, PATIENCE, Verdict, judge_tasks
from spine_temporal.client.results import result_of
from spine_temporal.recording.database import Database

_ROWS = "SELECT test, count(*) AS n FROM mean_rows GROUP BY test"


def drawn(count: int, number: int) -> list[tuple[str, str]]:
    """Return what the gate and the pipeline of so many runs do, the same for the same number."""
    draw = random.Random(f"mean/{number}")

    def one(deeds: list[str]) -> str:
        return draw.choices(deeds, weights=[1 if name in SLOW else 25 for name in deeds])[0]

    gates, pipelines = list(GATES), list(PIPELINES)
    return [(FINE, one(pipelines)) if draw.random() < 0.7 else (one(gates), FINE) for _ in range(count)]


async def run_all(client: Client, task_queue: str, database: Database, deeds: list[tuple[str, str]]) -> Verdict:
    """Run each; what they wrote is what those wrote that completed, once each."""
    verdict, turn = Verdict(), asyncio.Semaphore(AT_ONCE)
    written: Counter[str] = Counter()
    done: dict[str, str] = {}

    async def run(gate: str, pipeline: str) -> None:
        async with turn:
            params = {"test": uuid4().hex, "gate": gate, "pipeline": pipeline}
            done[params["test"]] = f"{gate} / {pipeline}"
            written[params["test"]] += await _judge(client, task_queue, params, verdict)

    await asyncio.gather(*(run(*deed) for deed in deeds))
    with database.begin() as connection:
        rows = Counter({row.test: row.n for row in connection.execute(text(_ROWS))})
    for test in sorted(rows | written):
        if rows[test] != written[test]:
            verdict.differences.append(f"{rows[test]} rows and not {written[test]}: {done[test]}")
    return verdict


async def _judge(client: Client, task_queue: str, params: dict[str, str], verdict: Verdict) -> int:
    """Run one; return how many rows it must have written."""
    what = f"{params['gate']} / {params['pipeline']}"
    handle = await client.start_workflow(MEAN.name, params, id=f"mean-{params['test']}", task_queue=task_queue)
    try:
        result = await asyncio.wait_for(result_of(client, handle), PATIENCE)
    except TimeoutError:
        verdict.differences.append(f"does not end: {what}")
        await handle.terminate("it did not end")
        return 0
    verdict.counts[result.status.value] += 1
    ended = (result.status.value, result.error_category, result.error_step)
    if ended != expected(params["gate"], params["pipeline"]):
        verdict.differences.append(f"ended as {ended}, {result.error}: {what}")
    await judge_tasks(handle, verdict, what)
    return int(result.status.value == "COMPLETED" or (result.error_step == "work" and params["pipeline"] in KEEPING))
