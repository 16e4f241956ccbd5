"""A backfill runs each partition once, never more than so many at a time, and says why it has not run the others."""

import asyncio
from collections import Counter

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata

from spine_temporal.client.backfills import write_backfill
from spine_temporal.definition.backfill import BackfillPartitionStatus, BackfillStatus, Reprocess, SkipReason
from spine_temporal.definition.errors import ErrorCategory, ParamsError, SpineError
from spine_temporal.operating.backfill.partition_runs import PartitionRuns
from spine_temporal.operating.backfill.tending import Tending
from spine_temporal.operating.backfill.turns import give_turns
from spine_temporal.runtime.definitions import definitions_of
from tests.temporal.backfilled import BACKFILLED, BROKEN, GO_ON, LOADED, SLOW_FROM, UNSURE

STATUS, REASON = BackfillPartitionStatus, SkipReason


def most_at_once(service):
    """How many runs were at work at a time, as their rows tell."""
    by_hand = "result ->> 'error_step' = 'check'"
    rows = service.rows(f"SELECT started_at, completed_at FROM core_runs WHERE ({by_hand}) IS NOT TRUE")
    moments = sorted([(begun, 1) for begun, _ in rows] + [(ended, -1) for _, ended in rows])
    count = most = 0
    for _, change in moments:
        count += change
        most = max(most, count)
    return most


async def test_two_hundred_partitions_are_each_run_once_or_have_a_reason(operated):
    BROKEN.update({5: ErrorCategory.DATA_QUALITY, 6: ErrorCategory.DATA_QUALITY, 7: ErrorCategory.CONFIGURATION})
    async with operated.worker():
        for shard in (0, 5, 6):
            await operated.client.execute(BACKFILLED, {"shard": shard})
        del BROKEN[5]
        held = await operated.client.start(BACKFILLED, {"shard": 9, "day": "hold"})
        await until(lambda: operated.rows("SELECT 1 FROM core_anomalies WHERE category = 'GATE_HELD'"))
        before = Counter(LOADED)
        plan = await operated.backfills.plan(BACKFILLED, {"shard": "0..199"})
        assert {one.position: one.reason for one in plan.seen if one.reason} == {
            0: REASON.COMPLETE,
            9: REASON.HELD,
            **dict.fromkeys(range(190, 195), REASON.REFUSED),
        }
        backfill = await operated.backfills.start(plan, max_parallel=8, by="ada")
        summary = await backfill.result()
        await held.decide("abort", None, by="ada", reason="over")
        await held.result()
    assert summary.status is BackfillStatus.FAILED
    assert summary.partitions == {"COMPLETED": 191, "FAILED": 2, "SKIPPED": 7}
    assert summary.skipped == {"REFUSED": 5, "COMPLETE": 1, "HELD": 1}
    assert summary.failures == {"CONFIGURATION": 1, "DATA_QUALITY": 1}
    rows = {row.position: row for row in await backfill.partitions()}
    assert rows[0].detail.startswith("completed by run ")
    assert rows[9].detail.endswith("waits for a person at check")
    assert "shard 190 is out of service" in rows[190].detail
    assert rows[6].detail == "publish: the source is broken"
    once = Counter({shard: 1 for shard in range(200) if shard not in range(190, 195)})
    assert once == LOADED, "what had loaded, failed and was resumed has loaded once"
    assert before == Counter({0: 1, 5: 1, 6: 1, 9: 1})
    assert most_at_once(operated) <= 8
    told = operated.rows("SELECT severity, category, message FROM core_outbox WHERE kind = 'backfill_ended'")
    assert told == [(
        "ERROR", "CONFIGURATION",
        f"backfill {backfill.backfill_id} of test.backfilled is FAILED: 191 COMPLETED, 2 FAILED, 7 SKIPPED",
    )]  # fmt: skip
    assert operated.rows("SELECT count(DISTINCT run_id) FROM core_backfill_partitions WHERE status = 'COMPLETED'") == [
        (191,)
    ]


async def test_a_turn_is_begun_once_however_often_it_is_asked_for(operated, temporal):
    """A worker may be killed after each call, and another one may have been only slow."""
    BROKEN[1] = ErrorCategory.DATA_QUALITY
    runs = PartitionRuns(temporal, operated.database, definitions_of([BACKFILLED]))
    async with operated.worker():
        failed = await operated.client.execute(BACKFILLED, {"shard": 1})
        del BROKEN[1]
        plan = await operated.backfills.plan(BACKFILLED, {"shard": [0, 1]}, params={"day": "2025-01-03"})
        backfill_id = written(operated, plan)
        turns = give_turns(operated.database, backfill_id)
        assert [row.resumes for row in turns.running] == [None, failed.run_id]
        for row in turns.running:
            first = await runs.begin(turns.backfill, row)
            assert await runs.begin(turns.backfill, row) == first, "while it runs"
            end = await runs.end(row.workflow_id, first)
            assert (end.status, end.run_id) == (STATUS.COMPLETED, first)
            assert await runs.begin(turns.backfill, row) == first, "when it has ended"
    assert LOADED == {0: 1, 1: 1}
    given = operated.rows("SELECT params ->> 'day' FROM core_runs WHERE status = 'COMPLETED'")
    assert given == [("2025-01-03",)] * 2, "a run that is resumed has the params of the backfill"
    described = await temporal.get_workflow_handle(turns.running[1].workflow_id).describe()
    priority = described.raw_description.workflow_execution_info.priority.priority_key
    assert priority == 5, "also of a run that somebody else had started"


