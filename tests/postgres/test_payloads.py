"""Payloads beside the histories: what a reference gives is what was stored, and a forged one gives nothing."""

import tracemalloc

import pytest
from sqlalchemy import text
from temporalio.api.common.v1 import Payload
from temporalio.converter import StorageDriverClaim, StorageDriverRetrieveContext, StorageDriverStoreContext

from spine_temporal import ErrorCategory, SpineError
from spine_temporal.recording.payloads import PayloadStore

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
