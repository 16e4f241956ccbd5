"""Claims the partition of a run that begins and writes its first rows, in one transaction."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection
from temporalio import activity

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.params import RunOptions
from spine_temporal.definition.workflow import Workflow
from spine_temporal.recording.database import Database
from spine_temporal.recording.partitions import Claim, claim, claim_of
from spine_temporal.recording.runs import RunRow, known_runs
from spine_temporal.runtime.beginning import Beginning, as_ended
from spine_temporal.runtime.claims import Claims
from spine_temporal.runtime.deadlines import given_up_at, require_time
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.fingerprints import Naming, fingerprints_of
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

        Raises ``PartitionBusyError`` where another run holds the partition that is open in Temporal.
        """
        beginning = Beginning(
            request=request,
            workflow=workflow,
            options=options,
            begun=begun,
            temporal=await self._claims.temporal_runs.place(),
            until=given_up_at(request.asked_at),
            fingerprints=await fingerprints_of(begun, self._definitions.pipelines, self._naming),
            task_queue=activity.info().task_queue,
            correction=correction,
        )
        attempt = partial(self._claim, beginning, write)
        return await self._claims.settle(attempt, asked_by=request.run_id, lineage=options.lineage or "")

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


def _claimed(connection: Connection, beginning: Beginning, write: Write) -> Begun | Claim:
    key = beginning.key
    epoch = claim(connection, key)
    known, earlier = known_runs(connection, key)
    if known is not None and known.has_ended:
        raise _EndedAlreadyError(known)
    if epoch is None:
        holder = claim_of(connection, key.recording_domain, key.partition)
        if holder is None or holder.run_id is None:
            raise SpineError("the partition is just being given back", ErrorCategory.TRANSIENT)
        return holder
    beginning = replace(beginning, begun=beginning.begun.model_copy(update={"epoch": epoch}))
    begun = write(connection, beginning, known, earlier)
    require_time(beginning.until)
    return begun
