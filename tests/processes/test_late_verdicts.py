"""A verdict that a killed worker had not recorded is asked for again, and never made up."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from tests.processes.late_verdicts import LATE

MODULES = "activities,workflows,tests.processes.late_verdicts"
COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED


async def test_a_replay_asks_no_gate_and_what_it_has_not_asked_is_no_verdict(servers, environment, start_worker):
    client = await Client.connect(servers.temporal_address, data_converter=pydantic_data_converter)
    worker = start_worker(SPINE_MODULES=MODULES, NO_VERDICT="yes")
    queue = environment["SPINE_TASK_QUEUE"]
    handle = await client.start_workflow(
        LATE.name, {}, id=uuid4().hex, task_queue=queue, task_timeout=timedelta(seconds=2)
    )
    # The workflow task in which the gate was asked is completed without its verdict: it takes too long.
    completed = 0
    while completed < 4:
        await asyncio.sleep(0.1)
        completed = [one.event_type for one in (await handle.fetch_history()).events].count(COMPLETED)
    worker.kill()
    start_worker(SPINE_MODULES=MODULES)
    result = await asyncio.wait_for(handle.result(), 60)
    assert result["status"] == "COMPLETED"
    assert result["outputs"]["check"] == {"saw": 7}
