"""Tends a backfill: gives each free place to a partition's run, and waits for the runs' ends."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.definition.backfill import BackfillPartitionStatus as Status
from spine_temporal.definition.backfill import SkipReason
from spine_temporal.definition.errors import ErrorCategory, PartitionBusyError, SpineError
from spine_temporal.operating.backfill.messages import Tended
from spine_temporal.operating.backfill.partition_runs import PartitionRuns, TurnEnd
from spine_temporal.operating.backfill.turns import Turns, give_turns
from spine_temporal.recording.backfill_partitions import BackfillPartition, record_ended
from spine_temporal.recording.backfills import BackfillRow, backfill_of
from spine_temporal.recording.database import Database
from spine_temporal.runtime.metrics import BACKFILL_PARTITIONS

_log = logging.getLogger(__name__)

#: Seconds after which a backfill is looked at again though no run has ended: somebody may have changed it.
_LOOK = 1.0
#: Answers of Temporal that are the same however often it is asked.
_REFUSALS = {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.NOT_FOUND}


class Tending:
    """Tends one backfill. Several at once, as after a worker that only seemed dead, do no harm.

    A place is given in Postgres before its run is started, and given back when the run has ended; what is started is
    named after the turn. So a second one that tends finds the same places and waits for the same runs.
    """

    def __init__(self, backfill_id: str, database: Database, runs: PartitionRuns) -> None:
        self._backfill_id = backfill_id
        self._database = database
        self._runs = runs
        self._places: dict[int, asyncio.Task[None]] = {}

    async def tend(self, stopping: Callable[[], Awaitable[None]]) -> Tended:
        """Go on until nothing of the backfill runs: it has ended, or is paused; or until ``stopping`` returns.

        Raises ``SpineError`` and ``RPCError`` where Postgres or Temporal is away, to be called again.
        """
        await asyncio.to_thread(self._require_workflow)
        stop = asyncio.ensure_future(stopping())
        try:
            while True:
                turns = await asyncio.to_thread(give_turns, self._database, self._backfill_id)
                self._attend(turns)
                if not self._places or stop.done():
                    return Tended(status=turns.backfill.status, is_idle=not self._places)
                await asyncio.wait([*self._places.values(), stop], timeout=_LOOK, return_when=asyncio.FIRST_COMPLETED)
                self._leave()
        finally:
            await _cancel([stop, *self._places.values()])

    def _require_workflow(self) -> None:
        """Raise where this worker does not know the workflow, so that another one tends: no turn is lost to it."""
        with self._database.begin() as connection:
            row = backfill_of(connection, self._backfill_id)
        if row is not None:
            self._runs.require(row.workflow)

    def _attend(self, turns: Turns) -> None:
        for skip in turns.skipped:
            BACKFILL_PARTITIONS.labels(turns.backfill.workflow, skip.reason).inc()
        for position in turns.held:
            if position in self._places:
                self._places.pop(position).cancel()
        for row in turns.running:
            if row.position not in self._places:
                self._places[row.position] = asyncio.create_task(self._one(turns.backfill, row))

    def _leave(self) -> None:
        """Forget the places whose turn has ended; raises what has hindered one."""
        for position, task in list(self._places.items()):
            if task.done():
                del self._places[position]
                task.result()

    async def _one(self, backfill: BackfillRow, row: BackfillPartition) -> None:
        end = await self._turn(backfill, row)
        if await asyncio.to_thread(self._record, row, end):
            BACKFILL_PARTITIONS.labels(backfill.workflow, end.reason or end.status).inc()

    async def _turn(self, backfill: BackfillRow, row: BackfillPartition) -> TurnEnd:
        """Have the partition run, and return how its turn ended."""
        try:
            run_id = await self._runs.begin(backfill, row)
            return await self._runs.end(row.workflow_id or "", run_id)
        except (PartitionBusyError, WorkflowAlreadyStartedError) as error:
            return TurnEnd(status=Status.SKIPPED, reason=SkipReason.BUSY, detail=str(error))
        except SpineError as error:
            if error.category.retryable:
                raise
            return _refused(error.category, str(error))
        except RPCError as error:
            if error.status not in _REFUSALS:
                raise
            return _refused(ErrorCategory.CONFIGURATION, f"Temporal refuses it ({error.status.name}): {error.message}")
        except Exception as error:  # noqa: BLE001 - the other partitions must not wait for ever because of this one
            _log.exception("backfill %s: partition %s cannot be run", backfill.backfill_id, row.partition_key)
            told = f"{type(error).__name__}: {error}"
            return TurnEnd(status=Status.FAILED, detail=told, category=ErrorCategory.INTERNAL.value)

    def _record(self, row: BackfillPartition, end: TurnEnd) -> bool:
        with self._database.begin() as connection:
            return record_ended(
                connection,
                self._backfill_id,
                row,
                end.status,
                run_id=end.run_id,
                reason=end.reason,
                detail=end.detail,
                category=end.category,
            )


def _refused(category: ErrorCategory, message: str) -> TurnEnd:
    return TurnEnd(status=Status.SKIPPED, reason=SkipReason.REFUSED, detail=message, category=category.value)


async def _cancel(tasks: "list[asyncio.Task[None] | asyncio.Future[None]]") -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task
