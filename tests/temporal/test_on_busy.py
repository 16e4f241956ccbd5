"""A start that finds its partition held waits in order, gives way to a newer one, or has the holder cancel."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from spine_temporal import Step, Workflow
from spine_temporal.client.why import reasons
from spine_temporal.runtime import run_opener
from spine_temporal.runtime.ended_waiters import forget_ended
from spine_temporal.runtime.temporal_runs import TemporalRuns
from spine_temporal.translation.messages import BeginRequest
from tests.temporal import resumable

CLAIMS = "SELECT run_id FROM core_partitions WHERE run_id IS NOT NULL"
BEGUN = "SELECT workflow_id, status FROM core_runs WHERE workflow = 'resumable.waiting' ORDER BY epoch"
QUEUE = "SELECT workflow_id FROM core_queue ORDER BY position"
STOPPED = Workflow(
    name="busy.latest",
    params_model=resumable.Week,
    partition_by=["week"],
    on_busy="cancel_older",
    steps=[Step.pipeline("wait", "resumable.wait", heartbeat_timeout=2)],
)


@pytest.fixture
def params(tmp_path):
    return {"week": uuid4().hex, "folder": str(tmp_path)}


@pytest.fixture
async def service(serve):
    async with serve(resumable.WAITING, STOPPED) as running:
        yield running


@pytest.fixture
def start(service, params):
    async def start_one(name, on_busy, **options):
        return await service.client.client.start_workflow(
            "resumable.waiting",
            args=[params, {"on_busy": on_busy, "force": True, **options}],
            id=f"{name}-{params['week']}",
            task_queue=service.client.task_queue,
        )

    return start_one


@pytest.fixture
def queued(service):
    """Come back when these runs wait, in this order."""

    async def wait(*handles):
        await until(lambda: service.rows(QUEUE) == [(handle.id,) for handle in handles])

    return wait


async def until(condition):
    for _ in range(600):
        found = condition()
        if await found if asyncio.iscoroutine(found) else found:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not within half a minute")


async def test_waiting_runs_take_the_partition_in_their_order(service, start, queued, params, tmp_path):
    first = await start("first", "fail")
    await resumable.until_waiting(tmp_path)
    second = await start("second", "queue")
    await queued(second)
    third = await start("third", "queue")
    await queued(second, third)
    fourth = await start("fourth", "queue")
    await queued(second, third, fourth)
    await waits_for(service, second, f"after workflow '{first.id}', which holds it")
    await waits_for(service, fourth, f"after workflow '{second.id}', which came before; 2 take it before this one")
    assert len((await fourth.fetch_history()).events) < 12  # however long it waits
    await first.terminate("a holder that cannot tell that it has ended")
    await third.cancel()
    with pytest.raises(WorkflowFailureError):
        await third.result()
    (tmp_path / "go").touch()
    for handle in (second, fourth):
        assert (await asyncio.wait_for(handle.result(), 60))["status"] == "COMPLETED"
    begun = service.rows(BEGUN)
    assert begun == [(first.id, "CANCELLED"), (second.id, "COMPLETED"), (fourth.id, "COMPLETED")]
    assert service.rows(CLAIMS) == []
    assert service.rows(QUEUE) == []


async def test_a_run_whose_answer_was_lost_has_begun_whoever_waits_by_then(
    service, start, queued, params, tmp_path, monkeypatch
):
    monkeypatch.setattr(run_opener, "given_up_at", lambda _asked_at: datetime.now(UTC) + timedelta(hours=1))
    first = await start("first", "queue")
    await resumable.until_waiting(tmp_path)
    second = await start("second", "queue")
    await queued(second)
    [(epoch,)] = service.rows("SELECT epoch FROM core_partitions")
    begun = await service.attempt("begin", asked(first, params), [resumable.WAITING])
    assert (begun.run_id, begun.epoch) == (first.result_run_id, epoch)
    with pytest.raises(ApplicationError, match="which holds it"):  # one that waits keeps its one place
        await service.attempt("begin", asked(second, params), [resumable.WAITING])
    assert service.rows(QUEUE) == [(second.id,)]
    (tmp_path / "go").touch()
    for handle in (first, second):
        assert (await asyncio.wait_for(handle.result(), 60))["status"] == "COMPLETED"


def asked(handle, params):
    return BeginRequest(
        workflow="resumable.waiting",
        workflow_id=handle.id,
        run_id=handle.result_run_id,
        started_at=datetime.now(UTC),
        params=params,
        options={"on_busy": "queue", "force": True},
    )


async def waits_for(service, handle, told):
    run = await service.client.handle_of(handle.id)

    async def says_so():
        [reason] = await reasons(service.client.client, run)
        return reason.kind == "busy" and told in reason.text

    await until(says_so)


async def test_of_those_that_wait_only_the_newest_goes_on(service, start, queued, params, tmp_path):
    first = await start("first", "fail")
    await resumable.until_waiting(tmp_path)
    older = await start("older", "newest")
    await queued(older)
    newest = await start("newest", "newest")
    with pytest.raises(WorkflowFailureError) as error:
        await asyncio.wait_for(older.result(), 60)
    assert error.value.cause.type == "PARTITION_BUSY"
    assert f"SUPERSEDED: run {newest.result_run_id}, a newer start" in str(error.value.cause)
    (tmp_path / "go").touch()
    for handle in (first, newest):
        assert (await asyncio.wait_for(handle.result(), 60))["status"] == "COMPLETED"
    assert [identity for identity, _ in service.rows(BEGUN)] == [first.id, newest.id]
    assert service.rows("SELECT 1 FROM core_anomalies") == []
    assert service.rows(QUEUE) == []


async def test_a_newer_start_has_the_holder_cancel_and_takes_the_partition(service, params, tmp_path):
    first = await service.client.start(STOPPED, params)
    await resumable.until_waiting(tmp_path)
    second = await service.client.start(STOPPED, params)
    assert second.workflow_id.startswith(f"{first.workflow_id}/")
    assert (await first.result()).status == "CANCELLED"
    await resumable.until_waiting(tmp_path, 2)
    (tmp_path / "go").touch()
    assert (await asyncio.wait_for(second.result(), 60)).status == "COMPLETED"


async def test_a_start_that_has_the_holder_cancel_waits_behind_those_that_came_before(
    service, start, queued, params, tmp_path
):
    first = await start("first", "fail")
    await resumable.until_waiting(tmp_path)
    second = await start("second", "queue")
    await queued(second)
    third = await start("third", "cancel_older")
    with pytest.raises(WorkflowFailureError):
        await asyncio.wait_for(first.result(), 60)
    await resumable.until_waiting(tmp_path, 2)
    (tmp_path / "go").touch()
    for handle in (second, third):
        assert (await asyncio.wait_for(handle.result(), 60))["status"] == "COMPLETED"
    begun = [(first.id, "CANCELLED"), (second.id, "COMPLETED"), (third.id, "COMPLETED")]
    assert service.rows(BEGUN) == begun


async def test_a_forced_start_that_queues_has_an_id_of_its_own_and_any_other_joins(service, params, tmp_path):
    first = await service.client.start(resumable.WAITING, params)
    await resumable.until_waiting(tmp_path)
    joined = await service.client.start(resumable.WAITING, params, on_busy="queue")
    again = await service.client.start(resumable.WAITING, params, on_busy="queue", force=True)
    assert joined.workflow_id == first.workflow_id != again.workflow_id
    (tmp_path / "go").touch()
    assert (await asyncio.wait_for(again.result(), 60)).status == "COMPLETED"
    assert (tmp_path / "ran").read_text() == "ingest wait ingest wait "


async def test_one_that_has_not_asked_again_in_time_is_passed_over(service, start, queued, params, tmp_path):
    first = await start("first", "fail")
    await resumable.until_waiting(tmp_path)
    lost = await service.client.client.start_workflow(
        "resumable.waiting", args=[params], id=f"lost-{uuid4().hex}", task_queue="nobody"
    )
    service.rows(
        "INSERT INTO core_queue (domain, partition_key, run_id, workflow_id, first_run_id, temporal, on_busy,"
        " waits_for, asks_again_at) SELECT domain, partition_key, :run_id, :workflow_id, :run_id, temporal, 'queue',"
        " 'it', :asks_again_at FROM core_runs RETURNING 1",
        run_id=lost.result_run_id,
        workflow_id=lost.id,
        asks_again_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    second = await start("second", "queue")
    await queued(lost, second)
    (tmp_path / "go").touch()
    for handle in (first, second):
        assert (await asyncio.wait_for(handle.result(), 60))["status"] == "COMPLETED"
    assert await forget_ended(TemporalRuns(service.client.client), service.database) == []
    assert service.rows(QUEUE) == [(lost.id,)]  # it keeps its place
    await lost.terminate("seen")
    assert await forget_ended(TemporalRuns(service.client.client), service.database) == [lost.result_run_id]
    assert service.rows(QUEUE) == []
