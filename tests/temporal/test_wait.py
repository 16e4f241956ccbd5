"""A wait is a durable timer: no worker holds it, and whatever is restarted it ends when it should."""

import asyncio
from uuid import uuid4

from temporalio.api.enums.v1 import EventType

from spine_temporal import SpineClient, WorkflowStatus
from spine_temporal.client.why import reasons
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.worker import running_worker
from spine_temporal.testing.in_process import run_in_process
from tests.temporal import waiting


async def test_a_wait_goes_on_while_no_worker_is_there(temporal, database):
    worker = {"task_queue": f"wait-{uuid4().hex[:8]}", "max_activities": 5}
    client = SpineClient(temporal, task_queue=worker["task_queue"])
    definitions = definitions_of([waiting.WAITS])
    async with running_worker(temporal, database, definitions, **worker):
        handle = await client.start(waiting.WAITS, {"test": worker["task_queue"]})
        await _waits(handle)
        description = await handle.handle.describe()
        assert list(description.raw_description.pending_activities) == []
        [reason] = await reasons(temporal, handle)
        assert (reason.kind, reason.text) == ("waits", "`settle`, a timer, for 5 s")
    async with running_worker(temporal, database, definitions, **worker):
        result = await asyncio.wait_for(handle.result(), 30)
    assert result.completed_steps == ["first", "settle", "past", "second"]
    by_name = {step.step_name: step for step in result.step_executions}
    assert by_name["settle"].duration_seconds >= 5
    assert by_name["past"].duration_seconds == 0


async def test_a_cancelled_wait_ends_at_once(serve):
    async with serve(waiting.WAITS) as service:
        handle = await service.client.start(waiting.WAITS, {"test": uuid4().hex})
        await _waits(handle)
        await handle.cancel()
        result = await asyncio.wait_for(handle.result(), 30)
        assert result.status is WorkflowStatus.CANCELLED
        progress = await handle.progress()
        assert [step.status for step in progress.step_executions] == ["COMPLETED", "CANCELLED"]


async def test_dry_runs_and_runs_in_process_take_no_time(serve):
    async with serve(waiting.WAITS) as service:
        handle = await service.client.start(waiting.WAITS, {"test": uuid4().hex}, dry_run=True)
        dry = await asyncio.wait_for(handle.result(), 30)
        history = await handle.handle.fetch_history()
    assert not [event for event in history.events if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED]
    local = run_in_process(waiting.WAITS, {}, {"waiting.work": {"row_count": 1}})
    assert dry.completed_steps == local.completed_steps == ["first", "settle", "past", "second"]


async def _waits(handle):
    """Come back when the run has begun to wait."""
    progress = None
    while progress is None or "settle" not in [step.step_name for step in progress.step_executions]:
        await asyncio.sleep(0.05)
        progress = await handle.progress()
