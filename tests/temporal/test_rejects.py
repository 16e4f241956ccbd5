"""What a pipeline refuses is written with its step: a second attempt, or doing it again, doubles nothing."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text

from spine_temporal.recording.rejects import list_rejects
from spine_temporal.recording.runs import latest_run
from tests.temporal.refusing import REFUSING
from tests.temporal.test_held_gates import held

REFUSED = ["BAD_SHARES", "EMPTY_SYMBOL", "EMPTY_SYMBOL"]


@pytest.fixture
async def service(serve, database):
    with database.begin() as connection:
        connection.execute(text("CREATE SEQUENCE attempts"))
    async with serve(REFUSING) as running:
        yield running


def _shown(service, handle):
    with service.database.begin() as connection:
        run = latest_run(connection, handle.workflow_id)
        return [row["reason_code"] for row in list_rejects(connection, run)]


async def test_a_second_attempt_and_a_step_that_is_sent_back_show_each_reject_once(service):
    handle = await service.client.start(REFUSING, {"test": uuid4().hex})
    await held(handle)
    assert service.rows("SELECT status, attempt FROM core_executions") == [("COMPLETED", 2)]
    assert service.rows("SELECT count(*) FROM core_rejects") == [(3,)]
    await handle.decide("retry", "check", by="ann", reason="the file was mended", start_from="normalize")
    await _done_again(service)
    await held(handle)
    assert service.rows("SELECT status, round FROM core_executions ORDER BY round") == [
        ("SUPERSEDED", 0),
        ("COMPLETED", 1),
    ]
    assert _shown(service, handle) == REFUSED
    await handle.decide("abort", "check", by="ann", reason="enough")
    assert (await handle.result()).outputs["normalize"] == {"row_count": 1, "rejected": 3}


async def _done_again(service):
    query = "SELECT status FROM core_executions WHERE round = 1"
    for _ in range(300):
        if service.rows(query) == [("COMPLETED",)]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(service.rows(query))
