"""What the golden histories of the product's own workflows have in them, and how each is brought about.

``record_histories`` writes them. Each recording has a task queue and a worker of its own, and returns the handle of the
workflow whose history is kept. ``CONTINUED`` are made at a Temporal that soon finds a history long.
"""

import asyncio
from contextlib import asynccontextmanager, contextmanager, suppress
from unittest.mock import patch
from uuid import uuid4

from temporalio.client import ScheduleBackfill, WorkflowFailureError

from spine_temporal import SpineClient
from spine_temporal.client.backfills import Backfills
from spine_temporal.definition.errors import ParamsError
from spine_temporal.embedded.state import ServerState
from spine_temporal.embedded.temporal_server import start_temporal, stop_temporal
from spine_temporal.operating import registration
from spine_temporal.operating.lateness.messages import LATENESS, LatenessRequest
from spine_temporal.operating.notifications.keeper import delivery_id, look
from spine_temporal.operating.notifications.notification_settings import NotificationSettings
from spine_temporal.recording.backfills import backfill_of
from spine_temporal.runtime.definitions import load_definitions
from spine_temporal.runtime.worker import running_worker
from spine_temporal.settings import Settings
from spine_temporal.translation.search_attributes import SEARCH_ATTRIBUTES
from tests.temporal import backfilled, timed
from tests.temporal.backfilled import BACKFILLED, GO_ON, LOADED, SLOW_FROM, TAKES
from tests.temporal.test_backfill import until
from tests.temporal.test_notifications import Delivery
from tests.temporal.test_schedules import at, running, started_by
from tests.unit.notifications.receivers import receiving

#: Events after which Temporal wants a workflow to continue as new; by default it is thousands.
_LONG = {"limit.historyCount.suggestContinueAsNew": "40"}


class Operating:
    """A service of its own for one recording: its clients, and its worker where one is asked for."""

    def __init__(self, client, database):
        self.client, self.database, self.queue = client, database, f"golden-{uuid4().hex[:8]}"
        self.spine = SpineClient(client, task_queue=self.queue)
        self.backfills = Backfills(client, database, task_queue=self.queue)

    @asynccontextmanager
    async def worker(self, settings=None, *, grace=0):
        definitions = load_definitions(["tests.temporal.backfilled", "tests.temporal.timed"])
        with patch.object(registration, "notification_settings", lambda: settings or NotificationSettings()):
            own = registration.operating_activities(self.client, self.database, definitions, Settings())
        async with running_worker(
            self.client,
            self.database,
            definitions,
            task_queue=self.queue,
            max_activities=20,
            in_process=True,
            grace=grace,
            workflows=registration.operating_workflows(),
            activities=own,
        ):
            yield

    async def backfill(self, count):
        """Begin a backfill of partitions that wait until they may go on, two at a time; return it when two wait."""
        backfilled.forget()
        over = {"shard": f"{SLOW_FROM}..{SLOW_FROM + count - 1}"}
        plan = await self.backfills.plan(BACKFILLED, over, reprocess="all")
        backfill = await self.backfills.start(plan, max_parallel=2, by="ada")
        await until(lambda: len(LOADED) == 2)
        return backfill

    @asynccontextmanager
    async def delivery(self, group_wait=0.0):
        """A worker that delivers to two receivers."""
        with receiving() as ops, receiving() as data:
            channels = {"ops": {"kind": "webhook", "url": ops.url}, "data": {"kind": "webhook", "url": data.url}}
            settings = NotificationSettings.model_validate(
                {
                    "channels": channels,
                    "routes": [{"channels": ["ops", "data"], "workflow": "w"}],
                    "group_wait": group_wait,
                    "group_interval": 0,
                }
            )
            async with self.worker(settings):
                yield Delivery(self.client, self.database, self.queue, settings, ops, data)


@contextmanager
def impatient_temporal(folder):
    """Have a Temporal that soon finds a history long; give its address."""
    (folder / "logs").mkdir(parents=True)
    address, _, pid = start_temporal(
        folder, SEARCH_ATTRIBUTES, port=None, ui_port=None, before=ServerState(), dynamic_config=_LONG
    )
    try:
        yield address
    finally:
        stop_temporal(pid)


