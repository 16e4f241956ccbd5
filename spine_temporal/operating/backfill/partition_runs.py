"""The run of one partition of a backfill: begun once, and waited for until its end is in Postgres."""

import asyncio
import hashlib
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pydantic import ValidationError
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.definition.backfill import BackfillPartitionStatus as Status
from spine_temporal.definition.backfill import Reprocess, SkipReason
from spine_temporal.definition.busy import OnBusy
from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.definition.workflow import Workflow
from spine_temporal.operating.backfill.messages import PRIORITY
from spine_temporal.operating.backfill.starting import start_run
from spine_temporal.recording.backfill_partitions import BackfillPartition, record_started
from spine_temporal.recording.backfills import BackfillRow
from spine_temporal.recording.database import Database
from spine_temporal.recording.runs import RunRow, run_of
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.namespace import NamespaceAttributes
from spine_temporal.runtime.orphaned_runs import close_orphaned_run, temporal_run_of
from spine_temporal.runtime.resets import Resets
from spine_temporal.runtime.resume_run import checked_options, resume_run
from spine_temporal.runtime.temporal_runs import TemporalRuns
from spine_temporal.translation.search_attributes import BACKFILL, of_run


@dataclass(frozen=True, kw_only=True)
class TurnEnd:
    """How a partition's turn ended; ``run_id``: the run that is told of."""

    status: Status
    run_id: str | None = None
    reason: SkipReason | None = None
    detail: str | None = None
    category: str | None = None


class PartitionRuns:
    """Begins and awaits runs, with what a worker has."""

    def __init__(self, client: Client, database: Database, definitions: Definitions) -> None:
        self._client = client
        self._database = database
        self._definitions = definitions
        self._temporal_runs = TemporalRuns(client)
        self._resets = Resets(client)
        self._attributes = NamespaceAttributes(client)

    def require(self, workflow: str) -> None:
        """Raise ``SpineError``, to be tried elsewhere, where the worker's modules do not have the workflow."""
        if workflow not in self._definitions.workflows:
            raise SpineError(f"this worker's modules have no workflow {workflow!r}", ErrorCategory.DEPENDENCY)

    async def begin(self, backfill: BackfillRow, row: BackfillPartition) -> str:
        """Have the partition's run begun in Temporal, and return its id; a second call returns the same.

        Raises ``SpineError`` where it is refused, or another run is open.
        """
        if row.run_id is not None:
            return row.run_id
        if row.resumes is not None:
            run_id = await self._resumed(backfill, row, row.resumes)
        else:
            run_id = await self._started(backfill, row)
        await asyncio.to_thread(self._record_started, backfill, row, run_id)
        return run_id

    async def end(self, workflow_id: str, run_id: str) -> TurnEnd:
        """Wait until the run has ended, in Temporal and in Postgres, and return how.

        One that was reset while it worked goes on as the newest run of its id.
        """
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        while True:
            answer = await _answer_of(handle)
            row = await asyncio.to_thread(self._run, run_id)
            if row is None:
                return end_without_row(answer)
            if row.has_ended:
                return end_of_row(row)
            standing = await self._temporal_runs.of(temporal_run_of(row))
            if not standing.is_open:
                await asyncio.to_thread(close_orphaned_run, self._database, run_id, standing)
                continue
            handle = self._client.get_workflow_handle(workflow_id)

    async def _started(self, backfill: BackfillRow, row: BackfillPartition) -> str:
        workflow = self._definitions.workflow(backfill.workflow)
        options = {
            "force": backfill.reprocess == Reprocess.ALL,
            # A partition that is held has that as its reason: it must not wait in a place that others could have.
            "on_busy": workflow.on_busy is not OnBusy.FAIL and OnBusy.FAIL.value,
        }
        given = {**backfill.params, **row.params}
        arguments = [given, {name: value for name, value in options.items() if value}]
        placed = replace(backfill, task_queue=workflow.task_queue or backfill.task_queue)
        return await start_run(self._client, placed, row, arguments, await self._attributes_of(backfill, workflow, row))

    async def _attributes_of(
        self, backfill: BackfillRow, workflow: Workflow, row: BackfillPartition
    ) -> TypedSearchAttributes | None:
        """Return the run's search attributes, which lead from the backfill to its runs; None: not known here."""
        if not await self._attributes.known():
            return None
        attributes = of_run(workflow.domain, row.partition_key or {}, workflow.version)
        if not await self._attributes.has(BACKFILL.name):
            return attributes
        return attributes.updated(SearchAttributePair(BACKFILL, backfill.backfill_id))

    async def _resumed(self, backfill: BackfillRow, row: BackfillPartition, run_id: str) -> str:
        """Resume the run with the backfill's params, or find the one that goes on for it since an earlier call."""
        request_id = _request_id(backfill, row)
        resumed = await asyncio.to_thread(self._run, run_id)
        found = await self._taken_up(row, resumed, request_id)
        if found is not None:
            return found
        before = resumed.params if resumed else {}
        changes = {name: value for name, value in backfill.params.items() if before.get(name) != value}
        by = f"backfill {backfill.backfill_id}"
        check = partial(checked_options, start_from=None, changes=changes, skip={}, by=by)
        workflows = {name: workflow for name, (workflow, _) in self._definitions.workflows.items()}
        ended, options = await asyncio.to_thread(check, self._database, row.workflow_id or "", workflows)
        options = options.model_copy(update={"request_id": request_id})
        handle = await resume_run(self._client, self._database, backfill.task_queue, ended, options, priority=PRIORITY)
        return handle.run_id or handle.result_run_id or ""

    async def _taken_up(self, row: BackfillPartition, resumed: RunRow | None, request_id: str) -> str | None:
        """Return the run that a resume with this request has brought about already."""
        request = (resumed.resume_request if resumed else None) or {}
        if request.get("id") != request_id:
            return None
        if "taken_by" in request:
            return str(request["taken_by"])
        newest = (await self._client.get_workflow_handle(row.workflow_id or "").describe()).run_id
        return newest if await self._resets.request_of(row.workflow_id or "", newest) == request_id else None

    def _record_started(self, backfill: BackfillRow, row: BackfillPartition, run_id: str) -> None:
        with self._database.begin() as connection:
            record_started(connection, backfill.backfill_id, row, run_id)

    def _run(self, run_id: str) -> RunRow | None:
        with self._database.begin() as connection:
            return run_of(connection, run_id)


