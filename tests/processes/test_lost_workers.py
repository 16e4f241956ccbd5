"""A step that loses one worker after the other ends, and one that loses a worker by chance goes on."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from spine_temporal.client.run_handle import RunHandle
from tests.processes.lost_jobs import KILLS, KILLS_LOCALLY, LOCALLY_BEFORE

MODULES = "activities,workflows,tests.processes.lost_jobs"


@pytest.fixture
async def lose(servers, environment, start_worker, tmp_path, database_url):
    """Run a workflow that kills so many workers, each replaced by another; return what it came to and the ledger."""
    client = await Client.connect(servers.temporal_address, data_converter=pydantic_data_converter)
    queue = environment["SPINE_TASK_QUEUE"]

    async def run(workflow, times):
        params = {"log": str(tmp_path / "log"), "times": times}
        started = await client.start_workflow(
            workflow.name, params, id=uuid4().hex, task_queue=queue, task_timeout=timedelta(seconds=2)
        )
        result = asyncio.create_task(RunHandle(workflow_id=started.id, handle=started, client=client).result())
        keeping = asyncio.create_task(keep_a_worker(result))
        try:
            return await asyncio.wait_for(asyncio.shield(result), 150), (tmp_path / "log").read_text()
        finally:
            result.cancel()
            await asyncio.gather(result, keeping, return_exceptions=True)

    async def keep_a_worker(result):
        while not result.done():
            worker = start_worker(SPINE_MODULES=MODULES)
            while worker.poll() is None and not result.done():  # noqa: ASYNC110 - a process ends
                await asyncio.sleep(0.05)

    return run


def ledger(url):
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT status, attempt, lost FROM core_executions ORDER BY started_at").fetchall()


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("workflow", "lost"), [(KILLS, 5), (KILLS_LOCALLY, 3)], ids=["activity", "local"])
async def test_a_step_that_kills_each_worker_ends_its_run(lose, database_url, workflow, lost):
    result, begun = await lose(workflow, 100)
    assert (result.status, result.error_step, result.error_category) == ("FAILED", "kill", "INTERNAL")
    assert f"WORKER_LOST: {lost} attempts were lost with their workers" in result.error
    assert begun == "x" * lost
    assert ledger(database_url) == [("FAILED", 1, lost)]
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT category FROM core_anomalies").fetchall() == [("WORKFLOW_FAILURE",)]


@pytest.mark.timeout(180)
async def test_a_step_that_loses_workers_by_chance_goes_on_and_no_attempt_is_counted(lose, database_url):
    result, begun = await lose(KILLS, 2)
    assert (result.status, begun) == ("COMPLETED", "xxx")
    assert ledger(database_url) == [("COMPLETED", 1, 2)]


@pytest.mark.timeout(180)
async def test_a_step_behind_the_one_that_loses_a_worker_in_a_workflow_task_has_lost_none(lose, database_url):
    result, begun = await lose(LOCALLY_BEFORE, 1)
    assert (result.status, begun) == ("COMPLETED", "xx")
    assert ledger(database_url) == [("COMPLETED", 1, 1), ("COMPLETED", 1, 0)]
