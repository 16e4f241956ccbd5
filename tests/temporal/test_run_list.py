"""Runs are listed newest first, as Postgres and Temporal know them together; and are stopped from outside."""

import asyncio
from uuid import uuid4

import pytest

from spine_temporal import ParamsError, SpineClient, WorkflowStatus
from spine_temporal.client.run_list import listed_runs
from spine_temporal.client.run_status import RunFilter, RunStatus
from tests.temporal import jobs, resumable, vocabulary

CLAIMS = "SELECT run_id FROM core_partitions WHERE run_id IS NOT NULL"


@pytest.fixture
def temporal(elsewhere):
    """A namespace of its own: what waits in one is listed beside what a database knows of."""
    return elsewhere


@pytest.fixture
async def service(serve):
    async with serve(*resumable.ALL, vocabulary.STRICT) as running:
        yield running


@pytest.fixture
def params(tmp_path):
    return lambda: {"week": uuid4().hex, "folder": str(tmp_path)}


async def _listed(service, **asked):
    return [(run.workflow_id, run.status) for run in await service.client.list_runs(service.database, **asked)]


async def test_runs_are_listed_newest_first_and_filtered(service, params, tmp_path):
    failed = await service.client.start(resumable.SOURCED, params())
    await failed.result()
    (tmp_path / "source").touch()
    given = params()
    completed = await service.client.start(resumable.SOURCED, given)
    await completed.result()
    other = await service.client.start(resumable.GATED, params())
    await other.result()
    expected = [
        (other.workflow_id, RunStatus.FAILED),
        (completed.workflow_id, RunStatus.COMPLETED),
        (failed.workflow_id, RunStatus.FAILED),
    ]
    assert await _listed(service) == expected
    assert await _listed(service, limit=1) == expected[:1]
    assert await _listed(service, workflow="resumable.sourced") == expected[1:]
    assert await _listed(service, filters=[RunFilter.FAILED]) == [expected[0], expected[2]]
    assert await _listed(service, partition={"week": given["week"]}) == [expected[1]]
    assert await _listed(service, partition={"week": given["week"], "tier": "OTC"}) == []
    assert await _listed(service, filters=[RunFilter.OPEN]) == []
    [run] = await service.client.list_runs(service.database, workflow="resumable.gated")
    assert (run.error_step, run.error_category, run.partition) == (
        "check",
        "QUALITY_GATE",
        {"week": run.partition["week"]},
    )


async def test_a_run_that_is_held_says_at_which_gate_until_it_is_decided(service):
    run = await service.client.start(vocabulary.STRICT, {"test": uuid4().hex}, on_gate_failure="hold")
    await _until(lambda: _has_status(service, run, RunStatus.HELD))
    [held] = await service.client.list_runs(service.database, filters=[RunFilter.HELD])
    assert (held.workflow_id, held.held_step) == (run.workflow_id, "check")
    assert await _listed(service, filters=[RunFilter.OPEN]) == [(run.workflow_id, RunStatus.HELD)]
    assert await _listed(service, filters=[RunFilter.RUNNING]) == []
    await run.decide("waive", "check", by="ann", reason="a short week")
    await run.result()
    assert await _listed(service) == [(run.workflow_id, RunStatus.COMPLETED)]


async def test_a_run_that_nobody_has_begun_is_queued(service, temporal, database):
    nobody = SpineClient(temporal, task_queue=f"nobody-{uuid4().hex[:8]}")
    key = uuid4().hex
    run = await nobody.start(jobs.GATED, {"test": key})
    await nobody.start(jobs.GATED, {"test": key}, dry_run=True)
    wanted = {"workflow": "jobs.gated", "partition": {"test": key}}
    await _until(lambda: _has_status(service, run, RunStatus.QUEUED, **wanted))
    assert await _listed(service, **wanted, filters=[RunFilter.OPEN]) == [(run.workflow_id, RunStatus.QUEUED)]
    assert await _listed(service, **wanted, filters=[RunFilter.RUNNING]) == []
    assert await listed_runs(database, None, **wanted) == []  # Postgres alone does not know it
    await run.terminate(reason="seen")


async def test_runs_that_other_runs_have_started_are_listed_when_they_are_asked_for(serve):
    async with serve(vocabulary.SUB_THEN_CHECK) as service:
        run = await service.client.start(vocabulary.SUB_THEN_CHECK, {"test": uuid4().hex})
        result = await run.result()
        assert await _listed(service) == [(run.workflow_id, RunStatus(result.status))]
        runs = await service.client.list_runs(service.database, children=True)
        assert {run.workflow for run in runs} == {"vocabulary.sub_then_check", vocabulary.SUB.name}


async def test_a_cancelled_run_is_rolled_back_and_its_reason_kept(service, params, tmp_path):
    run = await service.client.start(resumable.WAITING, params())
    await resumable.until_waiting(tmp_path)
    await service.client.cancel(run.workflow_id, reason="a wrong week (by ann)")
    assert (await asyncio.wait_for(run.result(), 60)).status is WorkflowStatus.CANCELLED
    history = await run.handle.fetch_history()
    causes = [event.workflow_execution_cancel_requested_event_attributes.cause for event in history.events]
    assert "a wrong week (by ann)" in causes
    with pytest.raises(ParamsError, match=r"has ended \(canceled\), so there is nothing to stop"):
        await service.client.cancel(run.workflow_id)
    with pytest.raises(ParamsError, match="Temporal knows no workflow id 'nobody'"):
        await service.client.cancel("nobody")


async def test_a_terminated_runs_books_are_closed_at_once_and_its_partition_is_free(service, params, tmp_path):
    given = params()
    run = await service.client.start(resumable.WAITING, given)
    await resumable.until_waiting(tmp_path)
    assert len(service.rows(CLAIMS)) == 1
    assert await service.client.terminate(run.workflow_id, reason="it hangs", database=service.database) is True
    assert service.rows(CLAIMS) == []
    assert await _listed(service) == [(run.workflow_id, RunStatus.CANCELLED)]
    (tmp_path / "go").touch()
    again = await service.client.execute(resumable.WAITING, given)
    assert again.status is WorkflowStatus.COMPLETED
    with pytest.raises(ParamsError, match="has ended"):
        await run.terminate(reason="again")


async def test_a_run_that_temporal_has_closed_is_closing_until_its_books_are_closed(service, params, tmp_path):
    run = await service.client.start(resumable.WAITING, params())
    await resumable.until_waiting(tmp_path)
    assert await run.terminate(reason="it hangs") is False
    assert await _listed(service, filters=[RunFilter.OPEN]) == [(run.workflow_id, RunStatus.CLOSING)]
    assert await _listed(service, filters=[RunFilter.CLOSING]) == [(run.workflow_id, RunStatus.CLOSING)]
    assert await _listed(service, filters=[RunFilter.RUNNING]) == []
    (tmp_path / "go").touch()


async def _has_status(service, run, status, **asked):
    return (run.workflow_id, status) in await _listed(service, **asked)


async def _until(condition):
    for _ in range(300):
        if await condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("not within half a minute")