async def _answer_of(handle: WorkflowHandle[Any, Any]) -> WorkflowResult | BaseException | None:
    """Return what Temporal has of the run's end, once it has ended: a result, a failure; None where it was deleted."""
    try:
        return WorkflowResult.model_validate(await handle.result())
    except WorkflowFailureError as error:
        return error.cause or error
    except ValidationError:
        return None
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


def end_of_row(row: RunRow) -> TurnEnd:
    """Return how a run ended, as Postgres knows it."""
    result = row.result or {}
    error = ": ".join(str(part) for part in (result.get("error_step"), result.get("error")) if part)
    return TurnEnd(
        status=Status(row.status),
        run_id=row.run_id,
        detail=error or None,
        category=result.get("error_category"),
    )


def end_without_row(answer: WorkflowResult | BaseException | None) -> TurnEnd:
    """Return why a run has not begun: it was complete already, refused, or ended before a worker had it."""
    if isinstance(answer, WorkflowResult):
        told = f"completed by run {answer.run_id}"
        return TurnEnd(status=Status.SKIPPED, run_id=answer.run_id, reason=SkipReason.COMPLETE, detail=told)
    if isinstance(answer, ApplicationError):
        busy = answer.type == ErrorCategory.PARTITION_BUSY.value
        reason = SkipReason.BUSY if busy else SkipReason.REFUSED
        return TurnEnd(status=Status.SKIPPED, reason=reason, detail=answer.message, category=answer.type)
    told = "cancelled" if isinstance(answer, CancelledError) else f"ended in Temporal ({answer or 'deleted'})"
    return TurnEnd(status=Status.CANCELLED, detail=f"the run was {told} before a worker had begun it")


def _request_id(backfill: BackfillRow, row: BackfillPartition) -> str:
    """Return the id of the request to resume: of its turn, and of 32 hexadecimal digits as every such id."""
    turn = f"{backfill.backfill_id}-{row.position}-{row.turn}"
    return hashlib.sha256(turn.encode()).hexdigest()[:32]
