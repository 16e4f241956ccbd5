"""A local pipeline runs within the workflow task, once; what must be tried again becomes an activity as any other."""

import asyncio
import threading
from uuid import uuid4

import pytest
from sqlalchemy import text
from temporalio.api.enums.v1 import EventType

from spine_temporal import DefinitionError, Step, Workflow, WorkflowStatus
from spine_temporal.recording.executions import execution_id_of, lock_key_of
from spine_temporal.runtime.definitions import definitions_of
from tests.temporal import chunked
from tests.temporal import vocabulary as jobs
from tests.temporal.test_vocabulary import replays

LOCAL_PARTS = Workflow(name="local.parts", steps=[Step.pipeline("parts", chunked.Parts.name, local=True)])
SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED


@pytest.fixture
async def service(serve, database):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE mended (test text)"))
    async with serve(jobs.LOCAL, jobs.LOCAL_SLOW) as running:
        yield running


async def run(service, **params):
    handle = await service.client.start(jobs.LOCAL, {"test": uuid4().hex, **params})
    result = await handle.result()
    history = await handle.handle.fetch_history()
    scheduled = [
        event.activity_task_scheduled_event_attributes.activity_id
        for event in history.events
        if event.event_type == SCHEDULED
    ]
    await replays(handle)
    return result, scheduled


async def test_a_local_pipeline_schedules_no_activity_and_writes_the_same_rows(service):
    result, scheduled = await run(service)
    assert result.status is WorkflowStatus.COMPLETED
    assert scheduled == ["beside"]  # beside others it is an activity as any other
    rows = service.rows("SELECT step, status, attempt FROM core_executions ORDER BY step")
    assert rows == [(step, "COMPLETED", 1) for step in ("beside", "first", "second")]
    stages = service.rows("SELECT stage FROM core_manifest WHERE stage LIKE 'STEP%' ORDER BY stage_rank")
    assert [stage for (stage,) in stages] == ["STEP_FIRST", "STEP_CHECK", "STEP_SECOND", "STEP_BOTH", "STEP_BESIDE"]


async def test_one_that_fails_for_a_moment_is_tried_again_as_an_activity(service):
    result, scheduled = await run(service, fails=1)
    assert result.status is WorkflowStatus.COMPLETED
    assert scheduled == ["first", "beside"]
    assert service.rows("SELECT attempt FROM core_executions WHERE step = 'first'") == [(2,)]
    assert service.rows("SELECT count(*) FROM mended") == [(1,)]


async def test_a_cancelled_one_is_rolled_back(service):
    handle = await service.client.start(jobs.LOCAL_SLOW, {"test": uuid4().hex})
    for _ in range(100):
        if service.rows("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND pid <> pg_backend_pid()"):
            break
        await asyncio.sleep(0.05)
    await handle.cancel()
    result = await asyncio.wait_for(handle.result(), 40)
    assert result.status is WorkflowStatus.CANCELLED
    assert service.rows("SELECT count(*) FROM core_executions") == [(0,)]
    assert service.rows("SELECT count(run_id) FROM core_partitions") == [(0,)]


async def test_one_that_fails_for_good_is_not_tried_again(service):
    result, scheduled = await run(service, does="fail")
    assert (result.status, set(result.failed_steps)) == (WorkflowStatus.FAILED, {"second", "beside", "both"})
    assert scheduled == ["beside"]


async def test_one_that_is_locked_by_an_attempt_of_a_frozen_worker_gets_its_turn(service, database, monkeypatch):
    monkeypatch.setattr("spine_temporal.runtime.older_attempts.TURN", 0.5)
    locked, released = threading.Event(), threading.Event()
    begin = jobs.Unsteady.run

    def frozen(self):
        """Let another session hold the lock of the next step, as a worker would that was stopped in it."""
        key = lock_key_of(execution_id_of(self.run_id, "second"))

        def hold():
            with database.engine.connect() as connection:
                connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
                locked.set()
                released.wait(20)
                connection.invalidate()

        threading.Thread(target=hold, daemon=True).start()
        locked.wait(5)
        return begin(self)

    monkeypatch.setattr(jobs.Unsteady, "run", frozen)
    result, scheduled = await run(service)
    released.set()
    assert result.status is WorkflowStatus.COMPLETED
    assert scheduled == ["second", "beside"]


def test_a_pipeline_that_commits_in_parts_cannot_be_local():
    with pytest.raises(DefinitionError, match="commits in parts"):
        definitions_of([LOCAL_PARTS])
