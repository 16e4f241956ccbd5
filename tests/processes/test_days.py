"""Runs that take days, on a Temporal that skips them; and a gate that is held while everything dies."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from ops.chaos.world import TASK_QUEUE, WORKERS, World
from spine_temporal import SpineClient, WorkflowStatus
from spine_temporal.client.why import reasons
from tests.processes import days

#: They use one world.
pytestmark = [pytest.mark.xdist_group("days"), pytest.mark.long]


@pytest.fixture(scope="module")
def world(tmp_path_factory, warm):
    world = World(
        tmp_path_factory.mktemp("days"),
        modules=["tests.processes.days"],
        dynamic_config={"frontend.WorkflowTimeSkippingEnabled": "true"},
        python=warm.python,
    )
    yield world
    world.close()


async def skipping(world, *, enabled):
    client = await Client.connect(world.address, data_converter=pydantic_data_converter)
    skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=enabled))
    return skipper, SpineClient(skipper.client, task_queue=TASK_QUEUE)


async def held(client, handle):
    """Come back when the run says that it is held."""
    for _ in range(300):
        [reason, *_] = await reasons(client.client, handle)
        if reason.kind == "held":
            return reason
        await asyncio.sleep(0.2)
    raise AssertionError(reason)


def anomalies(world):
    with psycopg.connect(world.database_url) as connection:
        query = "SELECT category, resolved_by, resolution FROM core_anomalies ORDER BY detected_at"
        return connection.execute(query).fetchall()


async def test_a_wait_of_thirty_days(world):
    _, client = await skipping(world, enabled=True)
    result = await asyncio.wait_for(client.execute(days.WAITS, {}), 60)
    [waited] = [step for step in result.step_executions if step.step_name == "settle"]
    assert waited.duration_seconds >= 30 * days.DAY
    assert result.completed_steps == ["ingest", "settle", "after"]


async def test_the_deadline_of_a_held_gate(world):
    _, client = await skipping(world, enabled=True)
    result = await asyncio.wait_for(client.execute(days.DEADLINE, {"test": "deadline"}), 60)
    assert result.status is WorkflowStatus.COMPLETED
    [check] = [step for step in result.step_executions if step.step_name == "check"]
    assert str(check.decision) == "waived by deadline: nobody decided within 1209600 s"


async def test_a_gate_is_held_for_days_while_everything_dies(world):
    skipper, client = await skipping(world, enabled=False)
    handle = await client.start(days.HELD, {"test": "held"})
    await held(client, handle)
    began = (await handle.handle.describe()).start_time
    assert await skipper.fast_forward(handle.handle, timedelta(days=9))
    description = await handle.handle.describe()
    assert list(description.raw_description.pending_activities) == []

    for number in range(WORKERS):
        world.kill_worker(number)
    world.kill_temporal()
    world.kill_postgres()
    world.start_postgres()
    world.start_temporal()
    world.tend_workers()

    _, client = await skipping(world, enabled=False)
    handle = await client.handle_of(handle.workflow_id)
    assert "QUALITY_GATE: 1 row is too few" in (await held(client, handle)).text
    await asyncio.wait_for(handle.decide("waive", "check", by="ann", reason="a short week"), 60)
    result = await asyncio.wait_for(handle.result(), 60)
    assert (result.status, result.completed_steps) == (WorkflowStatus.COMPLETED, ["ingest", "check", "after"])
    [check] = [step for step in result.step_executions if step.step_name == "check"]
    assert check.decision.at - began >= timedelta(days=9)
    assert anomalies(world)[-1] == ("GATE_HELD", "ann", "waived by ann: a short week")
    [reason] = await reasons(client.client, handle)
    assert reason.text == "it has ended as COMPLETED; check waived by ann: a short week"
    history = await handle.handle.fetch_history()
    accepted = [
        event for event in history.events if event.HasField("workflow_execution_update_accepted_event_attributes")
    ]
    assert b"a short week" in accepted[0].SerializeToString()


async def test_a_schedule_fires_by_itself_on_each_day_of_its_calendar_and_each_day_runs_once(world):
    skipper, client = await skipping(world, enabled=True)
    book = client.schedules([days.WORKDAYS])
    await book.apply()
    began = datetime.now(UTC)
    scheduler = skipper.client.get_workflow_handle(f"temporal-sys-scheduler:spine/{TASK_QUEUE}/days.workdays")
    assert await asyncio.wait_for(skipper.fast_forward(scheduler, timedelta(days=8)), 120)
    due = days.WORKDAYS.rule.between(began, began + timedelta(days=8))
    expected = [(day.date().isoformat(), "COMPLETED", 1) for day in due]
    for _ in range(600):
        if daily_runs(world) == expected:
            break
        await asyncio.sleep(0.1)
    assert daily_runs(world) == expected
    await client.schedules([]).apply(prune=True)


def daily_runs(world):
    with psycopg.connect(world.database_url) as connection:
        query = """SELECT partition_key ->> 'day', status, count(*) FROM core_runs WHERE workflow = 'days.daily'
            GROUP BY 1, 2 ORDER BY 1"""
        return connection.execute(query).fetchall()
