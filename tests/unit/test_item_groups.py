"""The activity of items that go together: when it begins no further one, and what it tells of those it has done."""

import asyncio
import dataclasses
import logging
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from spine_temporal.definition.policies import ErrorPolicy
from spine_temporal.definition.run_key import RunKey
from spine_temporal.machine.plan import PlannedRetry
from spine_temporal.runtime.item_groups import run_group
from spine_temporal.runtime.log_context import LogContext, follow_records, working_on
from spine_temporal.translation.map_messages import ItemAsked, ItemsRequest
from spine_temporal.translation.pipeline_messages import PipelineRequest, StepDone

KEY = RunKey(run_id="run", workflow="w", workflow_id="w/1", domain="d", partition={})
COMMON = PipelineRequest(
    key=KEY,
    step="fan",
    pipeline="p",
    stage="",
    stage_rank=0,
    params={"tier": "OTC", "item": None},
    retry=PlannedRetry(),
    on_error=ErrorPolicy.STOP,
    timeout=10,
    heartbeat_timeout=10,
    is_item=True,
)
REQUEST = ItemsRequest(
    key=KEY,
    step="fan[0-4]",
    common=COMMON,
    items=tuple(ItemAsked(index=index, step=f"fan[{index}]", params={"item": index}) for index in range(5)),
)


async def done(does, attempt=1):
    """Run the group; ``does`` says of an item what it raises, or the output that it gives."""
    environment, asked, beats = ActivityEnvironment(), [], []
    environment.on_heartbeat = lambda: beats.append(len(asked))
    environment.info = dataclasses.replace(environment.info, attempt=attempt)

    async def run(request):
        asked.append(request)
        answer = does(request.params["item"])
        if isinstance(answer, BaseException):
            raise answer
        return StepDone(step=request.step, output=answer)

    group = await environment.run(run_group, REQUEST, run)
    assert beats[: len(group.outcomes)] == [1 + index for index in group.outcomes], "a sign of life with each item"
    return group, asked


def failure(kind, again):
    return ApplicationError("it fails (attempt 1 of 3)", 1, "it fails", type=kind, non_retryable=not again)


def counted():
    """The failure of an attempt that the ledger has counted, and that is to be tried again."""
    return ApplicationError("busy", 1, 3, type="TRANSIENT", next_retry_delay=timedelta(seconds=90))


async def test_each_item_is_a_request_of_its_own_with_the_params_of_all():
    group, asked = await done(lambda item: {"item": item})
    assert [one.step for one in asked] == [f"fan[{index}]" for index in range(5)]
    assert asked[3].params == {"tier": "OTC", "item": 3}
    assert {index: one.output for index, one in group.outcomes.items()} == {
        index: {"item": index} for index in range(5)
    }
    assert group.alone == ()


async def test_what_is_logged_of_an_item_is_its_own_and_not_the_groups():
    follow_records()
    kept = []
    group = LogContext(run_id="run", step="fan[0-4]", trace_id="trace")
    with working_on(group, lambda context, _: kept.append((context.step, context.attempt, context.trace_id))):
        await done(lambda item: logging.getLogger("test").warning("item") or {})
    assert kept == [(f"fan[{index}]", 1, "trace") for index in range(5)]


async def test_an_item_that_fails_for_good_has_failed_and_the_map_says_whether_others_begin():
    group, asked = await done(lambda item: failure("DATA_QUALITY", again=False) if item == 1 else {})
    assert (group.outcomes[1].error, group.outcomes[1].category) == ("it fails", "DATA_QUALITY")
    assert (sorted(group.outcomes), len(asked)) == ([0, 1], 2)


async def test_an_item_that_is_tried_again_ends_the_group_and_goes_on_by_itself():
    group, asked = await done(lambda item: failure("TRANSIENT", again=True) if item == 2 else {})
    assert (sorted(group.outcomes), group.alone, len(asked)) == ([0, 1], (2,), 3)
    assert group.failed_once == {}, "one that was not counted waits for nothing"
    group, _ = await done(lambda item: counted() if item == 2 else {})
    assert (group.alone, group.failed_once[2].attempts, group.failed_once[2].retry_after) == ((2,), 1, 90)


async def test_after_a_lost_worker_each_item_goes_on_by_itself():
    group, asked = await done(lambda item: {}, attempt=2)
    assert (group.outcomes, group.alone, asked) == ({}, (0, 1, 2, 3, 4), [])


async def test_a_group_ends_at_its_time_and_at_the_size_of_its_answer(monkeypatch):
    group, _ = await done(lambda item: {"text": "x" * 50_000})
    assert sorted(group.outcomes) == [0, 1, 2]
    monkeypatch.setattr("spine_temporal.runtime.in_turn.SECONDS", 0)
    group, _ = await done(lambda item: {})
    assert sorted(group.outcomes) == [0]


async def test_what_was_done_before_a_cancellation_is_told():
    group, _ = await done(lambda item: asyncio.CancelledError() if item == 3 else {})
    assert (sorted(group.outcomes), group.alone) == ([0, 1, 2], ())
    with pytest.raises(asyncio.CancelledError):
        await done(lambda item: asyncio.CancelledError())
