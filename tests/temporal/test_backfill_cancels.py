"""A backfill that Temporal is asked to cancel hears it wherever it waits: it starts nothing more, and ends by itself.

Its activities are made to last until the cancel has come.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity, workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from spine_temporal.definition.backfill import BackfillStatus
from spine_temporal.operating.backfill.messages import CHANGE, SUMMARY, TEND, ChangeRequest, Summary, Tended
from spine_temporal.operating.backfill.workflow import BackfillWorkflow


class Lasting:
    """Activities of which one lasts until it is let go on."""

    def __init__(self, where):
        self.where, self.lasts, self.go_on = where, asyncio.Event(), asyncio.Event()
        #: What was changed, in order; how often it was tended, or that began anew.
        self.changes, self.tended = [], 0

    @property
    def all(self):
        return [self.tend, self.change, self.summary]

    @activity.defn(name=TEND)
    async def tend(self, _: str) -> Tended:
        self.tended += 1
        if self.where == "tended":
            await self._last()
        if self.where == "continued" and self.tended == 1:
            await self._last_when_cancelled()
        if "cancel" in self.changes:
            return Tended(status=BackfillStatus.CANCELLED, is_idle=True)
        if self.where == "idle":
            return Tended(status=BackfillStatus.PAUSED, is_idle=True)
        return Tended(status=BackfillStatus.COMPLETED, is_idle=True)

    @activity.defn(name=CHANGE)
    async def change(self, request: ChangeRequest) -> str:
        self.changes.append(request.change.action)
        if self.where == "changed" and request.change.action == "set":
            await self._last()
        return request.change.told

    @activity.defn(name=SUMMARY)
    async def summary(self, backfill_id: str) -> Summary:
        if self.where == ("idle" if activity.info().is_local else "counted") and "cancel" not in self.changes:
            await self._last()
        status = BackfillStatus.RUNNING
        return Summary(backfill_id=backfill_id, workflow="w", status=status, total=1, max_parallel=1)

    async def _last(self):
        self.lasts.set()
        while not self.go_on.is_set():
            if not activity.info().is_local:
                activity.heartbeat()
            await asyncio.sleep(0.05)

    async def _last_when_cancelled(self):
        with suppress(asyncio.CancelledError):
            while True:
                activity.heartbeat()
                await asyncio.sleep(0.05)
        self.lasts.set()
        await self.go_on.wait()


@pytest.mark.parametrize("where", ["tended", "continued", "idle", "changed", "counted"])
async def test_a_cancel_is_heard_wherever_the_backfill_waits(temporal, monkeypatch, where):
    lasting, name = Lasting(where), f"cancels-{uuid4().hex[:8]}"
    # A long history, for as long as the first worker tends it.
    monkeypatch.setattr(
        workflow.Info,
        "is_continue_as_new_suggested",
        lambda info: where == "continued" and info.continued_run_id is None and lasting.tended > 0,
    )
    async with Worker(
        temporal,
        task_queue=name,
        workflows=[BackfillWorkflow],
        activities=lasting.all,
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_heartbeat_throttle_interval=timedelta(seconds=0.1),
        default_heartbeat_throttle_interval=timedelta(seconds=0.1),
    ):
        backfill = await temporal.start_workflow(BackfillWorkflow.run, "b1", id=name, task_queue=name)
        changing = backfill.execute_update("set", {"max_parallel": 2}) if where in {"changed", "continued"} else None
        changed = None if changing is None else asyncio.create_task(changing)
        try:
            await asyncio.wait_for(lasting.lasts.wait(), 30)
            await backfill.cancel()
            await asyncio.wait_for(_heard(lasting), 30)
        finally:
            lasting.go_on.set()
        await asyncio.wait_for(temporal.get_workflow_handle(name).result(), 30)
        assert changed is None or await changed == "changed by somebody"
    assert lasting.changes.count("cancel") == 1


async def _heard(lasting):
    while "cancel" not in lasting.changes:  # noqa: ASYNC110 - another task makes it true
        await asyncio.sleep(0.05)
