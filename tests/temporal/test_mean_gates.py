"""Whatever a gate raises, and however long it computes, its step ends, and nothing else does."""

import asyncio
import time
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.worker import Replayer, Worker

from spine_temporal import ParamsError, SpineClient, SpinePlugin, WorkflowStatus
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.processes.gate_processes import RunGates
from spine_temporal.runtime.worker import running_worker
from spine_temporal.testing.in_process import run_in_process
from tests.temporal import mean_gates

GATES = (mean_gates.GATED, mean_gates.CHOOSES, mean_gates.COMPUTES)


@pytest.fixture
async def service(serve):
    async with serve(*mean_gates.ALL) as running:
        yield running


def ended(result, category, told):
    assert (result.status, result.error_step, result.error_category) == (WorkflowStatus.FAILED, "mean", category)
    assert told in result.error


async def test_whatever_a_gate_raises_fails_its_step(service):
    for does in mean_gates.RAISED:
        results = await asyncio.gather(*(service.execute(workflow, {"does": does}) for workflow in GATES))
        for result in results:
            ended(result, "INTERNAL", f"{does}: of the gate")
    fine = await service.execute(mean_gates.GATED, {"does": "nothing"})
    assert fine.outputs["mean"]["run"] == fine.run_id


async def test_a_gate_that_computes_for_too_long_fails_its_step_and_its_history_replays(service):
    runs = [*((workflow, "loop") for workflow in GATES), (mean_gates.GATED, "backtrack")]
    handles = [await service.client.start(one, {"does": does, "test": uuid4().hex}) for one, does in runs]
    for handle in handles:
        ended(await asyncio.wait_for(handle.result(), 60), "CONFIGURATION", "GATE_TIMEOUT: gate 'mean' took longer")
    replayer = Replayer(workflows=[], plugins=[SpinePlugin(workflows=mean_gates.ALL)])
    await asyncio.wait_for(replayer.replay_workflow(await handles[0].handle.fetch_history()), 30)


async def test_a_machine_that_is_too_busy_for_a_gate_fails_no_workflow_task(service, monkeypatch):
    def late(gates, question):
        answered = answer(gates, question)
        time.sleep(2.5)
        return answered

    answer = RunGates.answer
    monkeypatch.setattr(RunGates, "answer", late)
    handle = await service.client.start(mean_gates.GATED, {"does": "nothing", "test": uuid4().hex})
    assert (await asyncio.wait_for(handle.result(), 60)).status is WorkflowStatus.COMPLETED
    events = [EventType.Name(event.event_type) async for event in handle.handle.fetch_history_events()]
    assert "EVENT_TYPE_WORKFLOW_TASK_FAILED" not in events


async def test_the_sdk_keeps_the_time_of_an_activation_where_it_is_set(temporal, database):
    options = {"task_queue": uuid4().hex, "max_activities": 5}
    async with running_worker(temporal, database, definitions_of(mean_gates.ALL), **options) as worker:
        async with asyncio.timeout(30):
            while worker._workflow_worker._deadlock_timeout_seconds != 6:  # noqa: ASYNC110 - the plugin sets it
                await asyncio.sleep(0.01)


async def test_a_gate_that_changes_its_module_fails_by_the_name_and_no_other_run_sees_it(service):
    told = "'mean' changes tests.temporal.mean_gates.SEEN, which every run that asks it shares"
    for _ in range(2):
        for workflow in GATES:
            ended(await service.execute(workflow, {"does": "remember"}), "CONFIGURATION", told)
    assert (await service.execute(mean_gates.GATED, {"does": "nothing"})).status is WorkflowStatus.COMPLETED


async def test_a_gate_cannot_take_all_memory(service):
    ended(await service.execute(mean_gates.GATED, {"does": "memory"}), "INTERNAL", "MemoryError")


async def test_a_validator_that_raises_anything_refuses_the_params(service):
    for does in mean_gates.RAISED:
        with pytest.raises(ParamsError, match=f"{does}: of the validator"):
            await service.execute(mean_gates.VALIDATES, {"does": does})
        handle = await service.client.client.start_workflow(
            mean_gates.VALIDATES.name, {"does": does, "test": "x"}, id=uuid4().hex, task_queue=service.client.task_queue
        )
        with pytest.raises(Exception, match="Workflow execution failed") as failure:
            await asyncio.wait_for(handle.result(), 30)
        assert f"{does}: of the validator" in str(failure.value.__cause__)
    assert (await service.execute(mean_gates.VALIDATES, {"does": "nothing"})).status is WorkflowStatus.COMPLETED


async def test_a_validator_that_computes_for_too_long_refuses_the_params_and_the_worker_goes_on(service):
    refused = await asyncio.wait_for(service.execute(mean_gates.VALIDATES, {"does": "backtrack"}), 60)
    assert (refused.status, refused.error_category) == (WorkflowStatus.FAILED, "CONFIGURATION")
    assert "PARAMS_TIMEOUT: params of 'mean_gates.validates'" in refused.error
    assert (await service.execute(mean_gates.VALIDATES, {"does": "nothing"})).status is WorkflowStatus.COMPLETED


async def test_a_worker_of_the_users_own_and_one_without_processes_do_the_same(service, database, temporal):
    for in_process in (False, True):
        plugin = SpinePlugin(workflows=mean_gates.ALL, database=database, in_process=in_process)
        queue = f"test-{uuid4().hex[:8]}"
        async with Worker(temporal, task_queue=queue, plugins=[plugin]):
            client = SpineClient(temporal, task_queue=queue)
            mean = await client.execute(mean_gates.GATED, {"does": "SystemExit", "test": queue})
            fine = await client.execute(mean_gates.GATED, {"does": "nothing", "test": f"{queue}-fine"})
        ended(mean, "INTERNAL", "SystemExit: of the gate")
        assert fine.status is WorkflowStatus.COMPLETED


@pytest.mark.parametrize("does", mean_gates.RAISED)
def test_the_in_process_driver_does_the_same(does):
    def work(_params):
        if does in mean_gates.RAISED:
            raise mean_gates.RAISED[does]("of the pipeline")

    ended(run_in_process(mean_gates.CHOOSES, {"does": does}), "INTERNAL", f"{does}: of the gate")
    result = run_in_process(mean_gates.COMPUTES, {"does": "nothing"}, {"mean_gates.work": work})
    ended(result, "INTERNAL", f"{does}: of the pipeline")
