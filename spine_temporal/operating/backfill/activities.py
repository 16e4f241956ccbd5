"""What a backfill's workflow has done: its runs tended, its changes written, its counts read."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from spine_temporal.definition.errors import SpineError
from spine_temporal.operating.backfill.changing import apply_change
from spine_temporal.operating.backfill.messages import CHANGE, SUMMARY, TEND, ChangeRequest, Summary, Tended
from spine_temporal.operating.backfill.partition_runs import PartitionRuns
from spine_temporal.operating.backfill.summary import summary_of
from spine_temporal.operating.backfill.tending import Tending
from spine_temporal.recording.backfill_partitions import partition_counts, running_partitions
from spine_temporal.recording.backfills import backfill_of
from spine_temporal.recording.database import Database
from spine_temporal.runtime.definitions import Definitions

#: Seconds between two signs of life; the workflow gives the tending to another worker after five times as many.
HEARTBEAT = 3.0


class BackfillActivities:
    """The activities of backfills, bound to one worker's client, database and definitions."""

    def __init__(self, client: Client, database: Database, definitions: Definitions) -> None:
        self._client = client
        self._database = database
        self._runs = PartitionRuns(client, database, definitions)

    @property
    def all(self) -> list[Callable[..., Any]]:
        """The activities."""
        return [self.tend, self.change, self.summary]

    @activity.defn(name=TEND)
    async def tend(self, backfill_id: str) -> Tended:
        """Tend the backfill until it has ended, is paused and nothing of it runs, or the worker stops."""
        beating = asyncio.create_task(_beat())
        try:
            return await Tending(backfill_id, self._database, self._runs).tend(activity.wait_for_worker_shutdown)
        except SpineError as error:
            raise _failure(error) from None
        finally:
            beating.cancel()

    @activity.defn(name=CHANGE)
    async def change(self, request: ChangeRequest) -> str:
        """Write what an operator wants, and return how the backfill stands then."""
        try:
            told = await asyncio.to_thread(self._change, request)
        except SpineError as error:
            raise _failure(error) from None
        if request.change.action == "cancel" and request.change.runs:
            await self._cancel_runs(request)
        return told

    @activity.defn(name=SUMMARY)
    async def summary(self, backfill_id: str) -> Summary:
        """Return how far the backfill has come."""
        return await asyncio.to_thread(self._summary, backfill_id)

    def _change(self, request: ChangeRequest) -> str:
        with self._database.begin() as connection:
            return apply_change(connection, request.backfill_id, request.change)

    async def _cancel_runs(self, request: ChangeRequest) -> None:
        for workflow_id, run_id in await asyncio.to_thread(self._running, request.backfill_id):
            with contextlib.suppress(RPCError):  # it has just ended
                await self._client.get_workflow_handle(workflow_id, run_id=run_id).cancel(reason=request.change.told)

    def _running(self, backfill_id: str) -> list[tuple[str, str | None]]:
        with self._database.begin() as connection:
            return [(row.workflow_id or "", row.run_id) for row in running_partitions(connection, backfill_id)]

    def _summary(self, backfill_id: str) -> Summary:
        with self._database.begin() as connection:
            row = backfill_of(connection, backfill_id)
            if row is None:
                raise ApplicationError(f"there is no backfill {backfill_id!r}", non_retryable=True)
            return summary_of(row, partition_counts(connection, [backfill_id]), datetime.now(UTC))


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(HEARTBEAT)


def _failure(error: SpineError) -> ApplicationError:
    return ApplicationError(str(error), type=error.category.value, non_retryable=not error.category.retryable)
