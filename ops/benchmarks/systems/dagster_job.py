"""Dagster: a job of three ops, run in process with its SQLite instance, each op writing its rows in one transaction.

One run at a time: ``execute_in_process`` does not run beside itself in threads.
"""

import asyncio
import json
import logging
import os
from pathlib import Path
from typing import Any

from dagster import Config, DagsterInstance, OpExecutionContext, RunConfig, job, op
from sqlalchemy import create_engine

from ops.benchmarks import job as work
from ops.benchmarks.system import addresses, serve

_, _url = addresses()
_engine = create_engine(_url.replace("postgresql://", "postgresql+psycopg://"), pool_size=5)


class Number(Config):
    """Which run it is."""

    number: int


def _pipeline(step: str, stages: list[str], number: int, run_id: str) -> dict[str, Any]:
    output = work.WORK[step]({"rows": work.ROWS})
    with _engine.begin() as connection:
        connection.exec_driver_sql(work.INSERT_LEDGER, work.ledger_row(number, run_id, step, json.dumps(output)))
        for stage in stages:
            connection.exec_driver_sql(work.UPSERT_MANIFEST, work.manifest_row(number, run_id, stage))
    return output


@op
def ingest(context: OpExecutionContext, config: Number) -> dict[str, Any]:
    """Run the first pipeline."""
    return _pipeline("ingest", ["STARTED", "INGESTED"], config.number, context.run_id)


@op
def normalize(context: OpExecutionContext, config: Number, ingested: dict[str, Any]) -> dict[str, Any]:
    """Check, and run the second."""
    work.check_ingest(ingested)
    return _pipeline("normalize", ["CHECKED_INGEST", "NORMALIZED"], config.number, context.run_id)


@op
def aggregate(context: OpExecutionContext, config: Number, normalized: dict[str, Any]) -> dict[str, Any]:
    """Check, and run the third."""
    work.check_normalize(normalized)
    stages = ["CHECKED_NORMALIZE", "AGGREGATED", "COMPLETED"]
    return _pipeline("aggregate", stages, config.number, context.run_id)


@job
def refresh() -> None:
    """Do the five steps."""
    aggregate(normalize(ingest()))


async def main() -> None:
    """Serve orders."""
    home = Path(os.environ["BENCH_HOME"]) / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    os.environ["DAGSTER_HOME"] = str(home)
    logging.disable(logging.INFO)
    instance = DagsterInstance.get()

    async def one(number: int) -> None:
        config = RunConfig(ops=dict.fromkeys(job_ops, Number(number=number)))
        assert refresh.execute_in_process(run_config=config, instance=instance).success

    job_ops = ("ingest", "normalize", "aggregate")
    await serve(one)


if __name__ == "__main__":
    asyncio.run(main())
