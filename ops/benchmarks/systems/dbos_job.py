"""DBOS: a workflow of three transactions of its datasource, each with the rows that are due, on the same Postgres."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS, SQLAlchemyDatasource

from ops.benchmarks import job
from ops.benchmarks.system import addresses, serve

_, _url = addresses()
_SQLALCHEMY_URL = _url.replace("postgresql://", "postgresql+psycopg://")
DBOS(config={"name": "bench", "system_database_url": _url, "log_level": "ERROR", "sys_db_pool_size": 30})
_source = SQLAlchemyDatasource.create(_SQLALCHEMY_URL, engine_kwargs={"pool_size": 30})


@_source.transaction(isolation_level="READ COMMITTED")
def run_pipeline(step: str, stages: list[str], number: int, run_id: str) -> dict[str, float]:
    """Run a pipeline and write its rows."""
    output = job.WORK[step]({"rows": job.ROWS})
    connection = _source.sql_session().connection()
    connection.exec_driver_sql(job.INSERT_LEDGER, job.ledger_row(number, run_id, step, json.dumps(output)))
    for stage in stages:
        connection.exec_driver_sql(job.UPSERT_MANIFEST, job.manifest_row(number, run_id, stage))
    return output


@DBOS.workflow()
def refresh(number: int) -> dict[str, float]:
    """Do the five steps; return the last step's output."""
    run_id = DBOS.workflow_id or ""
    ingested = run_pipeline("ingest", ["STARTED", "INGESTED"], number, run_id)
    job.check_ingest(ingested)
    normalized = run_pipeline("normalize", ["CHECKED_INGEST", "NORMALIZED"], number, run_id)
    job.check_normalize(normalized)
    return run_pipeline("aggregate", ["CHECKED_NORMALIZE", "AGGREGATED", "COMPLETED"], number, run_id)


async def main() -> None:
    """Serve orders."""
    DBOS.launch()
    loop, threads = asyncio.get_running_loop(), ThreadPoolExecutor(50)

    async def one(number: int) -> None:
        output = await loop.run_in_executor(threads, lambda: DBOS.start_workflow(refresh, number).get_result())
        assert output["row_count"] > 0

    await serve(one)


if __name__ == "__main__":
    asyncio.run(main())