async def test_two_that_tend_the_same_backfill_share_its_places(operated, temporal):
    """A worker that only seemed dead wakes up beside the one that has taken over."""
    async with operated.worker():
        plan = await operated.backfills.plan(BACKFILLED, {"shard": "1..24"}, reprocess=Reprocess.ALL)
        backfill_id = written(operated, plan, max_parallel=3)
        runs = [PartitionRuns(temporal, operated.database, definitions_of([BACKFILLED])) for _ in range(2)]
        never = asyncio.Event()
        tended = await asyncio.gather(*(Tending(backfill_id, operated.database, one).tend(never.wait) for one in runs))
    assert [one.status for one in tended] == [BackfillStatus.COMPLETED] * 2
    assert dict.fromkeys(range(1, 25), 1) == LOADED
    assert most_at_once(operated) <= 3


async def test_a_worker_that_lacks_the_workflow_takes_no_turn(operated, temporal):
    plan = await operated.backfills.plan(BACKFILLED, {"shard": [1]})
    backfill_id = written(operated, plan)
    tending = Tending(backfill_id, operated.database, PartitionRuns(temporal, operated.database, definitions_of([])))
    with pytest.raises(SpineError, match=r"have no workflow 'test\.backfilled'") as refused:
        await tending.tend(asyncio.Event().wait)
    assert refused.value.category.retryable
    assert [row.turn for row in await operated.backfills.of(backfill_id).partitions()] == [0]


async def test_operators_pause_change_cancel_and_resume_it(operated):
    async with operated.worker():
        plan = await operated.backfills.plan(BACKFILLED, {"shard": f"{SLOW_FROM}..{SLOW_FROM + 9}"})
        backfill = await operated.backfills.start(plan, max_parallel=2)
        await until(lambda: len(LOADED) == 2)
        assert (await backfill.summary()).partitions == {"RUNNING": 2, "WAITING": 8}
        assert await backfill.pause(by="ada", reason="the source is tired") == (
            f"backfill {backfill.backfill_id} is PAUSED, at most 2 at a time"
        )
        assert (await backfill.summary()).told == "paused by ada: the source is tired"
        await backfill.set(max_parallel=4)
        await backfill.resume()
        await until(lambda: len(LOADED) == 4)
        with pytest.raises(ParamsError, match="1 to 1,000"):
            await backfill.set(max_parallel=0)
        await backfill.cancel(by="ada", reason="enough")
        with pytest.raises(ParamsError, match="cannot be changed any more"):
            await backfill.pause()
        GO_ON.set()
        summary = await backfill.result()
        assert summary.status is BackfillStatus.CANCELLED
        assert summary.partitions == {"COMPLETED": 4, "SKIPPED": 6}
        assert {row.detail for row in await backfill.partitions() if row.reason} == {"cancelled by ada: enough"}
        assert "6 partitions have another turn" in await backfill.resume(by="ada")
        assert (await backfill.result()).partitions == {"COMPLETED": 10}
        with pytest.raises(ParamsError, match="nothing of it is left to do"):
            await backfill.resume()
    assert dict.fromkeys(range(SLOW_FROM, SLOW_FROM + 10), 1) == LOADED
    asked = [action for (action,) in operated.rows("SELECT action FROM core_audit ORDER BY audit_id")]
    assert asked == [f"backfill {one}" for one in ("pause", "set", "resume", "cancel", "resume")]


async def test_a_backfill_and_its_runs_lead_to_each_other(operated, temporal):
    async with operated.worker():
        plan = await operated.backfills.plan(BACKFILLED, {"shard": "40,41"})
        backfill = await operated.backfills.start(plan)
        await backfill.result()
        query = f'SpineBackfill="{backfill.backfill_id}"'
        listed = []
        while len(listed) < 2:  # Temporal's lists are a little behind
            listed = [run.id async for run in temporal.list_workflows(query)]
        details = await backfill.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    assert set(listed) == {"test.backfilled/shard=40", "test.backfilled/shard=41"}
    place = f"/namespaces/default/workflows?query=SpineBackfill%3D%22{backfill.backfill_id}%22"
    assert details.current_details.endswith(f"Runs that it has started: [{query}]({place})")
    begun = (await temporal.get_workflow_handle(listed[0]).fetch_history()).events[0]
    [link] = [one.workflow_event for one in begun.links]
    description = await backfill.handle.describe()
    assert (link.workflow_id, link.run_id) == (description.id, description.run_id)


