"""Items of a map that take moments go together in an activity; each is done once, with its own row of the ledger."""

import asyncio
import re
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType

from spine_temporal import WorkflowStatus
from spine_temporal.replaying.histories import History
from spine_temporal.replaying.replay import replay_all
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.translation.revisions import PARTS_KEEP_PACE, REVISION
from tests.temporal import grouped as jobs

SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
ITEMS = list(range(60))
DONE = "SELECT count(*) FROM core_executions WHERE status = 'COMPLETED'"
WRITTEN = "SELECT count(*), count(DISTINCT item) FROM grouped_rows"


@pytest.fixture
async def service(serve, database, monkeypatch):
    # However busy the machine is, these items take moments.
    monkeypatch.setattr("spine_temporal.machine.fan.GROUP_SECONDS", 1e6)
    monkeypatch.setattr("spine_temporal.runtime.in_turn.SECONDS", 60)
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE grouped_rows (test text, item int)")
        connection.exec_driver_sql("CREATE TABLE grouped_waits (item int)")
    async with serve(*jobs.ALL) as running:
        yield running


async def scheduled(handle, workflow):
    """Return the ids of the run's activities; its history replays."""
    history = await handle.handle.fetch_history()
    (replayed,) = await replay_all([History(name="grouped", events=history)], definitions_of([workflow]))
    assert not replayed.failed, str(replayed.divergence)
    return [
        event.activity_task_scheduled_event_attributes.activity_id
        for event in history.events
        if event.event_type == SCHEDULED
    ]


async def test_items_go_together_and_one_that_is_tried_again_goes_on_by_itself(service):
    params = {"test": uuid4().hex, "items": ITEMS, "bad": [20], "unsteady": [30, 31]}
    handle = await service.client.start(jobs.MAP, params)
    result = await asyncio.wait_for(handle.result(), 60)
    fan = result.outputs["fan"]
    assert (result.status, fan["completed"], fan["errors"]) == (WorkflowStatus.COMPLETED, 59, {"20": "20 is wrong"})
    assert [one and one["item"] for one in fan["results"]] == [None if item == 20 else item for item in ITEMS]
    assert service.rows("SELECT item FROM grouped_rows ORDER BY 1") == [(item,) for item in ITEMS if item != 20]
    attempts = "SELECT step, attempt FROM core_executions WHERE attempt > 1 ORDER BY 1"
    assert service.rows(attempts) == [("fan[30]", 2), ("fan[31]", 2)]
    ids = await scheduled(handle, jobs.MAP)
    assert ids[:4] == ["fan[0]", "fan[1]", "fan[2]", "fan[3]"]  # how long one takes is not known yet
    assert {"fan[30]", "fan[31]"} < set(ids)
    assert len(ids) < 30


async def test_an_item_that_takes_long_goes_on_by_itself_and_what_is_done_when_it_is_cancelled_is_kept(
    service, database
):
    with database.begin() as connection:
        connection.exec_driver_sql("INSERT INTO grouped_waits VALUES (12)")
    handle = await service.client.start(jobs.MAP, {"test": uuid4().hex, "items": ITEMS})
    async with asyncio.timeout(30):
        while service.rows(DONE) < [(59,)]:  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.05)
    await handle.cancel()
    assert (await asyncio.wait_for(handle.result(), 40)).status is WorkflowStatus.CANCELLED
    assert service.rows(WRITTEN) == [(59, 59)]
    with database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM grouped_waits")
    again = await service.client.resume(handle.workflow_id, jobs.ALL, database)
    result = await asyncio.wait_for(again.result(), 40)
    assert (result.status, result.outputs["fan"]["completed"]) == (WorkflowStatus.COMPLETED, 60)
    assert service.rows(WRITTEN) == [(60, 60)]


async def test_items_that_commit_in_parts_go_by_themselves(service):
    handle = await service.client.start(jobs.PARTS, {"test": uuid4().hex, "items": ITEMS[:12]})
    result = await asyncio.wait_for(handle.result(), 60)
    assert result.outputs["fan"]["completed"] == 12
    alone = [one for one in await scheduled(handle, jobs.PARTS) if "-" not in one]
    assert sorted(alone) == sorted(f"fan[{item}]" for item in ITEMS[:12])


@pytest.mark.parametrize(("revision", "begins_with"), [(REVISION, "fan[30-"), (PARTS_KEEP_PACE - 1, "fan[30]")])
async def test_a_part_of_a_large_map_begins_with_groups_where_the_part_before_has_found_how_long_an_item_takes(
    service, monkeypatch, revision, begins_with
):
    monkeypatch.setattr("spine_temporal.runtime.run_starter.REVISION", revision)
    monkeypatch.setattr("spine_temporal.translation.step_runner.BATCH", 30)
    handle = await service.client.start(jobs.MAP, {"test": uuid4().hex, "items": ITEMS})
    result = await asyncio.wait_for(handle.result(), 60)
    assert (result.status, result.outputs["fan"]["completed"]) == (WorkflowStatus.COMPLETED, 60)
    assert service.rows(WRITTEN) == [(60, 60)]
    history = await handle.handle.fetch_history()
    parts = [
        event.child_workflow_execution_started_event_attributes.workflow_execution.workflow_id
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED
    ]
    first, second = [[*await activities(service, part)] for part in parts]
    assert first[:4] == ["fan[0]", "fan[1]", "fan[2]", "fan[3]"]
    assert second[0].startswith(begins_with)
    if revision == REVISION:
        sizes = [int(last) - int(first) for first, last in (re.findall(r"\d+", name) for name in second[:3])]
        assert len(set(sizes)) == 1, second


async def activities(service, workflow_id):
    history = await service.client.client.get_workflow_handle(workflow_id).fetch_history()
    return [
        event.activity_task_scheduled_event_attributes.activity_id
        for event in history.events
        if event.event_type == SCHEDULED
    ]
