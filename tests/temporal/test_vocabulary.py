"""Parallel, map, sub-workflows, waits for others, computed params, hooks: on real servers."""

import asyncio
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType

from spine_temporal import WorkflowStatus
from spine_temporal.testing.in_process import run_in_process
from spine_temporal.translation import maps
from tests.temporal import vocabulary as jobs
from tests.temporal.replaying import replay

WORK = {
    "vocabulary.work": lambda params: {"row_count": 1, "item": params.get("item"), "told": params.get("told")},
}


@pytest.fixture
async def service(serve):
    async with serve(*jobs.ALL) as running:
        yield running


async def finished(service, workflow, params=None, **options):
    handle = await service.client.start(workflow, {"test": uuid4().hex, **(params or {})}, **options)
    result = await asyncio.wait_for(handle.result(), 60)
    await replays(handle)
    return result


async def replays(handle):
    """Every history of this file replays."""
    await replay(await handle.handle.fetch_history())


def stages(service, workflow):
    query = "SELECT stage FROM core_manifest WHERE domain = :domain ORDER BY stage_rank"
    return [stage for (stage,) in service.rows(query, domain=f"workflow.{workflow.name}")]


async def test_parallel_steps_run_side_by_side_and_give_their_outputs_by_name(service):
    result = await finished(service, jobs.PARALLEL)
    assert result.status is WorkflowStatus.COMPLETED
    assert result.outputs["check"] == {"parts": ["a", "b", "c"], "rows": 3}
    assert {name: part["told"] for name, part in result.outputs["sources"].items()} == {"a": "a", "b": "b", "c": "c"}
    assert stages(service, jobs.PARALLEL) == [
        "STARTED", "STEP_FIRST", "STEP_SOURCES", "STEP_A", "STEP_B", "STEP_C", "STEP_CHECK", "COMPLETED",
    ]  # fmt: skip


async def test_every_kind_runs_beside_others(service):
    result = await finished(service, jobs.MIXED, {"does": "fail"})
    assert result.status is WorkflowStatus.FAILED  # the map's items and the sub-workflow's pipeline fail too
    result = await finished(service, jobs.MIXED)
    assert sorted(result.completed_steps) == ["both", "fan", "gate", "pause", "sub", "work"]
    assert result.outputs["fan"]["results"][2]["item"] == 3
    assert result.outputs["sub"]["ingest"]["item"] == "mixed"


async def test_a_failure_stops_the_others_and_runs_the_hooks(service):
    result = await finished(service, jobs.STOPPED)
    assert (result.status, result.error_step, result.error_category) == ("FAILED", "bad", "DATA_QUALITY")
    by_name = {step.step_name: step.status.value for step in result.step_executions}
    assert by_name == {"both": "FAILED", "slow": "CANCELLED", "bad": "FAILED", "notify": "COMPLETED"}
    [[params]] = service.rows("SELECT params FROM core_executions WHERE step = 'notify'")
    assert params["failure"]["step"] == "bad"
    assert service.rows("SELECT stage, severity FROM core_anomalies") == [("workflow.bad", "ERROR")]


async def test_a_cancelled_run_cleans_up(service):
    handle = await service.client.start(jobs.CANCELLED, {"test": uuid4().hex})
    progress = None
    while progress is None or "slow" not in [step.step_name for step in progress.step_executions]:
        await asyncio.sleep(0.05)
        progress = await handle.progress()
    await handle.cancel()
    result = await asyncio.wait_for(handle.result(), 30)
    assert result.status is WorkflowStatus.CANCELLED
    progress = await handle.progress()
    assert [(step.step_name, step.status.value) for step in progress.step_executions] == [
        ("slow", "CANCELLED"),
        ("release", "COMPLETED"),
    ]
    await replays(handle)


async def test_a_hook_that_fails_never_hides_the_first_error(service):
    result = await finished(service, jobs.BAD_HOOK)
    assert (result.error_step, result.failed_steps, result.completed_steps) == ("bad", ["bad", "worse"], ["notify"])


async def test_a_map_of_300_items_keeps_their_order(service):
    items = list(range(300))
    handle = await service.client.start(jobs.MAP, {"test": uuid4().hex, "items": items})
    result = await asyncio.wait_for(handle.result(), 60)
    fan = result.outputs["fan"]
    assert [item["item"] for item in fan["results"]] == items
    assert (fan["total"], fan["completed"], fan["failed"], fan["row_count"]) == (300, 300, 0, 300)
    counted = service.rows(
        "SELECT count(*), count(DISTINCT step) FROM core_executions WHERE run_id = :r", r=result.run_id
    )
    assert counted == [(300, 300)]
    await replays(handle)


async def test_a_large_map_runs_in_parts_with_histories_of_their_own(service, monkeypatch):
    monkeypatch.setattr(maps, "BATCH", 20)
    monkeypatch.setattr("spine_temporal.translation.step_runner.BATCH", 20)
    handle = await service.client.start(jobs.MAP, {"test": uuid4().hex, "items": list(range(50))})
    result = await asyncio.wait_for(handle.result(), 60)
    assert [item["item"] for item in result.outputs["fan"]["results"]] == list(range(50))
    history = await handle.handle.fetch_history()
    children = [e for e in history.events if e.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED]
    assert len(children) == 3
    await replays(handle)


