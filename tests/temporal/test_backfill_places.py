"""A backfill has never more than so many runs at work, also when people decide many held gates at once."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from spine_temporal.cli.status import situation_of
from spine_temporal.client.stalled_runs import stalled_runs
from spine_temporal.client.why import reasons
from spine_temporal.definition.backfill import BackfillStatus
from spine_temporal.operating.backfill.partition_runs import PartitionRuns
from spine_temporal.operating.backfill.tending import Tending
from spine_temporal.runtime import gate_activities
from spine_temporal.runtime.backfill_places import no_place
from spine_temporal.runtime.definitions import definitions_of
from tests.temporal.backfilled import BACKFILLED, BESIDE, GO_ON, LOADED, SLOW_FROM, TAKES, UNSURE
from tests.temporal.test_backfill import decide, until, written

#: Gates that are decided at once.
MANY = range(6)


def publishing_at_once(service):
    """How many runs did the step behind the gate at a time, as their rows tell."""
    rows = service.rows("SELECT started_at, completed_at FROM core_executions WHERE step = 'publish'")
    return max(sum(begun <= other < ended for begun, ended in rows) for other, _ in rows)


def held(service):
    return service.rows("SELECT count(*) FROM core_backfill_partitions WHERE status = 'HELD'")[0][0]


async def waiting_for_a_place(service, shard):
    """Return the run of the shard, and why it is where it is, once that is a place."""
    run = await service.client.handle_of(f"test.backfilled/shard={shard}")
    for _ in range(200):
        [reason, *others] = await reasons(service.client.client, run)
        if "waits for a place" in reason.text:
            assert not others
            return run, reason
        await asyncio.sleep(0.05)
    raise AssertionError(reason)


@asynccontextmanager
async def one_that_waits(service, *others):
    """Have a backfill whose one place is taken, a run that is decided and waits for it, and why it does."""
    UNSURE.add(0)
    async with service.worker():
        plan = await service.backfills.plan(BACKFILLED, {"shard": [0, SLOW_FROM, *others]})
        backfill = await service.backfills.start(plan, max_parallel=1)
        await until(lambda: LOADED[SLOW_FROM])
        await decide(service, 0, "waive")
        run, reason = await waiting_for_a_place(service, 0)
        yield backfill, run, reason


async def test_of_many_that_are_decided_at_once_no_more_go_on_than_there_are_places(operated):
    UNSURE.update(MANY)
    TAKES["publish"] = 0.5
    async with operated.worker():
        plan = await operated.backfills.plan(BACKFILLED, {"shard": [*MANY, SLOW_FROM]})
        backfill = await operated.backfills.start(plan, max_parallel=3)
        await until(lambda: held(operated) == len(MANY) and LOADED[SLOW_FROM])
        await asyncio.gather(*(decide(operated, shard, "waive") for shard in MANY))
        await until(lambda: len(operated.rows("SELECT 1 FROM core_runs WHERE status = 'COMPLETED'")) == len(MANY))
        assert publishing_at_once(operated) == 2, "the third place is that of the run that works all the while"
        GO_ON.set()
        summary = await asyncio.wait_for(backfill.result(), 30)
    assert (summary.status, summary.partitions) == (BackfillStatus.COMPLETED, {"COMPLETED": len(MANY) + 1})
    assert operated.rows("SELECT count(*), count(DISTINCT run_id) FROM core_decisions") == [(len(MANY), len(MANY))]


async def test_neither_do_they_when_the_backfill_has_ended_before(operated):
    UNSURE.update(MANY)
    TAKES["publish"] = 0.5
    async with operated.worker():
        plan = await operated.backfills.plan(BACKFILLED, {"shard": [*MANY]})
        backfill = await operated.backfills.start(plan, max_parallel=2)
        assert (await backfill.result()).partitions == {"HELD": len(MANY)}
        await asyncio.gather(*(decide(operated, shard, "waive") for shard in MANY))
        await until(lambda: len(operated.rows("SELECT 1 FROM core_runs WHERE status = 'COMPLETED'")) == len(MANY))
        assert publishing_at_once(operated) == 2
        assert (await backfill.summary()).partitions == {"HELD": len(MANY)}
        assert f"{len(MANY)} partitions have another turn" in await backfill.resume()
        assert (await backfill.result()).partitions == {"COMPLETED": len(MANY)}


async def test_they_keep_to_it_where_the_backfill_goes_on_while_they_wait(operated):
    UNSURE.update(MANY)
    TAKES["publish"] = 1.5
    async with operated.worker():
        plan = await operated.backfills.plan(BACKFILLED, {"shard": [*MANY]})
        backfill = await operated.backfills.start(plan, max_parallel=2)
        await backfill.result()
        await asyncio.gather(*(decide(operated, shard, "waive") for shard in MANY))
        await until(lambda: len(waiting_shards(operated)) == len(MANY))
        await waiting_for_a_place(operated, waiting_shards(operated)[-1])
        assert f"{len(MANY)} partitions have another turn" in await backfill.resume()
        assert (await backfill.result()).partitions == {"COMPLETED": len(MANY)}
    assert publishing_at_once(operated) == 2


def waiting_shards(service):
    """The shards whose runs are decided, in the order in which they have places."""
    query = "SELECT params ->> 'shard' FROM core_backfill_partitions WHERE decided_at IS NOT NULL ORDER BY decided_at"
    return [shard for (shard,) in service.rows(query)]


async def test_a_decided_run_waits_says_so_and_goes_on_before_new_partitions(operated):
    TAKES["publish"] = 0.5
    async with one_that_waits(operated, SLOW_FROM + 1) as (backfill, run, reason):
        waits = f"waits for a place in backfill {backfill.backfill_id}, which has 1"
        assert (reason.kind, reason.text.partition(";")[0]) == ("waits", f"it {waits}")
        told = await situation_of(run)
        assert (told.waits, told.held, told.result.status) == (f"it {waits}", [], "RUNNING")
        stalls = {one.workflow_id: one for one in await stalled_runs(operated.client.client, operated.database)}
        assert (stalls[run.workflow_id].cause, stalls[run.workflow_id].text) == ("place", waits)
        assert operated.rows("SELECT resolved_by FROM core_anomalies") == [("ada",)], "decided as soon as it was"
        assert operated.rows("SELECT detail FROM core_backfill_partitions WHERE status = 'HELD'") == [
            ("decided: its run goes on when it has a place",)
        ]
        GO_ON.set()
        assert (await backfill.result()).partitions == {"COMPLETED": 3}
    [(ended, begun)] = operated.rows(
        "SELECT (SELECT ended_at FROM core_backfill_partitions WHERE position = 0), started_at "
        "FROM core_backfill_partitions WHERE position = 2"
    )
    assert ended <= begun


async def test_a_worker_that_dies_between_the_decision_and_its_answer_leaves_the_run_waiting(operated, monkeypatch):
    """The decision is committed and nobody has heard of it: asked again, it is there once, and the run still waits."""

    def lost(awaited, attempt):
        attempts.append(attempt)
        return RuntimeError("the worker is gone") if attempt == 1 else no_place(awaited, attempt)

    attempts = []
    monkeypatch.setattr(gate_activities, "no_place", lost)
    async with one_that_waits(operated) as (backfill, _, _):
        assert attempts[:2] == [1, 2]
        assert operated.rows("SELECT action, by FROM core_decisions") == [("waive", "ada")]
        assert not operated.rows("SELECT 1 FROM core_executions WHERE step = 'publish'")
        GO_ON.set()
        assert (await backfill.result()).partitions == {"COMPLETED": 2}
    assert publishing_at_once(operated) == 1


async def test_a_run_that_waits_for_a_place_is_cancelled_at_once(operated):
    async with one_that_waits(operated) as (backfill, run, _):
        await run.cancel()
        assert (await asyncio.wait_for(run.result(), 5)).status == "CANCELLED"
        await until(lambda: operated.rows("SELECT 1 FROM core_backfill_partitions WHERE status = 'CANCELLED'"))
        assert (await backfill.summary()).partitions == {"CANCELLED": 1, "RUNNING": 1}
        GO_ON.set()
        assert (await backfill.result()).partitions == {"CANCELLED": 1, "COMPLETED": 1}


async def test_a_backfill_that_nobody_tends_keeps_no_decided_run_waiting(operated, temporal):
    """Its workflow was terminated, or its worker is away."""
    UNSURE.add(0)
    stop = asyncio.Event()
    async with operated.worker():
        plan = await operated.backfills.plan(BACKFILLED, {"shard": [0, SLOW_FROM]})
        backfill = operated.backfills.of(written(operated, plan, max_parallel=1))
        runs = PartitionRuns(temporal, operated.database, definitions_of([BACKFILLED]))
        tending = asyncio.create_task(Tending(backfill.backfill_id, operated.database, runs).tend(stop.wait))
        await until(lambda: LOADED[SLOW_FROM])
        await decide(operated, 0, "waive")
        run, _ = await waiting_for_a_place(operated, 0)
        stop.set()
        await tending
        GO_ON.set()
        assert (await asyncio.wait_for(run.result(), 30)).status == "COMPLETED"
        assert (await backfill.summary()).partitions == {"RUNNING": 2}
        await backfill.resume()
        assert (await backfill.result()).partitions == {"COMPLETED": 2}


async def test_a_paused_backfill_gives_free_places_to_those_that_are_decided(operated):
    async with one_that_waits(operated, SLOW_FROM + 1) as (backfill, run, _):
        await backfill.pause()
        GO_ON.set()
        assert (await asyncio.wait_for(run.result(), 30)).status == "COMPLETED"
        await until(lambda: LOADED == {0: 1, SLOW_FROM: 1})
        await backfill.resume()
        assert (await backfill.result()).partitions == {"COMPLETED": 3}


@pytest.mark.parametrize("runs", [True, False])
async def test_a_cancelled_backfill_has_its_decided_runs_in_turn_or_cancels_them(operated, runs):
    UNSURE.update({0, 1})
    async with operated.worker():
        plan = await operated.backfills.plan(BACKFILLED, {"shard": [0, 1, SLOW_FROM]})
        backfill = await operated.backfills.start(plan, max_parallel=1)
        await until(lambda: LOADED[SLOW_FROM])
        await decide(operated, 0, "waive")
        await waiting_for_a_place(operated, 0)
        await backfill.cancel(runs=runs)
        GO_ON.set()
        ended = (await asyncio.wait_for(backfill.result(), 30)).partitions
    if not runs:
        assert ended == {"COMPLETED": 2, "HELD": 1}
        return
    assert [row.status for row in await backfill.partitions()][:2] == ["CANCELLED", "CANCELLED"]
    assert not operated.rows(
        "SELECT 1 FROM core_executions JOIN core_backfill_partitions USING (run_id) WHERE step = 'publish' "
        "AND position < 2"
    )


async def test_a_gate_that_is_held_beside_others_keeps_its_runs_place(operated):
    UNSURE.add(0)
    async with operated.worker():
        plan = await operated.backfills.plan(BESIDE, {"shard": [0, 1]})
        backfill = await operated.backfills.start(plan, max_parallel=1)
        await until(lambda: operated.rows("SELECT 1 FROM core_anomalies WHERE category = 'GATE_HELD'"))
        await asyncio.sleep(2.5)  # the backfill looks each second
        assert (await backfill.summary()).partitions == {"RUNNING": 1, "WAITING": 1}
        run = await operated.client.handle_of("test.beside/shard=0")
        await run.decide("waive", "check", by="ada", reason="looked at")
        assert (await backfill.result()).partitions == {"COMPLETED": 2}
