"""Which run may work on a partition: Postgres keeps the claims, Temporal says whether their runs are still open."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy import Connection

from spine_temporal.definition.errors import ErrorCategory, PartitionBusyError, SpineError
from spine_temporal.definition.params import canonical
from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.run_result import WorkflowStatus
from spine_temporal.recording.database import Database
from spine_temporal.recording.fence import Acknowledged, ClaimLostError, Fence, StateLostError
from spine_temporal.recording.partitions import Claim, claim_of, release, take_over
from spine_temporal.recording.run_lifecycle import reopen_run
from spine_temporal.recording.runs import run_of
from spine_temporal.runtime.metrics import CLAIMS
from spine_temporal.runtime.orphaned_runs import close_orphaned_run
from spine_temporal.runtime.temporal_runs import Standing, TemporalRun, TemporalRuns
from spine_temporal.translation.gate_messages import HoldRequest
from spine_temporal.translation.messages import EndRequest
from spine_temporal.translation.pipeline_messages import PipelineRequest

Answer = TypeVar("Answer")
#: What is asked for a run, under its key.
Fenced = TypeVar("Fenced", PipelineRequest, EndRequest, HoldRequest)

#: Times that a claim is tried while holders that have ended are cleared away.
_TRIES = 3
_CHANGED = "the partition changed hands while it was claimed"
#: Told to an attempt that wakes up late. One that Temporal still waits for is tried again, and then finds the end.
_ENDED = "another attempt has recorded how this run ended"


class HeldError(PartitionBusyError):
    """Raised when an open run holds the partition that another one asks for."""

    def __init__(self, holder: Claim) -> None:
        where = f" of Temporal {holder.temporal}" if holder.temporal else ""
        super().__init__(
            f"partition {canonical(dict(holder.partition))} of {holder.domain.removeprefix('workflow.')!r} is held by "
            f"workflow {holder.workflow_id!r}, run {holder.run_id}{where}",
            advice="wait for it, or cancel it; where it cannot exist any more, "
            f"`spine-temporal release '{holder.workflow_id}'`",
        )
        self.holder = holder
        self.metadata["partition"] = dict(holder.partition)


class _EndedError(SpineError):
    """Raised where an execution whose end is recorded wants its partition again."""

    def __init__(self) -> None:
        super().__init__(_ENDED, ErrorCategory.TRANSIENT)


class Claims:
    """Claims and takes over; a run that Temporal has closed holds nothing."""

    def __init__(self, database: Database, temporal_runs: TemporalRuns) -> None:
        self._database = database
        self.temporal_runs = temporal_runs

    async def settle(self, attempt: Callable[[], Answer | Claim], *, asked_by: str, lineage: str = "") -> Answer:
        """Return what ``attempt`` comes to. Where it names a holder that Temporal has closed, clear it away first.

        ``asked_by``: the Temporal run that wants the partition. Raises ``HeldError`` for a holder that is open. An open
        holder of the same ``lineage`` is being cancelled with its parent: the caller tries again later.
        """
        for _ in range(_TRIES):
            answer = await asyncio.to_thread(attempt)
            if not isinstance(answer, Claim):
                CLAIMS.labels("taken").inc()
                return answer
            standing = await self._standing_of(answer, asked_by)
            if standing.is_open:
                CLAIMS.labels("busy").inc()
                raise _being_cancelled(answer) if lineage and lineage == answer.lineage_id else HeldError(answer)
            CLAIMS.labels("cleared").inc()
            await asyncio.to_thread(self._clear, answer, standing)
        raise SpineError(_CHANGED, ErrorCategory.TRANSIENT)

    async def take_over(self, key: RunKey) -> RunKey:
        """Claim the partition again for a run that was reset after it had ended; return its key under the new epoch.

        Raises ``ClaimLostError`` where it was not reset or the reset run itself is closed: this is what is left of it.
        """
        seen = await asyncio.to_thread(self._seen, key)
        if not key.was_reset or not await self.temporal_runs.is_working(key.workflow_id, key.execution_run_id):
            raise ClaimLostError(key, _fence(seen))
        return await self.settle(lambda: self._taken(key, seen), asked_by=key.execution_run_id)

    def _seen(self, key: RunKey) -> Claim | None:
        with self._database.begin() as connection:
            return claim_of(connection, key.recording_domain, key.partition)

    def _taken(self, key: RunKey, seen: Claim | None) -> RunKey | Claim:
        """Take the partition from the state that was seen before Temporal was asked, and from no other."""
        with self._database.begin() as connection:
            if seen is None:
                raise StateLostError(key, "the partition")
            if seen.run_id == key.run_id and seen.execution_run_id == key.execution_run_id:
                return key.with_epoch(seen.epoch)
            epoch = take_over(connection, key, seen.epoch)
            if epoch is None:
                return _holder(connection, key)
            taken = key.with_epoch(epoch)
            if reopen_run(connection, taken):
                return taken
            if run_of(connection, key.run_id) is None:
                raise StateLostError(key, "the row")
            raise _EndedError

    async def _standing_of(self, claim: Claim, asked_by: str) -> Standing:
        """Return how the holder stands; one without a running row can write nothing, so it counts as closed."""
        if claim.run_id is None or claim.run_status != WorkflowStatus.RUNNING.value:
            return Standing(is_open=False, closed_as="deleted")
        run = TemporalRun(
            workflow_id=claim.workflow_id,
            run_id=claim.run_id,
            first_run_id=claim.first_run_id,
            temporal=claim.temporal,
        )
        return await self.temporal_runs.of(run, asked_by=asked_by)

    def _clear(self, claim: Claim, standing: Standing) -> None:
        if claim.run_id is not None:
            close_orphaned_run(self._database, claim.run_id, standing)
            with self._database.begin() as connection:
                release(connection, claim.domain, claim.partition, claim.run_id)


def acknowledged_of(request: PipelineRequest | EndRequest | HoldRequest) -> Acknowledged:
    """Return how much of its run a request says that the database must know."""
    return Acknowledged(executions=request.acknowledged, sub_runs=request.sub_runs, kept=request.kept)


async def fenced(claims: Claims, request: Fenced, write: Callable[[Fenced], Awaitable[Any]]) -> RunKey:
    """Write for a run; one that was reset takes its partition again where it has lost it.

    Return the key under which it was written. Where the run's end is recorded, only a request to end is tried again,
    and finds it then; any other is lost.
    """
    try:
        await write(request)
    except ClaimLostError as lost:
        CLAIMS.labels("lost").inc()
        if not request.key.was_reset:
            raise
        try:
            key = await claims.take_over(request.key)
        except _EndedError:
            if isinstance(request, EndRequest):
                raise
            raise lost from None
        request = request.model_copy(update={"key": key})
        await write(request)
    return request.key


def _holder(connection: Connection, key: RunKey) -> Claim:
    claim = claim_of(connection, key.recording_domain, key.partition)
    if claim is None or claim.run_id is None or claim.run_id == key.run_id:
        raise SpineError(_CHANGED, ErrorCategory.TRANSIENT)
    return claim


def _fence(claim: Claim | None) -> Fence:
    return Fence(
        holder=claim.run_id if claim else None,
        holder_workflow_id=claim.workflow_id if claim else None,
        epoch=claim.epoch if claim else None,
        run_status=claim.run_status if claim else None,
    )


def _being_cancelled(claim: Claim) -> SpineError:
    return SpineError(
        f"run {claim.run_id} of workflow {claim.workflow_id!r}, which did this step before, has not ended yet",
        ErrorCategory.TRANSIENT,
    )