async def test_failed_items_are_borne_or_stop_the_map_or_are_gone_past(service):
    params = {"items": [1, 2, 3, 4], "bad": [2, 3]}
    borne = await finished(service, jobs.TOLERANT, params)
    assert borne.status is WorkflowStatus.COMPLETED
    assert borne.outputs["fan"]["errors"] == {"1": "2 is wrong", "2": "3 is wrong"}
    assert [item and item["item"] for item in borne.outputs["fan"]["results"]] == [1, None, None, 4]
    [[message]] = service.rows("SELECT message FROM core_anomalies WHERE severity = 'WARN'")
    assert message == "2 of 4 items failed, which was borne"
    stopped = await finished(service, jobs.TOLERANT, {"items": [1, 2, 3, 4], "bad": [1, 2, 3]})
    assert (stopped.status, stopped.error_step, stopped.error_category) == ("FAILED", "fan", "DATA_QUALITY")
    assert "of 4 items failed, the first at 0: 1 is wrong" in stopped.error
    past = await finished(service, jobs.GOES_ON, params)
    assert (past.status, past.completed_steps) == ("PARTIAL", ["after"])
    assert past.outputs["fan"]["completed"] == 2


async def test_items_that_are_no_list_fail_the_step(service):
    result = await finished(service, jobs.MAP, {"items": "abc"})
    assert (result.error_category, result.error) == (
        "CONFIGURATION",
        "map 'fan': 'items' in params is a str and no list of items",
    )


async def test_items_as_runs_of_their_own_and_a_sub_workflow(service):
    test = uuid4().hex
    result = await finished(service, jobs.COMPUTED, {"test": test})
    assert [item["ingest"]["item"] for item in result.outputs["fan"]["results"]] == [f"{test}-0", f"{test}-1"]
    assert result.outputs["sub"]["ingest"]["item"] == f"{test}-sub"
    done = service.rows(
        "SELECT partition_key ->> 'key' FROM core_manifest WHERE domain = 'workflow.vocabulary.sub' "
        "AND stage = 'COMPLETED' ORDER BY 1"
    )
    assert done == [(f"{test}-0",), (f"{test}-1",), (f"{test}-sub",)]


@pytest.mark.parametrize("workflow", [jobs.RUNS_SLOW, jobs.MAPS_SLOW], ids=lambda w: w.name)
async def test_a_sub_workflow_that_somebody_else_cancels_has_not_passed(service, workflow):
    test = uuid4().hex
    handle = await service.client.start(workflow, {"test": test, "items": [test]})
    rows = []
    while not rows:
        await asyncio.sleep(0.1)
        rows = service.rows("SELECT workflow_id FROM core_runs WHERE workflow = 'vocabulary.slow_sub'")
    await service.client.client.get_workflow_handle(rows[0][0]).cancel()
    result = await asyncio.wait_for(handle.result(), 30)
    assert (result.status, result.error_category, result.completed_steps) == ("FAILED", "CANCELLED", [])
    assert "was cancelled" in result.error
    await replays(handle)


async def test_a_run_waits_for_a_partition_of_another_workflow(service):
    test = uuid4().hex
    handle = await service.client.start(jobs.WAITS_FOR, {"test": test})
    await asyncio.sleep(1)
    assert (await handle.progress()).status is WorkflowStatus.RUNNING
    await service.client.execute(jobs.SUB, {"key": test})
    result = await asyncio.wait_for(handle.result(), 30)
    assert result.completed_steps == ["weeks", "work"]
    history = await handle.handle.fetch_history()
    assert len(history.events) < 40
    await replays(handle)


async def test_a_wait_for_others_ends_with_its_category(service):
    result = await finished(service, jobs.WAITS_IN_VAIN)
    assert (result.status, result.error_category) == ("FAILED", "LATE")
    assert result.error.startswith("vocabulary.sub was not COMPLETED within 1 s")


@pytest.mark.parametrize("workflow", [jobs.PARALLEL, jobs.MIXED, jobs.MAP, jobs.COMPUTED], ids=lambda w: w.name)
async def test_both_drivers_give_the_same(service, workflow):
    params = {"test": uuid4().hex, "items": [3, 1, 2]}
    durable = await finished(service, workflow, params)
    local = run_in_process(workflow, params, WORK)
    assert (durable.status, durable.outputs) == (local.status, local.outputs)
    assert sorted(durable.completed_steps) == sorted(local.completed_steps)


async def test_a_dry_run_walks_everything_on_samples_and_writes_nothing(service):
    result = await finished(service, jobs.COMPUTED, dry_run=True)
    assert result.outputs["fan"]["total"] == 3  # of the sample output of `list`
    assert result.completed_steps == ["list", "fan", "sub"]
    for table in ("core_runs", "core_executions", "core_manifest", "core_partitions"):
        assert service.rows(f"SELECT count(*) FROM {table}") == [(0,)]
