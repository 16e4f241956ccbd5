"""How a run that finds its partition held waits for it, without a worker, until it is its turn."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio import activity

from spine_temporal.definition.busy import OnBusy
from spine_temporal.definition.errors import PartitionBusyError, SpineError
from spine_temporal.definition.params import canonical
from spine_temporal.recording.database import Database
from spine_temporal.recording.partition_queue import (
    QueuePlace,
    Waiter,
    leave_queue,
    place_of,
    wait_in_queue,
)
from spine_temporal.recording.partitions import Claim, claim_of
from spine_temporal.runtime.claims import HeldError
from spine_temporal.runtime.temporal_runs import TemporalRun, TemporalRuns

Answer = TypeVar("Answer")

#: Seconds between two looks of the first that waits, at first and at most.
_FIRST_LOOK, _LAST_LOOK = 0.5, 5.0
#: The same of those behind it: the more are ahead, the longer.
_BEHIND, _FOR_EACH, _LONGEST = 5.0, 2.0, 60.0


class QueuedError(PartitionBusyError):
    """Raised when a run waits for its partition: it asks again after ``retry_after`` seconds."""

    def __init__(self, message: str, again_in: timedelta) -> None:
        super().__init__(message)
        self.retry_after = again_in.total_seconds()


class SupersededError(PartitionBusyError):
    """Raised when a newer start waits in the place of this one, which its policy wants; nothing is wrong."""

    CODE = "SUPERSEDED"

    def __init__(self, waiter: Waiter, newer: str) -> None:
        super().__init__(
            f"{self.CODE}: run {newer}, a newer start of {waiter.key.workflow!r}, waits for partition "
            f"{canonical(dict(waiter.key.partition))} in the place of this one, which had not begun"
        )
        self.metadata["partition"] = dict(waiter.key.partition)


class PartitionQueue:
    """Lets waiting runs have their partitions, in the order in which they came."""

    def __init__(self, database: Database, temporal_runs: TemporalRuns) -> None:
        self._database = database
        self._temporal_runs = temporal_runs

    async def taken(self, waiter: Waiter, take: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return what ``take`` comes to, where it is the run's turn.

        Raises ``QueuedError`` where the run waits on, and ``SupersededError`` where a newer one waits in its place.
        """
        place = await self._place(waiter)
        if place.has_begun:
            return await take()
        if place.superseded_by is not None:
            await asyncio.to_thread(self._leave, waiter.key.run_id)
            raise SupersededError(waiter, place.superseded_by)
        if place.first is not None:
            raise await self._waits(waiter, place, f"workflow {place.first.workflow_id!r}, which came before")
        try:
            return await take()
        except HeldError as held:
            queued = await self._waits(waiter, place, f"workflow {held.holder.workflow_id!r}, which holds it")
            raise queued from None
        except SpineError as error:
            if not error.category.retryable:
                await asyncio.to_thread(self._leave, waiter.key.run_id)
            raise

    async def _waits(self, waiter: Waiter, place: QueuePlace, waits_for: str) -> QueuedError:
        """Keep the run's place, and return what Temporal is told: when to ask again."""
        again_in = asks_again_in(place.ahead, activity.info().attempt)

        def keep() -> Claim | None:
            """Return the holder, where it is to make room."""
            with self._database.begin() as connection:
                since = wait_in_queue(connection, waiter, waits_for=waits_for, again_in=again_in)
                holder = claim_of(connection, waiter.key.recording_domain, waiter.key.partition)
            return holder if holder is not None and _is_to_cancel(waiter, holder, since) else None

        holder = await asyncio.to_thread(keep)
        if holder is not None:
            await self._temporal_runs.cancel(
                holder.workflow_id,
                first_run_id=holder.first_run_id or holder.run_id or "",
                reason=f"{waiter.key.workflow_id} wants its partition",
            )
        behind = f"; {place.ahead} take it before this one" if place.ahead > 1 else ""
        return QueuedError(
            f"waits for partition {canonical(dict(waiter.key.partition))} of {waiter.key.workflow!r}, after "
            f"{waits_for}{behind}",
            again_in,
        )

    async def _place(self, waiter: Waiter) -> QueuePlace:
        """Return where the run stands; those before it that have ended while they waited leave first."""

        def look() -> QueuePlace:
            with self._database.begin() as connection:
                return place_of(connection, waiter.key)

        while True:
            place = await asyncio.to_thread(look)
            if place.first is None or not place.first_is_overdue:
                return place
            if (await self._temporal_runs.of(TemporalRun(**vars(place.first)))).is_open:
                return place
            await asyncio.to_thread(self._leave, place.first.run_id)

    def _leave(self, run_id: str) -> None:
        with self._database.begin() as connection:
            leave_queue(connection, run_id)


def _is_to_cancel(waiter: Waiter, holder: Claim, since: datetime) -> bool:
    """Return whether the holder is to make room: it held the partition when the run came, and this Temporal has it."""
    is_here = holder.run_id is not None and holder.temporal in {None, waiter.temporal}
    return waiter.on_busy is OnBusy.CANCEL_OLDER and is_here and holder.claimed_at <= since


def asks_again_in(ahead: int, asked: int) -> timedelta:
    """Return when a run asks again that has ``asked`` so often, while ``ahead`` others take the partition before it."""
    if not ahead:
        return timedelta(seconds=min(_LAST_LOOK, _FIRST_LOOK * 2.0 ** min(asked - 1, 10)))
    return timedelta(seconds=min(_LONGEST, _BEHIND + _FOR_EACH * ahead))
