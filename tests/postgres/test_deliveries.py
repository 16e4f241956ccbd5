"""When a cause is due, and what becomes of old notifications."""

import pytest
from sqlalchemy import text

from spine_temporal.definition.notification import Notification, NotificationKind
from spine_temporal.definition.severity import Severity
from spine_temporal.recording import deliveries
from spine_temporal.recording.deliveries import Grouping
from spine_temporal.recording.outbox import enqueue

WAITS = Grouping(group_wait=60, group_interval=600)


def told(connection, key, category="QUALITY_GATE"):
    enqueue(
        connection,
        Notification(
            kind=NotificationKind.FAILED, key=key, domain="d", workflow="w", severity=Severity.ERROR,
            category=category, message="m",
        ),
    )  # fmt: skip


@pytest.fixture
def passes(connection):
    """Let some time pass for all that is in the outbox."""

    def later(seconds):
        connection.execute(
            text("""
                UPDATE core_outbox SET created_at = created_at - make_interval(secs => :seconds),
                    routed_at = routed_at - make_interval(secs => :seconds)
            """),
            {"seconds": seconds},
        )

    return later


def routed(connection):
    return deliveries.route(connection, WAITS, lambda _told: ["ops"])


def test_a_cause_waits_for_others_of_it_before_its_first_message_and_between_two(connection, passes):
    assert deliveries.due(connection, WAITS) == deliveries.Due(causes=(), next_in=None)
    told(connection, "a")
    first = routed(connection)
    assert first.causes == ()
    assert 0 < first.next_in <= 60
    told(connection, "b")
    told(connection, "c", category="TRANSIENT")
    passes(61)
    told(connection, "d")  # the cause has waited long enough: it goes along
    assert len(routed(connection).causes) == 2
    assert len(deliveries.pending_batches(connection)) == 2
    told(connection, "e")
    passes(61)
    second = routed(connection)
    assert second.causes == ()
    assert 60 < second.next_in <= 600
    passes(600)
    assert len(routed(connection).causes) == 1
    counts = "SELECT count(*) FROM core_deliveries GROUP BY batch_id ORDER BY 1"
    assert connection.execute(text(counts)).scalars().all() == [1, 1, 3]


def test_a_cause_of_very_many_goes_in_full_messages_of_which_each_lists_all(connection, passes, monkeypatch):
    monkeypatch.setattr(deliveries, "LARGEST_BATCH", 2)
    for key in "abcde":
        told(connection, key)
    passes(61)
    routed(connection)
    batches = [batch for batch, _ in deliveries.pending_batches(connection)]
    told_of = [len(deliveries.begin_attempt(connection, batch)) for batch in batches]
    assert sorted(told_of) == [1, 2, 2]


def test_a_batch_is_attempted_until_it_has_ended(connection, passes):
    told(connection, "a")
    passes(61)
    routed(connection)
    [(batch, channel)] = deliveries.pending_batches(connection)
    assert channel == "ops"
    assert [len(deliveries.begin_attempt(connection, batch)) for _ in range(2)] == [1, 1]
    deliveries.delivered(connection, batch)
    assert deliveries.begin_attempt(connection, batch) == []
    assert deliveries.undelivered(connection, batch, "too late") == 0
    assert not deliveries.is_any_pending(connection)


def test_a_channel_has_no_more_than_its_share_under_way(connection, passes):
    for number in range(deliveries.AT_ONCE + 2):
        told(connection, str(number), category=str(number))
    passes(61)
    routed(connection)
    assert len(deliveries.pending_batches(connection)) == deliveries.AT_ONCE


def test_what_is_old_goes_with_its_deliveries(connection, passes):
    told(connection, "a")
    passes(61)
    routed(connection)
    passes(9 * 86_400)
    told(connection, "b")
    assert deliveries.prune_outbox(connection, 9) == 1
    assert connection.execute(text("SELECT count(*) FROM core_outbox")).scalar() == 1
    assert connection.execute(text("SELECT count(*) FROM core_deliveries")).scalar() == 0
