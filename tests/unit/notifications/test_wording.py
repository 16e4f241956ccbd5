"""What people read of one notification, and of a hundred of one cause."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from spine_temporal.definition.notification import NotificationKind
from spine_temporal.operating.notifications.wording import Wording
from tests.unit.notifications.told import told

AT = datetime(2026, 1, 2, tzinfo=UTC)


def worded(*notifications, subject="[$severity] $told", body="$lines\n\n$advice"):
    return Wording(notifications, subject=subject, body=body)


def test_one_failure_says_where_why_and_what_to_do():
    said = worded(told())
    assert said.subject == "[ERROR] weekly: week_ending=2025-01-01, tier=OTC failed at check (QUALITY_GATE)"
    assert said.text == ("week_ending=2025-01-01, tier=OTC: too few rows\n\nLook: spine-temporal why 'weekly/week=1'")


def test_a_hundred_of_one_cause_are_one_message():
    said = worded(*(told(number) for number in range(1, 101)))
    assert said.subject == "[ERROR] weekly: 100 partitions failed at check (QUALITY_GATE)"
    lines = said.text.splitlines()
    assert (len(lines), lines[20]) == (23, "... and 80 more")
    given = said.json(UUID(int=7), AT)
    assert (given["type"], given["timestamp"], given["data"]["count"]) == (
        "spine.failed",
        "2026-01-02T00:00:00+00:00",
        100,
    )
    assert [each["id"] for each in given["data"]["notifications"]] == [str(UUID(int=n)) for n in range(1, 101)]


@pytest.mark.parametrize("kind", NotificationKind)
def test_each_kind_has_its_words(kind):
    said = worded(told(kind=kind.value, step=None, category="", partition_key={}), told(kind=kind.value))
    assert said.subject.startswith("[ERROR] weekly: 2 partitions ")
    assert not said.subject.endswith(f"partitions {kind.value}") or kind is NotificationKind.FAILED


def test_a_held_gate_says_how_to_decide():
    said = worded(told(kind="held"))
    assert said.text.endswith("Decide: spine-temporal waive | retry-step | abort 'weekly/week=1' check --reason WHY")


def test_a_template_says_it_in_other_words_and_a_subject_is_one_line():
    said = worded(told(message="a\nb $x"), subject="$workflow\n$step: $message", body="$subject ($count, $domain) $$")
    assert said.subject == "weekly check: a b $x"
    assert said.text == "weekly check: a b $x (1, finra.otc) $"
