"""Who may work on a partition: claims are kept in Postgres, and Temporal says whether their runs are still open."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from spine_temporal.definition.errors import ErrorCategory, PartitionBusyError, SpineError
from spine_temporal.recording.database import Database
from spine_temporal.recording.partitions import Holder, holder_of, regain, release
from spine_temporal.runtime.holders import Standing, Standings
from spine_temporal.runtime.left_behind import leave_behind

Answer = TypeVar("Answer")

#: Times that a claim is tried while holders that have ended are cleared away.
_TRIES = 3


class ClaimLostError(SpineError):
    """Raised when a run's step meets a partition that the run does not hold."""

    def __init__(self) -> None:
        super().__init__("the run does not hold its partition any more", ErrorCategory.PARTITION_BUSY)


class Claims:
    """Claims and takes over; a run that Temporal has closed holds nothing."""

    def __init__(self, database: Database, standings: Standings) -> None:
        self._database = database
        self.standings = standings

    async def settle(self, attempt: Callable[[], Answer | Holder]) -> Answer:
        """Return what ``attempt`` comes to; each closed run that it names as the holder is cleared away first.

        Raises ``PartitionBusyError`` for one that is open.
        """
        for _ in range(_TRIES):
            answer = await asyncio.to_thread(attempt)
            if not isinstance(answer, Holder):
                return answer
            standing = await self.standings.of(answer.workflow_id, answer.run_id, answer.temporal)
            if standing.is_open:
                raise _busy(answer)
            await asyncio.to_thread(self._clear, answer, standing)
        raise SpineError("the partition changed hands while it was claimed", ErrorCategory.TRANSIENT)

    async def regain(
        self,
        domain: str,
        partition: Mapping[str, Any],
        *,
        workflow_id: str,
        run_id: str,
        asked_by: str,
        temporal_run_id: str,
    ) -> None:
        """Hold the partition again for a run that was reset after it had ended; ``asked_by`` may be its map's part.

        Raises ``ClaimLostError`` where the run itself is closed: this is what is left of it.
        """
        own = await self.standings.of(asked_by, temporal_run_id, None)
        if not own.is_open:
            raise ClaimLostError

        def attempt() -> bool | Holder:
            with self._database.begin() as connection:
                if regain(connection, domain, partition, workflow_id=workflow_id, run_id=run_id):
                    return True
                holder = holder_of(connection, domain, partition)
                if holder is None:
                    raise SpineError("the partition is just being given back", ErrorCategory.TRANSIENT)
                return holder

        await self.settle(attempt)

    def _clear(self, holder: Holder, standing: Standing) -> None:
        leave_behind(self._database, holder.run_id, standing)
        with self._database.begin() as connection:
            release(connection, holder.domain, holder.partition, holder.run_id)


def _busy(holder: Holder) -> PartitionBusyError:
    return PartitionBusyError(
        f"partition {dict(holder.partition)} of {holder.domain.removeprefix('workflow.')!r} is held by workflow "
        f"{holder.workflow_id!r}, run {holder.run_id}: wait for it, or cancel it"
    )
