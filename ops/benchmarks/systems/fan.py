"""Hand-written Temporal: twelve activities at once, each one transaction with its ledger row, at the SDK's defaults."""

import asyncio
import json
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from ops.benchmarks.system import addresses, serve

with workflow.unsafe.imports_passed_through():
    from psycopg_pool import AsyncConnectionPool

    from ops.benchmarks import job
    from ops.benchmarks.long_jobs import WIDTH

_QUEUE = "bench-fan"
_pool: AsyncConnectionPool


@activity.defn
async def run_pipeline(step: str, number: int, run_id: str) -> dict[str, float]:
    """Run a pipeline; write its ledger and manifest rows in its transaction."""
    output = job.ingest({"rows": job.ROWS})
    async with _pool.connection() as connection, connection.pipeline():
        await connection.execute(job.INSERT_LEDGER, job.ledger_row(number, run_id, step, json.dumps(output)))
        await connection.execute(job.UPSERT_MANIFEST, job.manifest_row(number, run_id, "INGESTED"))
    return output


@workflow.defn
class Fan:
    """Twelve at once."""

    @workflow.run
    async def run(self, number: int) -> int:
        """Return how many there were."""
        steps = [
            workflow.execute_activity(
                run_pipeline,
                args=[f"step{place}", number, workflow.info().run_id],
                start_to_close_timeout=timedelta(seconds=60),
            )
            for place in range(WIDTH)
        ]
        return len(await asyncio.gather(*steps))


async def main() -> None:
    """Serve orders."""
    global _pool
    address, url = addresses()
    client = await Client.connect(address)
    async with (
        AsyncConnectionPool(url, min_size=20, max_size=30) as _pool,
        Worker(client, task_queue=_QUEUE, workflows=[Fan], activities=[run_pipeline]),
    ):

        async def one(number: int) -> None:
            done = await client.execute_workflow(
                Fan.run, number, id=f"fan-{number}", task_queue=_QUEUE, request_eager_start=True
            )
            assert done == WIDTH

        await serve(one)


if __name__ == "__main__":
    asyncio.run(main())