async def completed(operating):
    """It lasts long enough for its counts to be shown."""
    async with operating.worker():
        backfill = await operating.backfill(4)
        while await backfill.handle.query("progress") is None:  # noqa: ASYNC110 - the workflow brings it about
            await asyncio.sleep(0.1)
        GO_ON.set()
        await backfill.result()
    return backfill.handle


async def changed(operating):
    async with operating.worker():
        backfill = await operating.backfill(4)
        await backfill.pause(by="ada", reason="the source is tired")
        await backfill.set(max_parallel=4, by="ada")
        await backfill.resume(by="ada")
        GO_ON.set()
        await backfill.result()
    return backfill.handle


async def cancelled(operating):
    """Who wants to pause it then is refused."""
    async with operating.worker():
        backfill = await operating.backfill(4)
        await backfill.cancel(by="ada", reason="enough")
        with suppress(ParamsError):
            await backfill.pause(by="bob")
        GO_ON.set()
        await backfill.result()
    return backfill.handle


async def cancelled_with_its_runs(operating):
    async with operating.worker():
        backfill = await operating.backfill(4)
        await backfill.cancel(by="ada", reason="enough", runs=True)
        GO_ON.set()
        await backfill.result()
    return backfill.handle


async def cancelled_in_temporal(operating):
    async with operating.worker():
        backfill = await operating.backfill(4)
        await backfill.handle.cancel()
        await until(lambda: _stands(operating, backfill) == "CANCELLING")
        GO_ON.set()
        await backfill.result()
    return backfill.handle


async def idle(operating):
    """Paused, it waits with nobody who tends it, until it is resumed."""
    async with operating.worker():
        backfill = await _idle(operating)
        await backfill.resume(by="ada")
        await backfill.result()
    return backfill.handle


async def idle_and_cancelled_in_temporal(operating):
    async with operating.worker():
        backfill = await _idle(operating)
        await backfill.handle.cancel()
        await backfill.result()
    return backfill.handle


async def of_two_workers(operating):
    """Its worker stops, and gives the tending back; the next one goes on."""
    async with operating.worker(grace=5):
        backfill = await operating.backfill(6)
        TAKES["publish"] = 1.0
        GO_ON.set()
    async with operating.worker():
        await backfill.result()
    return backfill.handle


async def backfill_continued(operating):
    async with operating.worker():
        backfill = await operating.backfill(4)
        for _ in range(4):
            await backfill.set(max_parallel=2, by="ada")
        while not await _has_continued(backfill.handle):  # noqa: ASYNC110 - Temporal and the workflow bring it about
            await asyncio.sleep(0.5)
        GO_ON.set()
        await backfill.result()
    return backfill.handle


async def scheduled(operating):
    """Of two times, one after the other; one run of the second was one of the first."""
    async with operating.worker():
        book = operating.spine.schedules([timed.SCHEDULE])
        _, started = await book.backfill("timed.weekly", first=at("2025-01-06"), last=at("2025-01-15"))
        await started.result()
    return started


async def scheduled_by_temporal(operating):
    """Temporal fires the schedule, and says for which time."""
    async with operating.worker():
        book = operating.spine.schedules([timed.SCHEDULE])
        await book.apply()
        handle = operating.client.get_schedule_handle(f"spine/{operating.queue}/timed.weekly")
        await handle.backfill(ScheduleBackfill(start_at=at("2025-02-18"), end_at=at("2025-02-19")))
        [action] = await started_by(handle)
        started = operating.client.get_workflow_handle(action.action.workflow_id)
        await started.result()
        await operating.spine.schedules([]).apply(prune=True)
    return started


async def scheduled_beside_another(operating):
    """One of its runs goes on since an earlier time, and is joined; the other is refused."""
    async with operating.worker():
        book, first = await _waiting(operating)
        _, second = await book.trigger("timed.waiting", at=at("2025-03-11T06:05:00"))
        await second.result()
        await _cancelled(first)
    return second


