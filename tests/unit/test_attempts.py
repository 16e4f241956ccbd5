"""Which attempt it is, in words, and what its pipeline has told."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure

from spine_temporal.client.attempts import Attempt, _details

NOON = datetime(2025, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempt", "which"),
    [
        (Attempt(step="load", number=1), ""),
        (Attempt(step="load", number=2, failures=1, of=3), "attempt 2 of 3"),
        # Two attempts were lost with their workers: they are not taken from those that the pipeline has.
        (Attempt(step="load", number=4, failures=1, of=3), "attempt 2 of 3"),
        (Attempt(step="load", number=3), "attempt 3"),
    ],
)
def test_an_attempt_is_counted_as_the_ledger_counts_it(attempt, which):
    assert attempt.which == which


@pytest.mark.parametrize(
    ("progress", "amount"),
    [
        (("rows", 1000), (1000, "rows")),
        (("rows", 1000, "more"), (1000, "rows")),
        ((1000,), None),
        (("rows", True), None),
        (("rows",), None),
        (({"rows": 1000},), None),
        ((), None),
    ],
)
def test_a_word_and_a_number_are_an_amount(progress, amount):
    assert Attempt(step="load", number=1, progress=progress).amount == amount


def test_a_rate_is_told_of_a_first_attempt_which_began_with_nothing():
    told = {"progress": ("rows", 500), "started_at": NOON, "told_at": NOON + timedelta(seconds=10)}
    assert Attempt(step="load", number=1, **told).per_second == 50
    assert Attempt(step="load", number=2, **told).per_second is None


def test_what_the_pipeline_failed_of_is_found_behind_the_loss_of_its_worker():
    own = Failure()
    own.application_failure_info.details.payloads.append(Payload(data=b"1"))
    lost = Failure(cause=own)
    lost.timeout_failure_info.SetInParent()
    assert [payload.data for payload in _details(lost)] == [b"1"]
    assert list(_details(Failure())) == []