async def test_a_held_run_keeps_nobody_waiting_and_the_end_tells_of_it(operated):
    """With a single place, the others have their turns; decided after the end, it is done when the backfill goes on."""
    UNSURE.add(21)
    async with operated.worker():
        plan = await operated.backfills.plan(BACKFILLED, {"shard": "20..25"})
        backfill = await operated.backfills.start(plan, max_parallel=1)
        summary = await backfill.result()
        assert (summary.status, summary.partitions) == (BackfillStatus.COMPLETED, {"COMPLETED": 5, "HELD": 1})
        [held] = [row for row in await backfill.partitions() if row.status is STATUS.HELD]
        assert (held.params, held.detail) == ({"shard": "21"}, "waits for a person at check")
        [(severity, message)] = operated.rows("SELECT severity, message FROM core_outbox WHERE kind = 'backfill_ended'")
        assert (severity, message.partition(": ")[2]) == ("WARN", "5 COMPLETED, 1 HELD")
        with pytest.raises(ParamsError, match="nothing of it is left to do"):
            await backfill.resume()
        await decide(operated, 21, "waive")
        await until(
            lambda: operated.rows("SELECT 1 FROM core_runs HAVING count(*) FILTER (WHERE status = 'COMPLETED') = 6")
        )
        assert "1 partitions have another turn" in await backfill.resume()
        assert (await backfill.result()).partitions == {"COMPLETED": 6}
    assert dict.fromkeys(range(20, 26), 1) == LOADED


async def test_a_held_run_is_waited_for_again_when_somebody_has_decided_or_cancels_it(operated):
    UNSURE.update({30, 31})
    async with operated.worker():
        shards = [30, 31, *range(SLOW_FROM, SLOW_FROM + 3)]
        plan = await operated.backfills.plan(BACKFILLED, {"shard": shards})
        backfill = await operated.backfills.start(plan, max_parallel=1)
        await until(lambda: LOADED[SLOW_FROM])
        assert (await backfill.summary()).partitions == {"HELD": 2, "RUNNING": 1, "WAITING": 2}
        await decide(operated, 30, "abort")
        await until(lambda: operated.rows("SELECT 1 FROM core_backfill_partitions WHERE status = 'FAILED'"))
        assert (await backfill.summary()).partitions == {"FAILED": 1, "HELD": 1, "RUNNING": 1, "WAITING": 2}
        await backfill.cancel(by="ada", reason="enough", runs=True)
        GO_ON.set()
        summary = await backfill.result()
    assert summary.status is BackfillStatus.CANCELLED
    assert (summary.partitions["SKIPPED"], summary.failures) == (2, {"QUALITY_GATE": 1})
    ended = {row.params["shard"]: row.status for row in await backfill.partitions()}
    assert (ended[30], ended[31]) == (STATUS.FAILED, STATUS.CANCELLED)


async def decide(service, shard, decision):
    """Decide the gate at which the shard's run is held."""
    held = await service.client.handle_of(f"test.backfilled/shard={shard}")
    await held.decide(decision, None, by="ada", reason="looked at")


async def test_a_cancelled_workflow_cancels_the_backfill_and_waits_for_its_runs(operated):
    async with operated.worker():
        plan = await operated.backfills.plan(BACKFILLED, {"shard": [SLOW_FROM, SLOW_FROM + 1]})
        backfill = await operated.backfills.start(plan, max_parallel=1)
        await until(lambda: len(LOADED) == 1)
        await backfill.handle.cancel()
        await until(lambda: operated.rows("SELECT 1 FROM core_backfills WHERE status = 'CANCELLING'"))
        GO_ON.set()
        assert (await backfill.result()).partitions == {"COMPLETED": 1, "SKIPPED": 1}


async def test_a_backfill_goes_on_with_the_next_worker(operated, temporal):
    """Its worker stops, its workflow is terminated, or the start was killed before it: nothing is done twice."""
    plan = await operated.backfills.plan(BACKFILLED, {"shard": "0..5"})
    backfill = operated.backfills.of(written(operated, plan, max_parallel=2))
    with pytest.raises(ParamsError, match="is not running in Temporal"):
        await backfill.pause()
    async with operated.worker():
        await backfill.resume()
        await until(lambda: len(LOADED) > 0)
    await backfill.handle.terminate()
    async with operated.worker():
        await backfill.resume()
        assert (await backfill.result()).partitions == {"COMPLETED": 6}
    assert dict.fromkeys(range(6), 1) == LOADED


def written(service, plan, max_parallel=2):
    """Write a backfill whose workflow nobody starts."""
    with service.database.begin() as connection:
        return write_backfill(connection, plan, max_parallel=max_parallel, task_queue=service.client.task_queue, by="")


async def until(is_so):
    while not is_so():  # noqa: ASYNC110 - a worker brings it about
        await asyncio.sleep(0.05)
