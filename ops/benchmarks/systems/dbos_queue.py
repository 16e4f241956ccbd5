"""DBOS: a queue of workflows of one step each, as many as the run's number says; each writes its ledger row."""

import asyncio
import json

from dbos import DBOS, SQLAlchemyDatasource

from ops.benchmarks import job
from ops.benchmarks.system import addresses, serve

_, _url = addresses()
DBOS(config={"name": "bench_queue", "system_database_url": _url, "log_level": "ERROR", "sys_db_pool_size": 30})
_source = SQLAlchemyDatasource.create(
    _url.replace("postgresql://", "postgresql+psycopg://"), engine_kwargs={"pool_size": 30}
)
_QUEUE = "items"


@_source.transaction(isolation_level="READ COMMITTED")
def work(number: int, run_id: str) -> dict[str, float]:
    """Do one item, and write its ledger row."""
    output = job.ingest({"rows": job.ROWS})
    connection = _source.sql_session().connection()
    connection.exec_driver_sql(job.INSERT_LEDGER, job.ledger_row(number, run_id, "item", json.dumps(output)))
    return output


@DBOS.workflow()
def item(number: int) -> dict[str, float]:
    """Do one item."""
    return work(number, DBOS.workflow_id or "")


def _all(items: int) -> int:
    handles = [DBOS.enqueue_workflow(_QUEUE, item, number) for number in range(items)]
    return sum(handle.get_result()["row_count"] > 0 for handle in handles)


async def main() -> None:
    """Serve orders."""
    DBOS.launch()
    await DBOS.register_queue_async(_QUEUE, worker_concurrency=50, polling_interval_sec=0.05)

    async def one(items: int) -> None:
        assert await asyncio.to_thread(_all, items) == items

    await serve(one)


if __name__ == "__main__":
    asyncio.run(main())
