"""A worker that dies at any boundary of a run leaves every row once, and the run ends as if nothing had happened."""

import asyncio
import os
import subprocess
import sys
from uuid import uuid4

import psycopg
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from spine_temporal import SpineClient
from tests.conftest import copied_database
from tests.processes.conftest import ROOT
from tests.processes.crash_jobs import CRASH
from tests.processes.crashing import POINTS

MODULES = "activities,workflows,tests.processes.crash_jobs,tests.processes.crashing"
#: Where the run itself is to fail.
FAILING = {"in the anomaly's write"}
#: How many runs are disturbed at once.
AT_ONCE = 4
#: They read what one fixture found out.
pytestmark = pytest.mark.xdist_group("crash points")


@pytest.fixture(scope="module")
async def disturbed(servers, template, tmp_path_factory):
    """For each boundary, what a run came to whose worker died there, and what stands in its database."""
    client = await Client.connect(servers.temporal_address, data_converter=pydantic_data_converter)
    turn = asyncio.Semaphore(AT_ONCE)
    folder = tmp_path_factory.mktemp("crashes")

    async def disturb(point):
        async with turn:
            with copied_database(servers.database_url, template) as url:
                result = await _disturbed_run(client, servers, url, folder / f"{uuid4().hex}", point)
                return result, await asyncio.to_thread(_contents, url)

    outcomes = await asyncio.gather(*(disturb(point) for point in POINTS))
    return dict(zip(POINTS, outcomes, strict=True))


async def _disturbed_run(client, servers, url, marker, point):
    queue = f"crash-{uuid4().hex[:8]}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(marker.parent),
        "SPINE_HOME": str(marker.parent / "spine"),
        "SPINE_DATABASE_URL": url,
        "SPINE_TASK_QUEUE": queue,
        "SPINE_MODULES": MODULES,
        "TEMPORAL_ADDRESS": servers.temporal_address,
        "CRASH_AT": point,
        "CRASH_MARKER": str(marker),
    }
    worker = _worker(environment)
    try:
        handle = await SpineClient(client, task_queue=queue).start(CRASH, {"test": queue, "fails": point in FAILING})
        assert await asyncio.wait_for(asyncio.to_thread(worker.wait), 60) != 0
        assert marker.exists()
        worker = _worker(environment)
        return await asyncio.wait_for(handle.result(), 60)
    finally:
        worker.kill()
        worker.wait()


def _worker(environment):
    return subprocess.Popen(
        [sys.executable, "-m", "spine_temporal", "worker"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


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


@pytest.mark.timeout(180)
@pytest.mark.parametrize("point", POINTS)
async def test_a_worker_that_dies_there_loses_nothing(disturbed, point):
    result, contents = disturbed[point]
    fails = point in FAILING
    steps, status = (["first"], "FAILED") if fails else (["first", "second"], "COMPLETED")
    last = ["FAILED"] if fails else ["STEP_SECOND", "COMPLETED"]
    assert result.status == status
    assert contents == {
        "rows": [(step, 3) for step in steps],
        "ledger": [(step, "COMPLETED", 1) for step in steps] + ([("second", "FAILED", 1)] if fails else []),
        "manifest": [(stage,) for stage in ("STARTED", "STEP_FIRST", "STEP_GATE", *last)],
        "anomalies": [("workflow.second", 1)] if fails else [],
        "claims": [],
        "runs": [(status,)],
    }
