"""Prefect 3: a flow of three tasks on a local server, each writing its rows in one transaction."""

import asyncio
import json
import os
from pathlib import Path
from uuid import uuid4

_home = Path(os.environ["BENCH_HOME"]) / "prefect"
os.environ |= {
    "PREFECT_HOME": str(_home),
    "PREFECT_LOGGING_LEVEL": "ERROR",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}

from prefect import flow, task  # noqa: E402 - it reads the environment as it is imported
from sqlalchemy import create_engine  # noqa: E402

from ops.benchmarks import job  # noqa: E402
from ops.benchmarks.system import addresses, serve  # noqa: E402

_, _url = addresses()
_engine = create_engine(_url.replace("postgresql://", "postgresql+psycopg://"), pool_size=30)


@task
def run_pipeline(step: str, stages: list[str], number: int, run_id: str) -> dict[str, float]:
    """Run a pipeline and write its rows."""
    output = job.WORK[step]({"rows": job.ROWS})
    with _engine.begin() as connection:
        connection.exec_driver_sql(job.INSERT_LEDGER, job.ledger_row(number, run_id, step, json.dumps(output)))
        for stage in stages:
            connection.exec_driver_sql(job.UPSERT_MANIFEST, job.manifest_row(number, run_id, stage))
    return output


@flow
def refresh(number: int) -> dict[str, float]:
    """Do the five steps; return the last step's output."""
    run_id = uuid4().hex
    ingested = run_pipeline("ingest", ["STARTED", "INGESTED"], number, run_id)
    job.check_ingest(ingested)
    normalized = run_pipeline("normalize", ["CHECKED_INGEST", "NORMALIZED"], number, run_id)
    job.check_normalize(normalized)
    return run_pipeline("aggregate", ["CHECKED_NORMALIZE", "AGGREGATED", "COMPLETED"], number, run_id)


async def main() -> None:
    """Serve orders."""

    async def one(number: int) -> None:
        output = await asyncio.to_thread(refresh, number)
        assert output["row_count"] > 0

    await serve(one)


if __name__ == "__main__":
    asyncio.run(main())
