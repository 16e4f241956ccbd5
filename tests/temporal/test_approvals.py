"""A gate that names who may decide is decided by them alone, and each decision is a row with what was seen."""

import asyncio
from uuid import uuid4

import pytest

from spine_temporal import ParamsError
from spine_temporal.client.why import reasons
from tests.temporal import vocabulary
from tests.temporal.approved import APPROVED
from tests.temporal.test_held_gates import held
from tests.temporal.test_vocabulary import replays

pytestmark = pytest.mark.xdist_group("approvals")
SEEN = [
    {"check": "overall", "value": None, "threshold": None, "passed": False},
    {"check": "rows", "value": 1, "threshold": 2, "passed": False},
]
BY = {"reason": "a short week", "evidence": "ticket 7"}


@pytest.fixture
async def service(serve):
    async with serve(APPROVED, vocabulary.STRICT, in_process=True) as running:
        yield running


def decisions(service, handle):
    return service.rows(
        "SELECT action, by, identity, evidence, is_final, seen FROM core_decisions WHERE workflow_id = :id "
        "ORDER BY round, number",
        id=handle.workflow_id,
    )


async def told(service, handle, *kinds):
    """Come back when all of these kinds have been told; return what there is."""
    rows = []
    for _ in range(600):
        rows = service.rows(
            "SELECT kind, message FROM core_outbox WHERE workflow_id = :id ORDER BY created_at", id=handle.workflow_id
        )
        if {*kinds} <= {kind for kind, _ in rows}:
            return rows
        await asyncio.sleep(0.05)
    raise AssertionError(rows)


async def test_two_of_the_approvers_decide_with_evidence_while_the_gate_makes_itself_heard(service):
    handle = await service.client.start(APPROVED, {"test": uuid4().hex})
    await held(handle)
    with pytest.raises(ParamsError, match="step 'check' asks for evidence"):
        await handle.decide("waive", "check", by="ann", reason="known")
    with pytest.raises(ParamsError, match=r"is decided by ann, .*; the sender is 'mallory'"):
        await handle.decide("waive", "check", by="mallory", **BY)
    [reason] = await reasons(service.client.client, handle)
    assert reason.text.endswith("; ann, *@finance.example decide; a waiver needs evidence and a second person")
    said = await handle.decide("waive", "check", by="ann", **BY)
    assert said == "ann wants to waive check; a second person decides the same: `spine-temporal waive`"
    assert await handle.decide("waive", "check", by="ann", **BY) == said  # one person is not two
    await told(service, handle, "held", "reminder", "escalated")
    assert await handle.decide("waive", "check", by="bob@finance.example", **BY) == (
        "check waived by ann and bob@finance.example: a short week"
    )
    result = await asyncio.wait_for(handle.result(), 60)
    assert (result.status, result.completed_steps) == ("COMPLETED", ["ingest", "check", "after"])
    assert decisions(service, handle) == [
        ("waive", "ann", "told", "ticket 7", False, SEEN),
        ("waive", "ann", "told", "ticket 7", False, SEEN),
        ("waive", "bob@finance.example", "told", "ticket 7", True, SEEN),
    ]
    rows = await told(service, handle, "decided")
    messages = {message for _, message in rows}
    assert "ann wants to waive it (a short week); a second person is to decide the same" in messages
    asks = "(ann, *@finance.example decide; a waiver needs evidence and a second person)"
    assert ("held", f"1 rows are too few {asks}") in rows
    assert f"it waits since 0:00:01: 1 rows are too few {asks}" in messages
    assert ("decided", "check waived by ann and bob@finance.example: a short week") in rows
    await replays(handle)


async def test_what_overrules_nothing_needs_one_approver(service):
    handle = await service.client.start(APPROVED, {"test": uuid4().hex})
    await held(handle)
    await handle.decide("waive", "check", by="ann", **BY)
    await handle.decide("abort", "check", by="ann", reason="a wrong file")
    result = await asyncio.wait_for(handle.result(), 60)
    assert (result.status, result.error_step) == ("FAILED", "check")
    assert [row[:2] + row[4:5] for row in decisions(service, handle)] == [
        ("waive", "ann", False),
        ("abort", "ann", True),
    ]


async def test_a_gate_that_asks_nothing_is_decided_by_anybody_and_that_is_a_row_too(service):
    handle = await service.client.start(vocabulary.STRICT, {"test": uuid4().hex}, on_gate_failure="hold")
    await held(handle)
    await handle.handle.execute_update("waive", {"step": "check", "by": "eve", "reason": "by the Web UI"})
    assert (await asyncio.wait_for(handle.result(), 60)).status == "COMPLETED"
    assert decisions(service, handle) == [("waive", "eve", "told", None, True, SEEN)]
