"""Which lost workflow tasks count as workers that a step has lost within one, and how many it may lose."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from uuid import uuid4

import pytest
from temporalio.testing import ActivityEnvironment

from spine_temporal.machine.plan import PlannedRetry
from spine_temporal.runtime import lost_workers
from spine_temporal.runtime.lost_workers import LostTooOftenError, LostWorkers


def attempt(**more):
    request = {"task_may_repeat": True, "is_brief": False, "retry": PlannedRetry(max_attempts=1), "step": "s"}
    return SimpleNamespace(
        execution=SimpleNamespace(execution_id=uuid4()),
        request=SimpleNamespace(**(request | more), key=SimpleNamespace(run_id="run")),
    )


@pytest.fixture
def lost(monkeypatch):
    """How many were counted; each look says that the task was begun before."""
    counted = []

    async def repeats():
        return True

    def count(_database, execution):
        counted.append(execution)
        return len(counted)

    monkeypatch.setattr(lost_workers, "_repeats_its_task", repeats)
    monkeypatch.setattr(lost_workers, "_counted", count)
    return counted


async def counted(workers, one):
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, is_local=True)
    await environment.run(workers.count, one)


async def test_a_local_step_has_lost_its_worker_with_its_task_but_for_one_that_the_worker_has_outlived(lost):
    workers, one = LostWorkers(None), attempt()
    await counted(workers, one)
    assert len(lost) == 1
    await counted(workers, one)  # here again: what ended the task before was not this worker's end
    assert len(lost) == 1


async def test_a_brief_step_loses_no_worker_and_neither_does_a_task_that_begins_first(lost):
    for harmless in (attempt(is_brief=True), attempt(task_may_repeat=False)):
        await counted(LostWorkers(None), harmless)
    assert lost == []


async def test_a_local_step_may_lose_three_workers(lost):
    one = attempt()
    for _ in range(2):
        await counted(LostWorkers(None), one)
    with pytest.raises(LostTooOftenError, match="WORKER_LOST: 3 attempts"):
        await asyncio.wait_for(counted(LostWorkers(None), one), 10)
