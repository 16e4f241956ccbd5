"""A pipeline cannot end the transaction that its step commits, and leaves nothing in its session."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text

from spine_temporal import WorkflowStatus
from tests.temporal import mean

#: Endings that take rows with them which cannot be taken back.
COMMITS = {"COMMIT", "COMMIT and BEGIN", "COMMIT and a failure", "the driver's commit()", "the driver's COMMIT"}


@pytest.fixture
async def service(serve, database):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE written (who text)"))
        connection.execute(text("CREATE SCHEMA elsewhere"))
        connection.execute(text("CREATE SEQUENCE numbers"))
    async with serve(*mean.SESSIONS) as running:
        yield running


async def ended(service, workflow, endings):
    """What runs came to whose pipelines end their transaction so."""
    results = await asyncio.gather(*(service.execute(workflow, {"how": how}) for how in endings))
    for how, result in zip(endings, results, strict=True):
        assert (result.status, result.error_category) == (WorkflowStatus.FAILED, "CONFIGURATION"), (how, result)
        assert "TRANSACTION_ENDED: the pipeline" in result.error, (how, result)
        assert "the transaction that the step commits" in result.error, (how, result)
    assert set(service.rows("SELECT status, attempt FROM core_executions")) == {("FAILED", 1)}


async def test_a_pipeline_that_ends_its_transaction_fails_at_once_and_is_told_so(service):
    await ended(service, mean.ENDS, list(mean.ENDINGS))
    assert set(service.rows("SELECT who FROM written")) == {(how,) for how in COMMITS}
    assert service.rows("SELECT count(*) FROM core_anomalies") == [(len(mean.ENDINGS),)]


async def test_a_part_cannot_be_ended_by_its_pipeline_either(service):
    await ended(service, mean.ENDS_PART, ["ROLLBACK", "COMMIT", "commit()", "close()", "the driver's close()"])
    assert service.rows("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]


async def test_savepoints_are_the_pipelines_own(service):
    assert (await service.execute(mean.NESTED)).status is WorkflowStatus.COMPLETED
    assert service.rows("SELECT who FROM written") == [("nested",)]


async def test_a_transaction_that_was_made_read_only_is_not_waited_for(service):
    result = await asyncio.wait_for(service.execute(mean.READ_ONLY), 30)
    assert (result.status, result.error_category) == (WorkflowStatus.FAILED, "CONFIGURATION")
    assert "made its transaction read-only" in result.error


@pytest.mark.parametrize("workflow", [mean.LEAVES, mean.LEAVES_LOCALLY])
async def test_a_hundred_mean_pipelines_leave_sessions_as_new(service, workflow):
    fresh = (await service.execute(workflow, {"what": "nothing"})).outputs["leave"]["found"]
    runs = [
        service.execute(workflow, {"what": what, "fails": number % 2, "test": uuid4().hex})
        for number in range(8)
        for what in mean.LEAVINGS
    ]
    results = await asyncio.gather(*runs)
    assert {result.error for result in results} == {None, "no"}
    found = [result.outputs["leave"]["found"] for result in results if result.error is None]
    assert len(found) == len(runs) / 2
    assert [state for state in found if state != fresh] == []
