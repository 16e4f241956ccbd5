"""A step that is an activity is stopped within some seconds, whatever its heartbeat timeout is."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.worker import Worker

from spine_temporal import WorkflowStatus
from spine_temporal.runtime.plugin import SpinePlugin
from tests.temporal import stopping

#: Seconds that a busy machine has; a step that hears of it as Temporal's client has it hears after 48.
STOPPED = 30.0


@pytest.fixture
async def service(serve):
    async with serve(*stopping.MINUTES, stopping.BESIDE) as running:
        yield running


@pytest.fixture
def begin(service, tmp_path):
    """Start a run, and return it when its pipeline has written its row."""

    async def start(workflow):
        params = {"test": uuid4().hex, "folder": str(tmp_path)}
        has_begun = (tmp_path / params["test"]).exists
        handle = await service.client.start(workflow, params)
        async with asyncio.timeout(30):
            while not has_begun():  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.05)
        return handle

    return start


async def test_a_cancelled_step_is_stopped_soon_whether_it_looks_or_not(service, begin, caplog):
    handles = await asyncio.gather(*map(begin, stopping.MINUTES))
    await asyncio.sleep(2)
    await asyncio.gather(*(handle.cancel() for handle in handles))
    results = await asyncio.wait_for(asyncio.gather(*(handle.result() for handle in handles)), STOPPED)
    assert {result.status for result in results} == {WorkflowStatus.CANCELLED}
    assert service.rows("SELECT count(*) FROM core_executions") == [(0,)]
    assert service.rows("SELECT category FROM core_anomalies") == []
    told = [record.getMessage() for record in caplog.records if "its process is killed" in record.getMessage()]
    killed = {result.workflow_name for result in results if any(result.run_id in one for one in told)}
    assert killed == {"stopping.deaf", "stopping.deaf_long"}  # the others end by themselves, as they hear of it


async def test_a_step_beside_one_that_fails_is_stopped_as_soon(service, begin):
    handle = await begin(stopping.BESIDE)
    result = await asyncio.wait_for(handle.result(), STOPPED)
    assert (result.status, result.error) == (WorkflowStatus.FAILED, "it fails")
    assert service.rows("SELECT step, status FROM core_executions") == [("fail", "FAILED")]
    assert service.rows("SELECT category FROM core_anomalies") == [("WORKFLOW_FAILURE",)]


@pytest.mark.parametrize(("wanted", "taken"), [(60, 4), (1, 1)])
async def test_a_worker_of_ones_own_holds_heartbeats_back_no_longer(temporal, database, wanted, taken):
    plugin = SpinePlugin(workflows=[stopping.BESIDE], database=database, in_process=True)
    interval = timedelta(seconds=wanted)
    worker = Worker(temporal, task_queue=uuid4().hex, plugins=[plugin], max_heartbeat_throttle_interval=interval)
    assert worker.config(active_config=True)["max_heartbeat_throttle_interval"] == timedelta(seconds=taken)
