"""What an attempt needs of its step's limit before it may use a source, and what it tells of one that is busy."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from spine_temporal.definition.errors import ErrorCategory, SourceBusyError, SpineError
from spine_temporal.machine.plan import PlannedLimit
from spine_temporal.recording.database import Database
from spine_temporal.recording.limits import Answer, Lease, Obstacle, ask, close_for, release_lease
from spine_temporal.runtime.attempt import Attempt
from spine_temporal.runtime.metrics import LIMIT_WAITS

#: Failure type of an attempt that its step's limit keeps waiting.
LIMITED = "LIMITED"
#: How long a lease outlasts the time that an attempt may take.
_BEYOND = timedelta(seconds=60)


class LimitedError(SpineError):
    """Raised when an attempt may not use its source yet: it comes again after ``retry_after`` seconds."""

    def __init__(self, limit: PlannedLimit, answer: Answer) -> None:
        super().__init__(_told(limit, answer), ErrorCategory.TRANSIENT, retry_after=answer.wait)


class SourceLimits:
    """The limits of one worker's attempts, which all workers share."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def held(self, attempt: Attempt) -> AsyncIterator[None]:
        """Have a place at the attempt's source in the block; raises ``LimitedError`` where there is none yet.

        Where the block raises that the source is busy, its key is closed for everybody.
        """
        limit = attempt.request.limit
        if limit is None:
            yield
            return
        lease = Lease(
            limit=limit,
            execution_id=attempt.execution.execution_id,
            run_id=attempt.request.key.run_id,
            time=timedelta(seconds=attempt.request.timeout) + _BEYOND,
        )
        given = await asyncio.to_thread(self._ask, lease)
        if given.obstacle is not None:
            LIMIT_WAITS.labels(limit.key, given.obstacle.value).inc()
            raise LimitedError(limit, given)
        pause, reason = timedelta(0), ""
        try:
            yield
        except SpineError as error:
            if error.code == SourceBusyError.CODE:
                pause, reason = timedelta(seconds=error.retry_after or 0), str(error)
            raise
        finally:
            with contextlib.suppress(SpineError):  # Postgres is away: the lease ends with its time, or with its run
                await asyncio.to_thread(self._release, lease, pause, reason)

    def _ask(self, lease: Lease) -> Answer:
        with self._database.begin() as connection:
            return ask(connection, lease)

    def _release(self, lease: Lease, pause: timedelta, reason: str) -> None:
        with self._database.begin() as connection:
            if pause:
                close_for(connection, lease.limit.key, pause, reason=reason)
            release_lease(connection, lease.limit.key, lease.execution_id)


def _told(limit: PlannedLimit, answer: Answer) -> str:
    match answer.obstacle:
        case Obstacle.CLOSED:
            until = f"{answer.closed_until:%Y-%m-%d %H:%M:%S} UTC" if answer.closed_until else "somebody opens it"
            return f"limit {limit.key!r} is closed until {until}"
        case Obstacle.FULL:
            return f"limit {limit.key!r} is full: {limit.concurrency} at once"
        case _:
            return f"limit {limit.key!r} lets {limit.per_second:g} begin in a second: this one in {answer.wait:.1f} s"
