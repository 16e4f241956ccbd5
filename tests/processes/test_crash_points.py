"""A worker that dies at any boundary of a run leaves every row once, and the run ends as if nothing had happened."""

import asyncio
import signal

import psycopg
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from spine_temporal import SpineClient
from tests.processes.crash_jobs import CRASH
from tests.processes.crashing import POINTS

MODULES = "activities,workflows,tests.processes.crash_jobs,tests.processes.crashing"
#: Where the run itself is to fail.
FAILING = {"in the anomaly's write"}


@pytest.fixture
async def disturbed(servers, environment, start_worker, tmp_path):
    """Return what a run comes to whose worker dies at a boundary."""
    client = await Client.connect(servers.temporal_address, data_converter=pydantic_data_converter)
    queue, marker = environment["SPINE_TASK_QUEUE"], tmp_path / "died"

    async def run(point):
        crashing = {"SPINE_MODULES": MODULES, "CRASH_AT": point, "CRASH_MARKER": str(marker)}
        worker = start_worker(**crashing)
        handle = await SpineClient(client, task_queue=queue).start(CRASH, {"test": queue, "fails": point in FAILING})
        assert await asyncio.to_thread(worker.wait) == -signal.SIGKILL
        assert marker.exists()
        start_worker(**crashing)
        return await handle.result()

    return run


def _contents(url):
    queries = {
        "rows": "SELECT stage, count(*) FROM core_rejects GROUP BY stage ORDER BY stage",
        "ledger": "SELECT step, status, attempt FROM core_executions ORDER BY step",
        "manifest": "SELECT stage FROM core_manifest ORDER BY stage_rank",
        "anomalies": "SELECT stage, occurrences FROM core_anomalies",
        "claims": "SELECT run_id FROM core_partitions WHERE run_id IS NOT NULL",
        "runs": "SELECT status FROM core_runs",
    }
    with psycopg.connect(url) as connection:
        return {name: connection.execute(query).fetchall() for name, query in queries.items()}


@pytest.mark.parametrize("point", POINTS)
async def test_a_worker_that_dies_there_loses_nothing(disturbed, database_url, point):
    result = await disturbed(point)
    fails = point in FAILING
    steps, status = (["first"], "FAILED") if fails else (["first", "second"], "COMPLETED")
    last = ["FAILED"] if fails else ["STEP_SECOND", "COMPLETED"]
    assert result.status == status
    assert _contents(database_url) == {
        "rows": [(step, 3) for step in steps],
        "ledger": [(step, "COMPLETED", 1) for step in steps] + ([("second", "FAILED", 1)] if fails else []),
        "manifest": [(stage,) for stage in ("STARTED", "STEP_FIRST", "STEP_GATE", *last)],
        "anomalies": [("workflow.second", 1)] if fails else [],
        "claims": [],
        "runs": [(status,)],
    }
