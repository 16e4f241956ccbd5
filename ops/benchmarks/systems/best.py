"""Hand-written Temporal, the best that we know to write: three activities, each one transaction with all its rows.

The workflow is sandboxed, as ours is, with every module passed through; activities are coroutines on a pool of psycopg
connections, whose statements go to Postgres in one pipelined batch; the start is eager. With the argument ``local``
they are local activities.
"""

import asyncio
import json
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from ops.benchmarks.system import addresses, serve

with workflow.unsafe.imports_passed_through():
    from psycopg_pool import AsyncConnectionPool

    from ops.benchmarks import job

_TIMEOUT = timedelta(seconds=60)
_pool: AsyncConnectionPool


@activity.defn
async def run_pipeline(step: str, stages: list[str], number: int, run_id: str) -> dict[str, float]:
    """Run a pipeline; write its ledger row and the manifest rows that are due, in its transaction."""
    output = job.WORK[step]({"rows": job.ROWS})
    async with _pool.connection() as connection, connection.pipeline():
        await connection.execute(job.INSERT_LEDGER, job.ledger_row(number, run_id, step, json.dumps(output)))
        for stage in stages:
            await connection.execute(job.UPSERT_MANIFEST, job.manifest_row(number, run_id, stage))
    return output


@workflow.defn
class Best:
    """The five steps."""

    @workflow.run
    async def run(self, number: int) -> dict[str, float]:
        """Return the last step's output."""
        self._number, self._run_id = number, workflow.info().run_id
        ingested = await self._run("ingest", "STARTED", "INGESTED")
        job.check_ingest(ingested)
        normalized = await self._run("normalize", "CHECKED_INGEST", "NORMALIZED")
        job.check_normalize(normalized)
        return await self._run("aggregate", "CHECKED_NORMALIZE", "AGGREGATED", "COMPLETED")

    async def _run(self, step: str, *stages: str) -> dict[str, float]:
        return await workflow.execute_activity(
            run_pipeline, args=[step, list(stages), self._number, self._run_id], start_to_close_timeout=_TIMEOUT
        )


@workflow.defn
class BestLocal(Best):
    """The same, with local activities."""

    @workflow.run
    async def run(self, number: int) -> dict[str, float]:
        """Return the last step's output."""
        return await super().run(number)

    async def _run(self, step: str, *stages: str) -> dict[str, float]:
        return await workflow.execute_local_activity(
            run_pipeline, args=[step, list(stages), self._number, self._run_id], start_to_close_timeout=_TIMEOUT
        )


async def main() -> None:
    """Serve orders."""
    global _pool
    address, url = addresses()
    kind = BestLocal if sys.argv[1:] == ["local"] else Best
    queue = f"bench-{kind.__name__}"
    client = await Client.connect(address)
    async with (
        AsyncConnectionPool(url, min_size=20, max_size=30) as _pool,
        Worker(client, task_queue=queue, workflows=[kind], activities=[run_pipeline], max_concurrent_activities=20),
    ):

        async def one(number: int) -> None:
            output = await client.execute_workflow(
                kind.run, number, id=f"{queue}-{number}", task_queue=queue, request_eager_start=True
            )
            assert output["row_count"] > 0

        await serve(one)


if __name__ == "__main__":
    asyncio.run(main())
