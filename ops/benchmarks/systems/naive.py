"""Hand-written Temporal, as it is first written: a pipeline is an activity, and a manifest row is one too."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from ops.benchmarks.system import addresses, serve

with workflow.unsafe.imports_passed_through():
    from sqlalchemy import Engine, create_engine

    from ops.benchmarks import job

_TIMEOUT = timedelta(seconds=60)
_engine: Engine


@activity.defn
def run_pipeline(step: str, number: int, run_id: str) -> dict[str, float]:
    """Run a pipeline and write its ledger row."""
    output = job.WORK[step]({"rows": job.ROWS})
    with _engine.begin() as connection:
        connection.exec_driver_sql(job.INSERT_LEDGER, job.ledger_row(number, run_id, step, json.dumps(output)))
    return output


@activity.defn
def record_stages(stages: list[str], number: int, run_id: str) -> None:
    """Write manifest rows: a stage, and the verdict that led to it."""
    with _engine.begin() as connection:
        for stage in stages:
            connection.exec_driver_sql(job.UPSERT_MANIFEST, job.manifest_row(number, run_id, stage))


@workflow.defn
class Naive:
    """The five steps."""

    @workflow.run
    async def run(self, number: int) -> dict[str, float]:
        """Return the last step's output."""
        self._number, self._run_id = number, workflow.info().run_id
        await self._record("STARTED")
        ingested = await self._run("ingest")
        await self._record("INGESTED")
        job.check_ingest(ingested)
        normalized = await self._run("normalize")
        await self._record("CHECKED_INGEST", "NORMALIZED")
        job.check_normalize(normalized)
        aggregated = await self._run("aggregate")
        await self._record("CHECKED_NORMALIZE", "AGGREGATED")
        await self._record("COMPLETED")
        return aggregated

    async def _run(self, step: str) -> dict[str, float]:
        return await workflow.execute_activity(
            run_pipeline, args=[step, self._number, self._run_id], start_to_close_timeout=_TIMEOUT
        )

    async def _record(self, *stages: str) -> None:
        await workflow.execute_activity(
            record_stages, args=[list(stages), self._number, self._run_id], start_to_close_timeout=_TIMEOUT
        )


async def main() -> None:
    """Serve orders."""
    global _engine  # noqa: PLW0603 - as an activity module has it
    address, url = addresses()
    _engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), pool_size=30)
    client = await Client.connect(address)
    async with Worker(
        client,
        task_queue="bench-naive",
        workflows=[Naive],
        activities=[run_pipeline, record_stages],
        activity_executor=ThreadPoolExecutor(20),
        max_concurrent_activities=20,
    ):

        async def one(number: int) -> None:
            output = await client.execute_workflow(Naive.run, number, id=f"naive-{number}", task_queue="bench-naive")
            assert output["row_count"] > 0

        await serve(one)


if __name__ == "__main__":
    asyncio.run(main())
