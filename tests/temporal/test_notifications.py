"""What is in the outbox arrives: batched by cause, at least once under one id, each channel for itself."""

import asyncio
import json
from uuid import uuid4

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.worker import Replayer

from spine_temporal import SpineClient
from spine_temporal.client.notifications import list_notifications, retry_notifications
from spine_temporal.definition.notification import Notification, NotificationKind
from spine_temporal.definition.severity import Severity
from spine_temporal.operating.notifications.deliver_workflow import Deliver
from spine_temporal.operating.notifications.delivery_activities import DeliveryActivities
from spine_temporal.operating.notifications.keeper import delivery_id, look
from spine_temporal.operating.notifications.notification_settings import NotificationSettings
from spine_temporal.recording import deliveries
from spine_temporal.recording.outbox import enqueue
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.worker import running_worker
from tests.temporal.partitioned import CHECKED_BY_DAY
from tests.unit.notifications.receivers import receiving


class Delivery:
    """A worker that delivers to two receivers: ``ops`` gets all, ``data`` what is of a quality gate."""

    def __init__(self, client, database, queue, settings, ops, data):
        self.client, self.database, self.queue, self.settings = client, database, queue, settings
        self.ops, self.data = ops, data

    def enqueue(self, *categories, kind=NotificationKind.FAILED, severity=Severity.ERROR):
        """Enqueue a notification for each category; return their ids in order."""
        found = [
            Notification(
                kind=kind,
                key=uuid4().hex,
                domain="d",
                workflow="w",
                severity=severity,
                category=category,
                message="m",
                partition={"number": number},
            )
            for number, category in enumerate(categories)
        ]
        with self.database.begin() as connection:
            for each in found:
                enqueue(connection, each)
        return [str(each.notification_id) for each in found]

    async def deliver(self):
        """Look as a worker does, and wait until the delivery has ended."""
        assert await look(self.client, self.database, self.settings, self.queue)
        handle = self.client.get_workflow_handle(delivery_id(self.queue))
        await handle.result()
        return handle

    def statuses(self, ids):
        rows = list_notifications(self.database, limit=1000)
        return sorted((row["channel"], row["status"]) for row in rows if str(row["notification_id"]) in ids)


@pytest.fixture
async def delivery(temporal, database):
    queue = f"test-{uuid4().hex[:8]}"
    with receiving() as ops, receiving() as data:
        settings = NotificationSettings.model_validate(
            {
                "channels": {
                    "ops": {"kind": "webhook", "url": ops.url},
                    "data": {"kind": "webhook", "url": data.url},
                },
                "routes": [{"channels": "ops"}, {"channels": "data", "category": "QUALITY_GATE"}],
                "group_wait": 0,
                "group_interval": 0,
            }
        )
        async with running_worker(
            temporal,
            database,
            definitions_of([CHECKED_BY_DAY]),
            task_queue=queue,
            max_activities=10,
            in_process=True,
            workflows=[Deliver],
            activities=DeliveryActivities(database, settings).all(),
        ):
            yield Delivery(temporal, database, queue, settings, ops, data)


async def test_a_hundred_of_one_cause_are_one_message_and_its_history_replays(delivery):
    many = delivery.enqueue(*["QUALITY_GATE"] * 100)
    one = delivery.enqueue("TRANSIENT")
    nobody = delivery.enqueue("TRANSIENT", severity=Severity.INFO)
    handle = await delivery.deliver()
    assert sorted(map(len, [ids_of(body) for _, body in delivery.ops.came])) == [1, 100]
    assert sorted(delivery.ops.ids) == sorted([*many, *one])
    assert sorted(delivery.data.ids) == sorted(many)
    assert len({*delivery.ops.batches, *delivery.data.batches}) == 3  # a batch is of one channel
    assert delivery.statuses(many[:1]) == [("data", "DELIVERED"), ("ops", "DELIVERED")]
    assert delivery.statuses(nobody) == [(None, "UNROUTED")]
    assert not await look(delivery.client, delivery.database, delivery.settings, delivery.queue)
    await Replayer(workflows=[Deliver], data_converter=delivery.client.data_converter).replay_workflow(
        await handle.fetch_history()
    )


