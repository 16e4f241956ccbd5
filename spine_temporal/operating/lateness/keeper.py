"""The product's own schedule, which has deadlines judged: made by an apply, and by each worker that has a deadline."""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

from temporalio import client as temporal
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.definition.schedule import OWN
from spine_temporal.operating.lateness.messages import LATENESS, LatenessRequest
from spine_temporal.operating.schedules.applied import MARK, id_prefix

_log = logging.getLogger(__name__)

#: The schedule's name: as each of the product's own, it is in no list of the user's.
NAME = f"{OWN}lateness"
#: How often deadlines are judged, and so by how much a late partition may be told late.
INTERVAL = timedelta(minutes=5)
#: Seconds until a worker looks after it: one that ends before, as a test's or one that cannot work, makes none.
_SETTLED = 30.0
#: Seconds until a Temporal that did not answer is asked again.
_AGAIN = 30.0


def judging_schedule(task_queue: str) -> temporal.Schedule:
    """Return the schedule; one that waits for a worker is enough, as it judges all that was due until it begins."""
    return temporal.Schedule(
        action=temporal.ScheduleActionStartWorkflow(
            LATENESS, LatenessRequest(), id=f"{id_prefix(task_queue)}{NAME}", task_queue=task_queue
        ),
        spec=temporal.ScheduleSpec(intervals=[temporal.ScheduleIntervalSpec(every=INTERVAL)]),
        policy=temporal.SchedulePolicy(overlap=temporal.ScheduleOverlapPolicy.SKIP, catchup_window=INTERVAL),
    )


async def keep_judging(client: temporal.Client, task_queue: str) -> bool:
    """Make the schedule, or make it as it must be; return whether there was something to do.

    Whether it is paused stays as an operator has left it.
    """
    wanted = judging_schedule(task_queue)
    identity = f"{id_prefix(task_queue)}{NAME}"
    try:
        await client.create_schedule(identity, wanted, memo={MARK: NAME})
    except temporal.ScheduleAlreadyRunningError:
        handle = client.get_schedule_handle(identity)
        known = (await handle.describe()).schedule
        if (known.spec.intervals, known.policy) == (wanted.spec.intervals, wanted.policy):
            return False
        await handle.update(
            lambda given: temporal.ScheduleUpdate(dataclasses.replace(wanted, state=given.description.schedule.state))
        )
    return True


async def stop_judging(client: temporal.Client, task_queue: str) -> None:
    """Remove the schedule, where it is there: the service has no deadline any more."""
    try:
        await client.get_schedule_handle(f"{id_prefix(task_queue)}{NAME}").delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


@contextlib.asynccontextmanager
async def judging(client: temporal.Client, task_queue: str, *, has_deadlines: bool) -> AsyncIterator[None]:
    """Make sure, while the block runs, that the schedule is there, where the service has deadlines."""
    keeper = asyncio.create_task(_kept(client, task_queue)) if has_deadlines else None
    try:
        yield
    finally:
        if keeper is not None:
            keeper.cancel()


async def _kept(client: temporal.Client, task_queue: str) -> None:
    await asyncio.sleep(_SETTLED)
    while True:
        try:
            await keep_judging(client, task_queue)
        except RPCError as error:  # Temporal is away, or does not let us
            _log.debug("the schedule of deadlines is not looked after: %s", error)
            await asyncio.sleep(_AGAIN)
        else:
            return
