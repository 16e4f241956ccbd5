"""``spine.deliver``: sends what is in the outbox, and ends when nothing is left. Workers start it again."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from temporalio import workflow as temporal
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from spine_temporal.operating.notifications.messages import (
    DELIVER,
    GIVE_UP,
    HEARTBEAT,
    ROUTE,
    SEND,
    Dispatch,
    GivenUp,
    Routed,
)

#: Of what only Postgres is needed for.
_RECORDING = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=20))
#: For one attempt of that; it gives no sign of life, so one that was lost with its worker is waited for as long.
_MOMENT = timedelta(seconds=10)
#: Of a channel that does not take a message.
_SENDING = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=5))
#: Seconds for one attempt to send.
_PATIENCE = timedelta(seconds=60)


@temporal.defn(name=DELIVER)
class Deliver:
    """Sends batches side by side: a channel that is away keeps back none of another."""

    def __init__(self) -> None:
        self._is_woken = False
        self._sending: dict[UUID, asyncio.Task[None]] = {}

    @temporal.signal(description="Look into the outbox")
    def wake(self) -> None:
        """Look again: something has come."""
        self._is_woken = True

    @temporal.run
    async def run(self) -> None:
        """Route and send until nothing is left."""
        while True:
            self._is_woken = False
            routed: Routed = await temporal.execute_activity(
                ROUTE, result_type=Routed, start_to_close_timeout=_MOMENT, retry_policy=_RECORDING
            )
            for dispatch in routed.dispatches:
                if dispatch.batch_id not in self._sending:
                    self._sending[dispatch.batch_id] = asyncio.create_task(self._send(dispatch))
            if not self._sending and routed.next_in is None and not self._is_woken:
                return
            with suppress(TimeoutError):
                await temporal.wait_condition(lambda: self._is_woken or self._is_any_done(), timeout=routed.next_in)
            self._sending = {batch: task for batch, task in self._sending.items() if not task.done()}
            if temporal.info().is_continue_as_new_suggested():
                await self._go_on_anew()

    def _is_any_done(self) -> bool:
        return any(task.done() for task in self._sending.values())

    async def _go_on_anew(self) -> None:
        """Go on in a new history: what was being sent is sent again there, under the same id."""
        for task in self._sending.values():
            task.cancel()
        await asyncio.gather(*self._sending.values(), return_exceptions=True)
        temporal.continue_as_new()

    async def _send(self, dispatch: Dispatch) -> None:
        try:
            await temporal.execute_activity(
                SEND,
                dispatch,
                start_to_close_timeout=_PATIENCE,
                heartbeat_timeout=timedelta(seconds=HEARTBEAT),
                schedule_to_close_timeout=timedelta(seconds=dispatch.give_up_after),
                retry_policy=_SENDING,
                summary=f"to {dispatch.channel}"[:200],
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            await self._give_up(dispatch, error)

    async def _give_up(self, dispatch: Dispatch, error: ActivityError) -> None:
        cause = error.cause if isinstance(error.cause, FailureError) else error
        given_up = GivenUp(batch_id=dispatch.batch_id, channel=dispatch.channel, error=cause.message)
        await temporal.execute_activity(GIVE_UP, given_up, start_to_close_timeout=_MOMENT, retry_policy=_RECORDING)