async def scheduled_and_cancelled(operating):
    async with operating.worker():
        _, started = await _waiting(operating)
        await _cancelled(started)
    return started


async def scheduled_continued(operating):
    async with operating.worker():
        book = operating.spine.schedules([timed.SCHEDULE])
        _, started = await book.backfill("timed.weekly", first=at("2025-05-01"), last=at("2025-06-15"))
        await started.result()
    return started


async def judged(operating):
    async with operating.worker():
        started = await operating.client.start_workflow(
            LATENESS, LatenessRequest(), id=f"{LATENESS}/{operating.queue}", task_queue=operating.queue
        )
        await started.result()
    return started


async def delivered(operating):
    """What came is waited for a moment, so that more of it becomes one message."""
    async with operating.delivery(group_wait=1.0) as delivery:
        delivery.enqueue("QUALITY_GATE", "TRANSIENT")
        return await delivery.deliver()


async def delivered_to_one(operating):
    """The other channel refuses it."""
    async with operating.delivery() as delivery:
        delivery.ops.answers += [(400, {})]
        delivery.enqueue("QUALITY_GATE")
        return await delivery.deliver()


async def delivered_continued(operating):
    """One channel is away, and more comes for it until the history is long."""
    async with operating.delivery() as delivery:
        delivery.ops.answers += [(503, {})] * 100
        handle = operating.client.get_workflow_handle(delivery_id(operating.queue))
        has_continued = False
        while not has_continued:
            delivery.enqueue("QUALITY_GATE")
            await look(operating.client, operating.database, delivery.settings, operating.queue)
            await asyncio.sleep(0.5)
            has_continued = await _has_continued(handle)
        delivery.ops.answers.clear()
        await handle.result()
    return handle


async def _idle(operating):
    """Return a backfill that is paused, of which nothing runs, and which nobody tends."""
    backfill = await operating.backfill(4)
    await backfill.pause(by="ada", reason="the source is tired")
    GO_ON.set()
    while True:
        counts = (await backfill.summary()).partitions
        described = (await backfill.handle.describe()).raw_description
        is_tended = described.pending_activities or described.HasField("pending_workflow_task")
        if not is_tended and "RUNNING" not in counts:
            return backfill
        await asyncio.sleep(0.1)


def _stands(operating, backfill):
    with operating.database.begin() as connection:
        return backfill_of(connection, backfill.backfill_id).status


async def _waiting(operating):
    """Return a schedule's book, and what it has started: a run that waits for a day, and one that is refused."""
    book = operating.spine.schedules([timed.WAITING_SCHEDULE])
    _, started = await book.trigger("timed.waiting", at=at("2025-03-10T06:05:00"))
    await running(operating.client.get_workflow_handle("timed.waiting/week_ending=2025-02-07"))
    return book, started


async def _cancelled(started):
    await started.cancel()
    with suppress(WorkflowFailureError):
        await started.result()


async def _has_continued(handle):
    begun = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes
    return bool(begun.continued_execution_run_id)


RECORDED = {
    "operating_backfill": completed,
    "operating_backfill_changed": changed,
    "operating_backfill_cancelled": cancelled,
    "operating_backfill_cancelled_runs": cancelled_with_its_runs,
    "operating_backfill_cancelled_in_temporal": cancelled_in_temporal,
    "operating_backfill_idle": idle,
    "operating_backfill_idle_cancelled": idle_and_cancelled_in_temporal,
    "operating_backfill_two_workers": of_two_workers,
    "operating_scheduled": scheduled,
    "operating_scheduled_by_temporal": scheduled_by_temporal,
    "operating_scheduled_joined": scheduled_beside_another,
    "operating_scheduled_cancelled": scheduled_and_cancelled,
    "operating_lateness": judged,
    "operating_deliver": delivered,
    "operating_deliver_refused": delivered_to_one,
}
CONTINUED = {
    "operating_backfill_continued": backfill_continued,
    "operating_scheduled_continued": scheduled_continued,
    "operating_deliver_continued": delivered_continued,
}
