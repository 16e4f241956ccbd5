"""A backfill that was started: followed from a program, and changed while it goes on."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection
from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.client.task_queues import WORKFLOW_TASKS, is_polled
from spine_temporal.definition.backfill import PASSING, BackfillStatus
from spine_temporal.definition.errors import ErrorCategory, ParamsError, SpineError
from spine_temporal.operating.backfill.messages import (
    BACKFILL,
    MOST_PARALLEL,
    Change,
    Summary,
    backfill_workflow_id,
)
from spine_temporal.operating.backfill.summary import summary_of
from spine_temporal.recording.audit import record_action
from spine_temporal.recording.backfill_holds import take_back_ended, waiting_for_places
from spine_temporal.recording.backfill_partitions import (
    BackfillPartition,
    all_partitions,
    give_turns_again,
    partition_counts,
)
from spine_temporal.recording.backfills import BackfillRow, backfill_of, lock_backfill, set_backfill
from spine_temporal.recording.database import Database
from spine_temporal.runtime.worker import operating_queue

Answer = TypeVar("Answer")

#: What a worker gets to take a change.
_PATIENCE = timedelta(seconds=20)
#: Seconds that a backfill's last workflow task gets to close it, and between two looks.
_CLOSING, _LOOK = 15.0, 0.2


class BackfillHandle:
    """A backfill that was started."""

    def __init__(self, client: Client, database: Database, backfill_id: str) -> None:
        self.backfill_id = backfill_id
        self._client = client
        self._database = database

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """Its workflow in Temporal."""
        return self._client.get_workflow_handle(backfill_workflow_id(self.backfill_id), result_type=Summary)

    async def summary(self) -> Summary:
        """Return how far it has come, as Postgres knows it; raise ``ParamsError`` where there is no such backfill."""
        return await asyncio.to_thread(in_transaction, self._database, self._summary)

    async def partitions(self) -> list[BackfillPartition]:
        """Return each partition, with its run or the reason why it was not run."""
        return await asyncio.to_thread(
            in_transaction, self._database, lambda connection: all_partitions(connection, self.backfill_id)
        )

    async def is_served(self) -> bool:
        """Return whether a worker asks for the work of the service's backfills."""
        row = await asyncio.to_thread(in_transaction, self._database, self._row)
        return await is_polled(self._client, operating_queue(row.task_queue), WORKFLOW_TASKS)

    async def result(self) -> Summary:
        """Wait until it has ended, and return its counts."""
        found: Summary = await self.handle.result()
        return found

    async def pause(self, *, by: str = "", reason: str = "") -> str:
        """Start nothing new; what runs goes on. Return how it stands then."""
        return await self._change(Change(action="pause", by=by, reason=reason))

    async def set(self, *, max_parallel: int, by: str = "", reason: str = "") -> str:
        """Have more runs at a time, or fewer; none is stopped for it. Return how it stands then."""
        require_parallel(max_parallel)
        return await self._change(Change(action="set", by=by, reason=reason, max_parallel=max_parallel))

    async def cancel(self, *, by: str = "", reason: str = "", runs: bool = False) -> str:
        """Start nothing any more, and end when what runs has ended; with ``runs``, those are cancelled too."""
        return await self._change(Change(action="cancel", by=by, reason=reason, runs=runs))

    async def resume(self, *, by: str = "", reason: str = "") -> str:
        """Go on: after a pause, or after its end with what failed, was cancelled, or was in the way of others.

        Return how it stands then.
        """
        if await self._is_open():
            return await self._change(Change(action="resume", by=by, reason=reason))
        again = await asyncio.to_thread(
            in_transaction, self._database, lambda connection: self._reopened(connection, by, reason)
        )
        await self.go_on()
        told = f"; {again:,} partitions have another turn" if again else ""
        return f"backfill {self.backfill_id} goes on{told}"

    async def go_on(self) -> None:
        """Have the backfill's workflow started, where it has none that is open."""
        row = await asyncio.to_thread(in_transaction, self._database, self._row)
        until = asyncio.get_running_loop().time() + _CLOSING
        while True:
            try:
                await self._client.start_workflow(
                    BACKFILL,
                    self.backfill_id,
                    id=backfill_workflow_id(self.backfill_id),
                    task_queue=operating_queue(row.task_queue),
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                    static_summary=f"{row.workflow}, {row.total:,} partitions",
                )
            except WorkflowAlreadyStartedError:  # the one that has just ended is about to close
                if asyncio.get_running_loop().time() > until:
                    return
                await asyncio.sleep(_LOOK)
            else:
                return

    async def _is_open(self) -> bool:
        """Return whether its workflow is open and does not only wait to be closed."""
        row = await asyncio.to_thread(in_transaction, self._database, self._row)
        if row.status.has_ended:
            return False
        try:
            description = await self.handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return description.close_time is None

    async def _change(self, change: Change) -> str:
        """Have the workflow make the change; raise ``ParamsError`` where it has ended, or nobody takes the change."""
        row = await asyncio.to_thread(in_transaction, self._database, self._row)
        if row.status.has_ended:
            raise ParamsError(f"backfill {self.backfill_id} has ended, so there is nothing to {change.action}")
        given = change.model_dump(exclude_defaults=True, exclude={"action"})
        try:
            return str(await self.handle.execute_update(change.action, given, rpc_timeout=_PATIENCE))
        except WorkflowUpdateFailedError as error:
            raise ParamsError(getattr(error.cause, "message", str(error.cause))) from None
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise SpineError(
                f"no worker has taken it within {_PATIENCE.total_seconds():g} s; one may still do so",
                ErrorCategory.DEPENDENCY,
                advice="start a worker: `spine-temporal worker`",
            ) from None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise ParamsError(
                    f"backfill {self.backfill_id} is not running in Temporal",
                    advice=f"go on with it by `spine-temporal backfill resume {self.backfill_id}`",
                ) from None
            raise

    def _reopened(self, connection: Connection, by: str, reason: str) -> int:
        row = lock_backfill(connection, self.backfill_id)
        if row is None:
            raise _unknown(self.backfill_id)
        is_over = row.status.has_ended or row.status is BackfillStatus.CANCELLING
        again = give_turns_again(connection, self.backfill_id, PASSING) if is_over else 0
        again += take_back_ended(connection, self.backfill_id) + waiting_for_places(connection, self.backfill_id)
        if row.status.has_ended and not again:
            raise ParamsError(f"backfill {self.backfill_id} has ended, and nothing of it is left to do")
        set_backfill(connection, row, status=BackfillStatus.RUNNING)
        record_action(
            connection,
            "backfill resume",
            workflow_id=backfill_workflow_id(self.backfill_id),
            run_id=None,
            by=by,
            reason=reason,
            details={"partitions": again},
        )
        return again

    def _row(self, connection: Connection) -> BackfillRow:
        row = backfill_of(connection, self.backfill_id)
        if row is None:
            raise _unknown(self.backfill_id)
        return row

    def _summary(self, connection: Connection) -> Summary:
        row = self._row(connection)
        return summary_of(row, partition_counts(connection, [row.backfill_id]), datetime.now(UTC))


def require_parallel(count: int) -> None:
    """Raise ``ParamsError`` for a number of runs at a time that is none."""
    if not 1 <= count <= MOST_PARALLEL:
        raise ParamsError(f"{count} runs at a time: it must be a number from 1 to {MOST_PARALLEL:,}")


def _unknown(backfill_id: str) -> ParamsError:
    return ParamsError(f"there is no backfill {backfill_id[:100]!r}", advice="`spine-temporal backfill list` has them")


def in_transaction(database: Database, work: Callable[[Connection], Answer]) -> Answer:
    """Return what the work comes to in a transaction of its own."""
    with database.begin() as connection:
        return work(connection)
