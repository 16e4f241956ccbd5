"""Claims the partition of a run that begins and writes its first rows, in one transaction."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection
from temporalio import activity

from spine_temporal.definition.busy import OnBusy
from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.params import RunOptions
from spine_temporal.definition.workflow import Workflow
from spine_temporal.recording.database import Database
from spine_temporal.recording.partition_queue import Waiter, leave_queue
from spine_temporal.recording.partitions import Claim, claim, claim_of
from spine_temporal.recording.runs import RunRow, known_runs
from spine_temporal.runtime.beginning import Beginning, as_ended
from spine_temporal.runtime.claims import Claims
from spine_temporal.runtime.deadlines import given_up_at, require_time
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.fingerprints import Naming, fingerprints_of
from spine_temporal.runtime.partition_queue import PartitionQueue
from spine_temporal.translation.messages import BeginRequest, Begun, ResumeRequest

#: Writes the rows of a run that has its partition, in the transaction that claimed it. It is given the run's own row,
#: where the run has begun before, and the row of the run that completed the partition.
Write = Callable[[Connection, Beginning, RunRow | None, RunRow | None], Begun]


class _EndedAlreadyError(Exception):
    """Raised to take the claim back of a run whose end is recorded."""

    def __init__(self, row: RunRow) -> None:
        super().__init__("the run has ended")
        self.row = row


class RunOpener:
    """Opens the runs of one worker."""

    def __init__(
        self,
        database: Database,
        definitions: Definitions,
        claims: Claims,
        *,
        naming: Naming,
        search_attributes: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self._database = database
        self._definitions = definitions
        self._claims = claims
        self._queue = PartitionQueue(database, claims.temporal_runs)
        self._naming = naming
        self._ask_attributes = search_attributes

    async def sets_search_attributes(self) -> bool:
        """Return whether the run may set ours; asked at each begin, as an answer may have failed before."""
        return self._ask_attributes is not None and await self._ask_attributes()

    async def open(
        self,
        request: BeginRequest | ResumeRequest,
        workflow: Workflow,
        options: RunOptions,
        begun: Begun,
        write: Write,
        *,
        correction: Mapping[str, Any] | None = None,
    ) -> Begun:
        """Claim the partition and ``write``; return what the run begins with, under the epoch that it has taken.

        Where another run holds the partition that is open in Temporal, raises ``QueuedError`` or ``SupersededError``
        for a start whose policy is to wait, ``HeldError`` for any other.
        """
        temporal, on_busy = await self._claims.temporal_runs.place(), _on_busy(workflow, options)
        info = activity.info()
        make = partial(
            Beginning,
            request=request,
            is_first=_is_first(request, info.attempt),
            workflow=workflow,
            options=options,
            begun=begun,
            temporal=temporal,
            until=given_up_at(request.asked_at),
            task_queue=info.task_queue,
            on_busy=on_busy,
            correction=correction,
        )
        if not on_busy.waits:
            return await self._taken(make, begun, write)
        waiter = Waiter(
            key=begun.key(request.workflow_id, request.run_id),
            on_busy=on_busy,
            first_run_id=request.first_run_id or request.run_id,
            temporal=temporal,
        )
        return await self._queue.taken(waiter, partial(self._taken, make, begun, write))

    async def _taken(self, make: Callable[..., Beginning], begun: Begun, write: Write) -> Begun:
        """Claim the partition, and clear away a holder that Temporal has closed; what the inputs are is asked first."""
        pipelines = self._definitions.pipelines
        fingerprints = await fingerprints_of(begun.plan, begun.params, pipelines, self._naming)
        beginning = make(fingerprints=fingerprints)
        attempt = partial(self._claim, beginning, write)
        lineage = beginning.options.lineage or ""
        return await self._claims.settle(attempt, asked_by=beginning.request.run_id, lineage=lineage)

    def _claim(self, beginning: Beginning, write: Write) -> Begun | Claim:
        """Write the beginning and return it; or return who holds the partition.

        A run that has ended begins again where Temporal has lost the workflow task in which all of it was done, and
        where a frozen worker wakes up late: either is given its result, and nothing is written.
        """
        try:
            with self._database.begin() as connection:
                return _claimed(connection, beginning, write)
        except _EndedAlreadyError as error:
            return as_ended(beginning.begun, error.row)


def _on_busy(workflow: Workflow, options: RunOptions) -> OnBusy:
    """Return what the run does where its partition is held; a person who resumes is told."""
    return OnBusy.FAIL if options.resume is not None else OnBusy(options.on_busy or workflow.on_busy)


def _is_first(request: BeginRequest | ResumeRequest, attempt: int) -> bool:
    """Whether no attempt before this one can have begun the run."""
    return isinstance(request, BeginRequest) and not request.may_repeat and attempt == 1


def _claimed(connection: Connection, beginning: Beginning, write: Write) -> Begun | Claim:
    key = beginning.key
    taken = claim(connection, key)
    is_first = taken is not None and taken.is_new and beginning.is_first
    known, earlier = (None, None) if is_first else known_runs(connection, key)
    if known is not None and known.has_ended:
        raise _EndedAlreadyError(known)
    if taken is None:
        holder = claim_of(connection, key.recording_domain, key.partition)
        if holder is None or holder.run_id is None:
            raise SpineError("the partition is just being given back", ErrorCategory.TRANSIENT)
        return holder
    beginning = replace(beginning, begun=beginning.begun.model_copy(update={"epoch": taken.epoch}))
    begun = write(connection, beginning, known, earlier)
    if beginning.on_busy.waits:
        leave_queue(connection, key.run_id)
    require_time(beginning.until)
    return begun
