"""Limits by key hold over all workers, a source that is busy closes its key for everybody, and a person opens it."""

import asyncio
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from spine_temporal.client.limits import Limits
from spine_temporal.client.why import reasons
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.worker import running_worker
from tests.temporal import queued, resumable
from tests.temporal.test_on_busy import until


@pytest.fixture
async def service(serve):
    async with serve(*queued.ALL) as running:
        yield running


@pytest.fixture
def start(service, tmp_path):
    async def start_one(workflow):
        return await service.client.start(workflow, {"week": uuid4().hex, "folder": str(tmp_path)})

    return start_one


async def is_limited(service, handle, told):
    """Come back when the run says that its limit keeps it waiting."""

    async def says_so():
        found = await reasons(service.client.client, handle)
        return found[0].kind == "limit" and told in found[0].text

    await until(says_so)


async def test_no_more_attempts_than_the_limit_lets_use_the_source_on_two_workers(
    service, start, servers, database, tmp_path
):
    client = await Client.connect(servers.temporal_address, data_converter=pydantic_data_converter)
    other = {"task_queue": service.client.task_queue, "max_activities": 10}
    async with running_worker(client, database, definitions_of(queued.ALL), **other):
        first = await start(queued.LIMITED)
        await resumable.until_waiting(tmp_path)
        second = await start(queued.LIMITED)
        await is_limited(service, second, "limit 'queued.one' is full: 1 at once")
        [state] = Limits(database).list()
        assert (state.key, state.concurrency, state.running, state.waiting) == ("queued.one", 1, 1, 1)
        assert (tmp_path / "ran").read_text() == "wait "
        await first.terminate(reason="a holder whose worker cannot give its place back", database=database)
        await resumable.until_waiting(tmp_path, 2)  # a lease of a run that has ended holds nothing
        (tmp_path / "go").touch()
        result = await asyncio.wait_for(second.result(), 60)
    assert result.status == "COMPLETED"
    assert [step.attempt for step in result.step_executions] == [1]  # waiting is not counted
    await until(lambda: service.rows("SELECT 1 FROM core_leases") == [])


async def test_a_source_that_is_busy_closes_its_key_for_everybody_until_a_person_opens_it(
    service, start, database, tmp_path
):
    (tmp_path / "busy").write_text("3600")
    first = await start(queued.ASKING)
    limits = Limits(database)
    await until(lambda: [state.is_closed for state in limits.list()] == [True])
    second = await start(queued.ASKING)
    await is_limited(service, second, "limit 'queued.source' is closed until 20")
    [state] = limits.list()
    assert (state.closed_by, state.closed_reason) == (None, "SOURCE_BUSY: the source answered 429")
    assert len((tmp_path / "asked").read_text().split()) == 1
    (tmp_path / "busy").unlink()
    limits.open("queued.source", by="ann", reason="they say that it is well again")
    audit = "SELECT action, by, reason, details FROM core_audit"
    assert service.rows(audit) == [("open limit", "ann", "they say that it is well again", {"limit": "queued.source"})]
    await first.cancel()  # its next attempt is due in an hour, as the source has told it
    await first.result()
    service.rows("UPDATE core_leases SET expires_at = now() RETURNING 1")
    third = await start(queued.ASKING)
    assert (await asyncio.wait_for(third.result(), 60)).status == "COMPLETED"
    await second.cancel()
    assert (await second.result()).status == "CANCELLED"
