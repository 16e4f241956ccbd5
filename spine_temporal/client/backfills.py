"""Backfills from a program: planned, started, found."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection
from temporalio.client import Client

from spine_temporal.client.backfill_handle import BackfillHandle, in_transaction, require_parallel
from spine_temporal.definition.backfill import BackfillPartitionStatus, Reprocess
from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.over import Over, over_of
from spine_temporal.definition.workflow import Workflow
from spine_temporal.operating.backfill.messages import Summary
from spine_temporal.operating.backfill.planning import planned
from spine_temporal.operating.backfill.summary import summary_of
from spine_temporal.operating.backfill.turns import resumed_of, skip_of
from spine_temporal.recording.backfill_partitions import BackfillPartition, insert_partitions, partition_counts
from spine_temporal.recording.backfills import BackfillRow, insert_backfill, list_backfills
from spine_temporal.recording.database import Database
from spine_temporal.recording.partition_states import PartitionState, partition_states


@dataclass(frozen=True, kw_only=True)
class BackfillPlan:
    """What a backfill would do, as its partitions stand now."""

    workflow: Workflow
    over: Over
    params: Mapping[str, Any]
    reprocess: Reprocess
    partitions: Sequence[BackfillPartition]
    #: The same partitions with what is known now: skipped ones with the reason, others with the run to resume.
    seen: Sequence[BackfillPartition]


class Backfills:
    """The backfills of one service."""

    def __init__(self, client: Client, database: Database, *, task_queue: str) -> None:
        self._client = client
        self._database = database
        self._task_queue = task_queue

    async def plan(
        self,
        workflow: Workflow,
        over: Over | Mapping[str, str | Sequence[Any]],
        *,
        params: Mapping[str, Any] | None = None,
        reprocess: Reprocess | str = Reprocess.FAILED,
        newest_first: bool = False,
    ) -> BackfillPlan:
        """Return what a backfill would do now; raise ``ParamsError`` for what cannot be."""
        if reprocess not in set(Reprocess):
            raise ParamsError(f"reprocess must be one of {', '.join(Reprocess)}, not {reprocess!r}")
        reprocess = Reprocess(reprocess)
        over = over if isinstance(over, Over) else over_of(over)
        common = dict(params or {})
        for name in (axis.name for axis in over.axes):
            if name in common:
                raise ParamsError(f"param {name!r} is given by over, and cannot be one that all runs have in common")
        rows = planned(workflow, over, common, newest_first=newest_first)
        seen = await asyncio.to_thread(
            in_transaction, self._database, lambda connection: _seen(connection, workflow, rows, reprocess)
        )
        return BackfillPlan(
            workflow=workflow, over=over, params=common, reprocess=reprocess, partitions=rows, seen=seen
        )

    async def start(self, plan: BackfillPlan, *, max_parallel: int = 4, by: str = "") -> BackfillHandle:
        """Write the backfill, start it, and return it. Killed between the two, ``resume`` of it starts it."""
        require_parallel(max_parallel)
        write = partial(write_backfill, plan=plan, max_parallel=max_parallel, task_queue=self._task_queue, by=by)
        handle = self.of(await asyncio.to_thread(in_transaction, self._database, write))
        await handle.go_on()
        return handle

    def of(self, backfill_id: str) -> BackfillHandle:
        """Return a backfill by its id, which is not looked for."""
        return BackfillHandle(self._client, self._database, backfill_id)

    async def list(self, *, workflow: str | None = None, limit: int = 20) -> Sequence[tuple[BackfillRow, Summary]]:
        """Return backfills, newest first, each with how far it has come."""
        return await asyncio.to_thread(
            in_transaction, self._database, lambda connection: _listed(connection, workflow, limit)
        )


def write_backfill(connection: Connection, plan: BackfillPlan, *, max_parallel: int, task_queue: str, by: str) -> str:
    """Write a backfill with its partitions, and return its id."""
    backfill_id = secrets.token_hex(4)
    insert_backfill(
        connection,
        backfill_id=backfill_id,
        workflow=plan.workflow.name,
        domain=plan.workflow.domain,
        over=plan.over.told,
        params=plan.params,
        reprocess=plan.reprocess.value,
        max_parallel=max_parallel,
        task_queue=task_queue,
        total=len(plan.partitions),
        by=by,
    )
    insert_partitions(connection, backfill_id, plan.partitions)
    return backfill_id


def _seen(
    connection: Connection, workflow: Workflow, rows: Sequence[BackfillPartition], reprocess: Reprocess
) -> list[BackfillPartition]:
    """Return the partitions with what would become of each now."""
    states = partition_states(connection, workflow.name, [row.partition_key or {} for row in rows])
    today = datetime.now(UTC).date()
    return [_with_outlook(row, state, reprocess, today) for row, state in zip(rows, states, strict=True)]


def _with_outlook(
    row: BackfillPartition, state: PartitionState, reprocess: Reprocess, today: date
) -> BackfillPartition:
    if row.reason is not None:
        return row
    skip = skip_of(row, state, reprocess, today)
    if skip is None:
        return replace(row, resumes=resumed_of(row, state, reprocess))
    skipped = BackfillPartitionStatus.SKIPPED
    return replace(row, status=skipped, reason=skip.reason, detail=skip.detail, run_id=skip.run_id)


def _listed(connection: Connection, workflow: str | None, limit: int) -> list[tuple[BackfillRow, Summary]]:
    rows = list_backfills(connection, workflow=workflow, limit=limit)
    counts = partition_counts(connection, [row.backfill_id for row in rows])
    now = datetime.now(UTC)
    return [(row, summary_of(row, [one for one in counts if one.backfill_id == row.backfill_id], now)) for row in rows]