async def test_a_channel_that_is_away_gets_the_same_message_again_and_keeps_back_no_other(delivery):
    delivery.ops.answers += [(503, {})]
    ids = delivery.enqueue("QUALITY_GATE")
    await delivery.deliver()
    assert len(delivery.data.came) == 1
    first, second = delivery.ops.batches
    assert first == second
    assert delivery.statuses(ids) == [("data", "DELIVERED"), ("ops", "DELIVERED")]
    [row] = [row for row in list_notifications(delivery.database) if row["channel"] == "ops"]
    assert row["attempts"] == 2


async def test_what_is_refused_has_failed_with_its_reason_until_a_person_has_it_delivered_again(delivery):
    delivery.ops.answers += [(400, {})]
    [refused] = delivery.enqueue("TRANSIENT")
    await delivery.deliver()
    [row] = list_notifications(delivery.database, status="failed")
    assert (row["channel"], row["error"], row["attempts"]) == ("ops", "it answered 400 Bad Request", 1)
    assert not await look(delivery.client, delivery.database, delivery.settings, delivery.queue)
    assert retry_notifications(delivery.database, [refused[:8]]) == 1
    await delivery.deliver()
    assert delivery.ops.batches[0] == delivery.ops.batches[1]
    assert delivery.statuses([refused]) == [("ops", "DELIVERED")]
    assert retry_notifications(delivery.database, None) == 0


async def test_what_no_route_wanted_is_routed_anew_where_a_person_asks_for_it(delivery):
    ids = delivery.enqueue("TRANSIENT", severity=Severity.INFO)
    await delivery.deliver()
    assert delivery.statuses(ids) == [(None, "UNROUTED")]
    assert retry_notifications(delivery.database, None) == 0  # all that has failed: not what nobody wanted
    assert retry_notifications(delivery.database, ids) == 1
    await delivery.deliver()
    assert delivery.statuses(ids) == [(None, "UNROUTED")]
    assert delivery.ops.came == []


async def test_a_channel_that_was_taken_out_of_the_settings_fails_what_was_for_it(delivery):
    ids = delivery.enqueue("TRANSIENT")
    with delivery.database.begin() as connection:
        deliveries.route(connection, delivery.settings.grouping, lambda _told: ["gone"])
    await delivery.deliver()
    assert delivery.statuses(ids) == [("gone", "FAILED")]
    [row] = list_notifications(delivery.database, status="FAILED")
    assert row["error"] == "there is no channel 'gone': the channels are ops, data"


async def test_what_comes_while_it_sends_is_sent_as_well(delivery):
    delivery.ops.answers += [(503, {})]  # keeps it going for a while
    ids = delivery.enqueue("TRANSIENT")
    await look(delivery.client, delivery.database, delivery.settings, delivery.queue)
    for _ in range(1000):
        if delivery.ops.came:
            break
        await asyncio.sleep(0.05)
    ids += delivery.enqueue("TIMEOUT")
    await delivery.deliver()
    assert {*delivery.ops.ids} == {*ids}
    description = await delivery.client.get_workflow_handle(delivery_id(delivery.queue)).describe()
    assert description.status is WorkflowExecutionStatus.COMPLETED


async def test_a_failed_run_is_told_and_its_recovery_as_well(delivery):
    spine = SpineClient(delivery.client, task_queue=delivery.queue)
    day = {"day": uuid4().hex}
    delivery.ops.answers += [(503, {})]  # which is the channel's business, and not the run's
    failed = await spine.execute(CHECKED_BY_DAY, {**day, "rows": 1})
    assert failed.status == "FAILED"
    await delivery.deliver()
    assert (await spine.execute(CHECKED_BY_DAY, {**day, "rows": 5000})).status == "COMPLETED"
    await delivery.deliver()
    told = [json.loads(body)["data"] for _, body in delivery.ops.came]
    assert [(each["kind"], each["step"], each["category"]) for each in told] == [
        ("failed", "validate", "QUALITY_GATE"),
        ("failed", "validate", "QUALITY_GATE"),
        ("recovered", None, "QUALITY_GATE"),
    ]
    assert told[0]["notifications"][0]["run_id"] == failed.run_id


def ids_of(body):
    return [each["id"] for each in json.loads(body)["data"]["notifications"]]
