"""Schedules on a real Temporal: applied, fired over a year of holidays, paused, pruned."""

import asyncio
import re
from collections import Counter
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from temporalio.client import (
    ScheduleBackfill,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    ScheduleSpec,
    ScheduleUpdate,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.service import RPCError
from temporalio.worker import Replayer

from domains.finra.publication import PublicationDays
from spine_temporal import ParamsError, Schedule, SpineClient, SpinePlugin
from spine_temporal.operating.lateness import keeper
from spine_temporal.operating.lateness.keeper import NAME, judging, keep_judging
from spine_temporal.operating.lateness.messages import LATENESS, LatenessRequest, LatenessResult
from spine_temporal.operating.registration import operating_activities, operating_workflows
from spine_temporal.operating.schedules.difference import Action
from spine_temporal.runtime.definitions import load_definitions
from spine_temporal.runtime.worker import running_worker
from spine_temporal.settings import Settings
from tests.temporal import timed
from tests.temporal.conftest import Service

pytestmark = pytest.mark.xdist_group("schedules")


@asynccontextmanager
async def timed_worker(temporal, database, queue):
    """A worker of the weekly job, its schedule and its deadline."""
    definitions = load_definitions(["tests.temporal.timed"])
    own = operating_activities(temporal, database, definitions, Settings(task_queue=queue))
    async with running_worker(
        temporal,
        database,
        definitions,
        task_queue=queue,
        max_activities=20,
        in_process=True,
        workflows=operating_workflows(),
        activities=own,
    ):
        yield Service(SpineClient(temporal, task_queue=queue), database)
    timed.REVISIONS.clear()


@pytest.fixture
async def timed_service(temporal, database):
    async with timed_worker(temporal, database, f"test-{uuid4().hex[:8]}") as service:
        yield service


@pytest.fixture
async def book(timed_service):
    """Its schedules, which are removed in the end."""
    book = timed_service.client.schedules([timed.SCHEDULE])
    yield book
    await timed_service.client.schedules([]).apply(prune=True)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def completed(service):
    rows = service.rows("SELECT partition_key ->> 'week_ending', count(*) FROM core_runs GROUP BY 1 ORDER BY 1")
    return dict(rows)


async def fired(client, schedule_id, first, last):
    """Let Temporal fire the schedule as if that time passed now, and wait until all that it starts has ended."""
    handle = client.get_schedule_handle(schedule_id)
    overlap = ScheduleOverlapPolicy.ALLOW_ALL
    await handle.backfill(ScheduleBackfill(start_at=at(first), end_at=at(last), overlap=overlap))
    days = (at(last) - at(first)).days
    query = f"TemporalScheduledById = '{schedule_id}'"
    for _ in range(1000):
        if (await client.count_workflows(f"{query} AND ExecutionStatus = 'Completed'")).count == days:
            break
        await asyncio.sleep(0.1)
    return [await client.get_workflow_handle(one.id).result() async for one in client.list_workflows(query)]


async def replayed(handle):
    """Replay what a run of the product's own has done, with the code at hand."""
    replayer = Replayer(workflows=operating_workflows(), plugins=[SpinePlugin(workflows=[timed.WEEKLY])])
    await replayer.replay_workflow(await handle.fetch_history())


async def judged(service, until):
    """Have the deadlines judged, as the product's own schedule does."""
    client, queue = service.client.client, service.client.task_queue
    request = LatenessRequest(until=until)
    result = await client.execute_workflow(
        LATENESS, request, id=f"judge-{uuid4().hex}", task_queue=queue, result_type=LatenessResult
    )
    return result.judged


async def test_a_year_of_publications_runs_each_week_once_and_each_is_late_once_and_recovers_once(timed_service, book):
    client = timed_service.client.client
    await book.apply()
    assert await judged(timed_service, at("2025-01-01")) == {}
    assert await judged(timed_service, at("2025-12-31")) == {"late": 52}
    assert await judged(timed_service, at("2025-12-31")) == {}

    _, started = await book.backfill("timed.weekly", first=at("2025-01-01"), last=at("2025-12-31"))
    result = await started.result()
    publications = list(timed.SCHEDULE.rule.between(at("2025-01-01"), at("2025-12-31")))
    weeks = {one["week_ending"] for day in publications for one in timed.weekly_check(day, None)}
    assert completed(timed_service) == dict.fromkeys(sorted(weeks), 1)
    assert len(publications) == 52
    assert result.ended == {"COMPLETED": 53, "already completed": 51}
    anomalies = "SELECT category, resolved_at IS NOT NULL, count(*) FROM core_anomalies GROUP BY 1, 2"
    assert timed_service.rows(anomalies) == [("LATE_PARTITION", True, 52)]  # by the ends of the runs themselves
    assert await judged(timed_service, at("2025-12-31")) == {"recovered": 52}
    told = timed_service.rows("SELECT kind, partition_key, message FROM core_outbox")
    assert Counter(kind for kind, *_ in told) == {"late": 52, "recovered": 52}
    await replayed(started)
    assert len({(kind, str(partition)) for kind, partition, _ in told}) == 104
    assert all(re.search(r"\d+ days .* late$", message) for kind, _, message in told if kind == "recovered")

    # Temporal's own firing of the days around a holiday and the change of clocks: nothing is done twice.
    timed.REVISIONS["2025-01-17"] = 2
    [schedule] = [one async for one in await client.list_schedules() if one.id.endswith("/timed.weekly")]
    answers = await fired(client, schedule.id, "2025-02-16T00:00:00", "2025-03-12T00:00:00")
    ended = Counter()
    for answer in answers:
        ended.update(answer["ended"])
    assert Counter(bool(answer["note"]) for answer in answers) == {True: 20, False: 4}
    assert ended["already completed"] + ended["joined"] == 4 * 2 - 1
    assert completed(timed_service) == dict.fromkeys(sorted(weeks), 1) | {"2025-01-17": 2}  # its source had changed


async def test_apply_says_what_differs_and_a_second_time_does_nothing(timed_service, book):
    [change] = await book.difference()
    assert (change.action, change.name) == (Action.CREATE, "timed.weekly")
    assert "times: PublicationDays() at 06:05 America/New_York" in change.reasons
    assert await book.apply() == [change]
    assert (await book.difference(), await book.apply()) == ([], [])

    later = replace_schedule(at="07:00")
    changed = timed_service.client.schedules([later])
    [change] = await changed.difference()
    assert change.reasons == (
        "times: PublicationDays() at 06:05 America/New_York -> PublicationDays() at 07:00 America/New_York",
    )
    await changed.apply()
    assert await changed.difference() == []


def replace_schedule(**changes):
    return replace(timed.SCHEDULE, **changes)


async def test_a_schedule_that_was_changed_in_temporal_is_told_and_mended(timed_service, book):
    await book.apply()
    handle = timed_service.client.client.get_schedule_handle(f"spine/{timed_service.client.task_queue}/timed.weekly")
    every = ScheduleSpec(cron_expressions=["* * * * *"])
    await handle.update(lambda given: ScheduleUpdate(schedule=replace(given.description.schedule, spec=every)))
    [change] = await book.difference()
    assert change.reasons == ("its times or policies were changed in Temporal, or it was applied by half",)
    await book.apply()
    assert await book.difference() == []


async def test_an_operators_pause_stays_through_an_apply(timed_service, book):
    await book.apply()
    await book.pause("timed.weekly", by="ann", reason="the source moves")
    await timed_service.client.schedules([replace_schedule(at="07:00")]).apply()
    [status] = await book.statuses()
    assert (status.state, status.note, status.next_time) == ("paused", "ann: the source moves", None)
    await book.resume("timed.weekly", by="ann", reason="it has moved")
    [status] = await book.statuses()
    assert status.state == "active"
    assert status.next_time is not None
    assert PublicationDays().is_day(status.next_time.date())


async def test_only_what_is_ours_and_declared_no_more_is_pruned_and_only_when_told(timed_service, book):
    await book.apply()
    none = timed_service.client.schedules([])
    [change] = await none.difference()
    assert (change.action, await none.apply()) == (Action.PRUNE, [])
    [status] = await none.statuses()
    assert (status.state, status.workflow) == ("not declared", "timed.weekly")
    elsewhere = SpineClient(timed_service.client.client, task_queue="another").schedules([])
    assert await elsewhere.apply(prune=True) == []
    assert await none.apply(prune=True) == [change]
    assert await none.statuses() == []


async def test_a_schedule_is_fired_for_one_of_its_times_alone(timed_service, book):
    moment, started = await book.trigger("timed.weekly")
    assert moment == timed.SCHEDULE.rule.latest(datetime.now(UTC))
    _, twice = await book.trigger("timed.weekly", at=moment)
    for each in (started, twice):
        assert sum((await each.result()).ended.values()) == 2
    assert set(completed(timed_service).values()) == {1}
    with pytest.raises(ParamsError, match=r"is no time of schedule 'timed.weekly': the nearest are 2025-02-18T11:05"):
        await book.trigger("timed.weekly", at=at("2025-02-20T11:05:00"))
    with pytest.raises(ParamsError, match=r"unknown schedule 'timed.weakly'.*did you mean"):
        await book.trigger("timed.weakly")
    with pytest.raises(ParamsError, match=r"Temporal has no schedule 'timed.weekly'.*it has none"):
        await book.pause("timed.weekly", by="ann", reason="why")
    with pytest.raises(ParamsError, match="has no time from"):
        await book.backfill("timed.weekly", first=at("2025-02-19"), last=at("2025-02-20"))


async def test_runs_are_cancelled_with_what_started_them_joined_by_another_and_refused_on_record(timed_service):
    book, client = timed_service.client.schedules([timed.WAITING_SCHEDULE]), timed_service.client.client
    _, first = await book.trigger("timed.waiting", at=at("2025-03-10T06:05:00"))
    run = client.get_workflow_handle("timed.waiting/week_ending=2025-02-07")
    await running(run)
    _, second = await book.trigger("timed.waiting", at=at("2025-03-11T06:05:00"))  # the same week
    assert (await second.result()).ended == {"joined": 1, "CONFIGURATION": 1}
    await first.cancel()
    with pytest.raises(WorkflowFailureError):
        await first.result()
    assert (await first.describe()).status is WorkflowExecutionStatus.CANCELED
    assert (await run.describe()).status is WorkflowExecutionStatus.CANCELED
    refused = timed_service.rows("SELECT category, message FROM core_anomalies WHERE severity = 'ERROR'")
    assert {category for category, _ in refused} == {"WORKFLOW_FAILURE"}
    assert {message for _, message in refused} == {
        "param 'week_ending' is missing: 'timed.waiting' needs it to identify the partition"
    }


async def test_a_run_goes_on_where_what_started_it_is_terminated(timed_service):
    book, client = timed_service.client.schedules([timed.WAITING_SCHEDULE]), timed_service.client.client
    _, started = await book.trigger("timed.waiting", at=at("2025-03-17T06:05:00"))
    run = client.get_workflow_handle("timed.waiting/week_ending=2025-02-14")
    await running(run)
    await started.terminate()
    assert (await run.describe()).status is WorkflowExecutionStatus.RUNNING
    await run.cancel()


async def test_a_time_of_a_schedule_that_terminates_others_ends_the_runs_of_the_time_before(timed_service):
    """The schedule is Temporal's own, fired for two Mondays, one after the other's run has begun."""
    ending = replace(timed.WAITING_SCHEDULE, overlap="terminate_other")
    book, client = timed_service.client.schedules([ending]), timed_service.client.client
    await book.apply()
    handle = client.get_schedule_handle(f"spine/{timed_service.client.task_queue}/timed.waiting")
    mondays = [at("2025-05-05T06:05:00"), at("2025-05-12T06:05:00")]
    weeks = [timed.newest(monday, None)["week_ending"] for monday in mondays]
    before, after = (client.get_workflow_handle(f"timed.waiting/week_ending={week}") for week in weeks)
    for monday, run in zip(mondays, (before, after), strict=True):
        policy = ScheduleOverlapPolicy.TERMINATE_OTHER
        await handle.backfill(ScheduleBackfill(start_at=monday, end_at=monday, overlap=policy))
        await running(run)
    with pytest.raises(WorkflowFailureError):
        await before.result()
    assert (await before.describe()).status is WorkflowExecutionStatus.TERMINATED
    assert (await after.describe()).status is WorkflowExecutionStatus.RUNNING
    await after.cancel()
    await timed_service.client.schedules([]).apply(prune=True)


async def running(run):
    """Come back when the run has begun."""
    for _ in range(1000):
        with suppress(RPCError):
            if await run.query("progress") is not None:
                return
        await asyncio.sleep(0.05)
    raise AssertionError("it has not begun")


async def test_a_cron_is_fired_at_the_times_that_temporal_says(timed_service):
    cron = Schedule(
        name="timed.cron",
        workflow=timed.WEEKLY,
        cron="5 6 * * MON",
        time_zone=timed.NEW_YORK,
        params=timed.newest,
        catch_up=timedelta(days=1),
        jitter=timedelta(seconds=40),
        paused=True,
    )
    book = timed_service.client.schedules([cron])
    await book.apply()
    try:
        [status] = await book.statuses()
        assert (status.state, status.note) == ("paused", "made paused")
        times = await book._between(cron, at("2025-03-01"), at("2025-03-31T11:00:00"))
        assert [str(one) for one in times] == [
            "2025-03-03 11:05:00+00:00",
            "2025-03-10 10:05:00+00:00",
            "2025-03-17 10:05:00+00:00",
            "2025-03-24 10:05:00+00:00",
            "2025-03-31 10:05:00+00:00",
        ]
        newest = await book._newest(cron)
        assert newest <= datetime.now(UTC)
        assert newest.astimezone(timed.SCHEDULE.rule.zone).strftime("%a %H:%M") == "Mon 06:05"
    finally:
        await timed_service.client.schedules([]).apply(prune=True)


async def test_deadlines_are_judged_when_a_worker_is_there_again(temporal, database):
    queue = f"test-{uuid4().hex[:8]}"
    book = SpineClient(temporal, task_queue=queue).schedules([], [timed.DEADLINE])
    await book.apply()
    assert await keep_judging(temporal, queue) is False
    assert (await book.difference(), await book.statuses()) == ([], [])  # it is the product's own
    handle = temporal.get_schedule_handle(f"spine/{queue}/{NAME}")
    try:
        await handle.trigger()
        [action] = await started_by(handle)
        async with timed_worker(temporal, database, queue) as service:
            found = temporal.get_workflow_handle(action.action.workflow_id, result_type=LatenessResult)
            assert (await found.result()).judged == {}
            assert service.rows("SELECT deadline, workflow FROM core_deadlines") == [("timed.weekly", "timed.weekly")]
    finally:
        without_deadlines = SpineClient(temporal, task_queue=queue).schedules([])
        await without_deadlines.apply()
        await described(handle)
        for _ in range(2):
            await without_deadlines.apply(prune=True)
    with pytest.raises(RPCError, match="not found"):
        await handle.describe()


async def test_a_worker_that_has_settled_makes_sure_that_deadlines_are_judged(temporal, monkeypatch):
    queue = f"test-{uuid4().hex[:8]}"
    monkeypatch.setattr(keeper, "_SETTLED", 0.0)
    handle = temporal.get_schedule_handle(f"spine/{queue}/{NAME}")
    async with judging(temporal, queue, has_deadlines=False), judging(temporal, queue, has_deadlines=True):
        await described(handle)
    try:
        await handle.pause(note="a quiet day")
        never = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(days=9))])
        await handle.update(lambda given: ScheduleUpdate(schedule=replace(given.description.schedule, spec=never)))
        assert await keep_judging(temporal, queue) is True
        mended = (await handle.describe()).schedule
        assert ([one.every for one in mended.spec.intervals], mended.state.paused) == ([keeper.INTERVAL], True)
    finally:
        await handle.delete()


async def described(handle):
    """Return a schedule when it is there."""
    for _ in range(1000):
        with suppress(RPCError):
            return await handle.describe()
        await asyncio.sleep(0.05)
    raise AssertionError("there is no schedule")


async def started_by(handle):
    """Return what a schedule has started, when it has started something."""
    for _ in range(1000):
        actions = (await handle.describe()).info.recent_actions
        if actions:
            return actions
        await asyncio.sleep(0.05)
    raise AssertionError("it has started nothing")
