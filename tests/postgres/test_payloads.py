"""Payloads beside the histories: what a reference gives is what was stored, and a forged one gives nothing."""

import tracemalloc
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from temporalio.api.common.v1 import Payload
from temporalio.converter import StorageDriverClaim, StorageDriverRetrieveContext, StorageDriverStoreContext

from spine_temporal import ErrorCategory, SpineError
from spine_temporal.recording.payloads import PayloadStore, prune_payloads

LARGE = Payload(data=b"x" * 2_000_000)


@pytest.fixture
def store(database):
    return PayloadStore(database)


async def stored(store, *payloads):
    return await store.store(StorageDriverStoreContext(target=None), payloads)


async def retrieved(store, claims):
    return await store.retrieve(StorageDriverRetrieveContext(), claims)


async def refusal(store, claims):
    with pytest.raises(SpineError) as caught:
        await retrieved(store, claims)
    assert caught.value.category is ErrorCategory.CONFIGURATION
    return str(caught.value)


async def test_payloads_come_back_in_the_order_of_their_references(store):
    one, two = Payload(data=b"one"), Payload(data=b"two")
    first, second = await stored(store, one, two)
    assert await retrieved(store, [second, first, second]) == [two, one, two]


@pytest.mark.parametrize("forged", ["", "x", "' OR true --", "a" * 63, "A" * 64, "nul\0", "\udc80" * 64, "a" * 100_000])
async def test_a_reference_without_a_payloads_id_asks_the_database_nothing(store, monkeypatch, forged):
    monkeypatch.setattr(store, "_load", None)
    assert "no payload's id" in await refusal(store, [StorageDriverClaim({"payload_id": forged})])
    assert "no payload's id" in await refusal(store, [StorageDriverClaim({})])


async def test_a_payload_that_is_not_there_is_named(store):
    assert f"payload {'a' * 64} is not in core_payloads" in await refusal(
        store, [StorageDriverClaim({"payload_id": "a" * 64})]
    )


async def test_a_payload_that_somebody_has_changed_is_not_given(store, database):
    [claim] = await stored(store, Payload(data=b"one"))
    with database.begin() as connection:
        connection.execute(text("UPDATE core_payloads SET payload = 'other'"))
    assert "is not what was stored" in await refusal(store, [claim])


async def test_a_payload_that_is_named_a_thousand_times_is_not_loaded_a_thousand_times(store):
    [claim] = await stored(store, LARGE)
    assert await retrieved(store, [claim] * 3) == [LARGE] * 3
    tracemalloc.start()
    error = await refusal(store, [claim] * 1_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "1000 references are to 2,000," in error
    assert peak < 10_000_000


_INSERT = text("""
    INSERT INTO core_runs (run_id, workflow_id, workflow, domain, partition_key, params, plan, status, started_at,
        completed_at, lineage_id, first_run_id)
    VALUES (:run_id, 'id', 'workflow', 'domain', '{}', '{}', '{}', :status, :started_at, :completed_at, :lineage,
        :first)
""")


def _run(began, ended=None, *, lineage="", first=""):
    """Return a run that began and ended so many days ago."""
    now, number = datetime.now(UTC), uuid4().hex
    return {
        "run_id": number,
        "status": "RUNNING" if ended is None else "FAILED",
        "started_at": now - timedelta(days=began),
        "completed_at": None if ended is None else now - timedelta(days=ended),
        "lineage": lineage or number,
        "first": first or number,
    }


@pytest.mark.parametrize(
    ("what", "runs", "is_kept"),
    [
        ("none can ask for it", [], False),
        ("one is open", [_run(41)], True),
        ("one is open, and its params were stored before it", [_run(39.5)], True),
        ("one is open, and began long after", [_run(5)], False),
        ("one has failed within Temporal's retention, and can be resumed", [_run(41, 1)], True),
        ("one has failed before that", [_run(41, 35)], False),
        ("one is open that goes on from it", [_run(41, 35, lineage="l"), _run(34, lineage="l")], True),
        ("one is open that goes on from another", [_run(41, 35, lineage="l"), _run(34, lineage="m")], False),
        ("one has its history", [_run(41, 35, first="f"), _run(34, 20, first="f")], True),
    ],
)
def test_what_a_run_can_ask_for_is_not_pruned(connection, what, runs, is_kept):
    stored_at = datetime.now(UTC) - timedelta(days=40)
    connection.execute(text("INSERT INTO core_payloads VALUES ('a', 'payload', :at)"), {"at": stored_at})
    if runs:
        connection.execute(_INSERT, runs)
    assert prune_payloads(connection, timedelta(days=30)) == (not is_kept), what
