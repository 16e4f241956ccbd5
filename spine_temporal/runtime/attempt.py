"""One attempt of a pipeline, in a thread: its transaction, its ledger row, its stages, all or nothing."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.faults import fault_of
from spine_temporal.definition.pipeline import Pipeline, PipelineStatus, running
from spine_temporal.machine.door import ended_with
from spine_temporal.machine.manifest_row import StageReached, metrics_beside_rows, row_count_of
from spine_temporal.machine.pipeline_answer import answer_of
from spine_temporal.recording.database import Database, translated_errors
from spine_temporal.recording.database_errors import DatabaseAwayError, ReadOnlyError
from spine_temporal.recording.ended_executions import done_in_lineage
from spine_temporal.recording.executions import (
    LedgerEntry,
    complete_execution,
    open_execution,
)
from spine_temporal.recording.fence import require_fence
from spine_temporal.recording.lending import TransactionEndedError
from spine_temporal.runtime import older_attempts
from spine_temporal.runtime.attempt_services import AbandonedError, AttemptServices
from spine_temporal.runtime.claims import acknowledged_of
from spine_temporal.runtime.ending import record_end
from spine_temporal.translation.messages import EndRequest, Measured
from spine_temporal.translation.pipeline_messages import PipelineRequest, StepDone
from spine_temporal.translation.requests import carried


class Attempt(AttemptServices):
    """One attempt; also what its pipeline sees as ``services``."""

    def __init__(
        self,
        request: PipelineRequest,
        pipeline: type[Pipeline],
        database: Database,
        beat: Callable[..., None],
        temporal_attempt: int,
        progress: Sequence[Any] = (),
        *,
        is_local: bool = False,
    ) -> None:
        super().__init__(request, pipeline, beat, progress)
        self.attempt = temporal_attempt
        self.is_local = is_local
        self.started_at = datetime.now(UTC)
        #: What the pipeline has measured of its data.
        self.measured: tuple[Measured, ...] = ()
        self._database = database
        # Within a workflow task nobody knows whether another worker's attempt, which came before, lives on.
        self._patience = older_attempts.TURN if is_local else None
        self._pid = os.getpid()

    def run(self) -> StepDone:
        """Do it: open the ledger row, run the pipeline, complete the row, commit. Raises ``SpineError``."""
        if self.attempt > 1:
            older_attempts.end_older(self._database, self.execution)
        with self._database.lendable() as connection:
            with connection.begin(), self._given(connection):
                outcome = self._within(connection)
            if self._abandoned.is_set():
                connection.invalidate()  # its cancellation may still be on the way
            return outcome

    def _within(self, connection: Connection) -> StepDone:
        kept = self._kept(connection)
        if kept is not None:
            return kept
        entry = self._opened(connection)
        if entry.status is PipelineStatus.COMPLETED:
            return self._recorded(entry)
        if entry.was_committed_open:
            raise TransactionEndedError("has ended, at an earlier attempt,")
        with self._blamed():
            outcome = self._outcome(self._answer(), entry.attempt)
            return self._complete(connection, outcome, entry.transaction)

    def _kept(self, connection: Connection) -> StepDone | None:
        """Return what another run of the lineage did of this step.

        A run of its own has none, unless it was reset: then one that had gone on from it may have.
        """
        key = self.request.key
        alone = key.lineage_id == key.run_id and not key.was_reset
        done = None if alone else done_in_lineage(connection, self.execution)
        if done is None:
            return None
        return StepDone(
            step=self.request.step,
            output=done.output or {},
            attempt=done.attempt,
            started_at=done.started_at,
            completed_at=done.completed_at,
            kept_from=done.run_id,
        )

    def _opened(self, connection: Connection) -> LedgerEntry:
        """Take the turn and open the ledger's row; what was sent back is never done again under its id."""
        known = acknowledged_of(self.request)
        while True:
            entry = open_execution(
                connection,
                self.execution,
                patience=self._patience,
                acknowledged=known,
                is_whole=self.is_one_transaction,
            )
            if entry.status is not PipelineStatus.SUPERSEDED:
                break
            self.execution = replace(self.execution, round=self.execution.round + 1)
        lost = entry.fence.lost(self.request.key, known)
        if lost is not None and entry.status is not PipelineStatus.COMPLETED:
            raise lost
        # Where a workflow task was lost, Temporal counts anew, and the ledger knows what has failed before.
        self.attempt = max(self.attempt, entry.attempt)
        return entry

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        """Tell a session that the pipeline has spoiled from a Postgres that is away: waiting helps only the latter."""
        try:
            with translated_errors():
                yield
        except ReadOnlyError as error:  # this session has written before
            raise SpineError(
                "the pipeline made its transaction read-only, and so its step cannot be recorded: leave that out",
                ErrorCategory.CONFIGURATION,
            ) from error
        except DatabaseAwayError as error:
            if self._lent is not None and self._lent.was_closed:
                raise TransactionEndedError("has closed the connection of") from error
            raise

    def _recorded(self, entry: LedgerEntry) -> StepDone:
        return StepDone(
            step=self.request.step,
            output=entry.output or {},
            attempt=entry.attempt,
            started_at=entry.started_at,
            completed_at=entry.completed_at,
            is_found=True,
        )

    def _complete(self, connection: Connection, outcome: StepDone, transaction: str | None = None) -> StepDone:
        """Complete the ledger's row and write the stages, as the last that the transaction does.

        Where the run ends with the step, end it in the same transaction.
        """
        self._take_back()
        if self._lent is not None and self._lent.is_lost:
            raise DatabaseAwayError("the connection was lost")
        reached = () if self.request.is_item else (self._stage(outcome),)
        stages = (*self.request.stages, *reached)
        completed_at = outcome.completed_at or datetime.now(UTC)
        measured = [one.model_dump() for one in (*self.request.measured, *self.measured)]
        held = complete_execution(
            connection,
            self.execution,
            output=outcome.output,
            completed_at=completed_at,
            stages=stages,
            measured=measured,
            transaction=transaction,
        )
        if not held:
            require_fence(connection, self.request.key, acknowledged_of(self.request))
            raise AbandonedError  # the claim came back between the two: the next attempt finds out
        outcome = self._ended(connection, outcome)
        self._require_turn()
        return outcome

    def _ended(self, connection: Connection, outcome: StepDone) -> StepDone:
        """End the run where it ends with the step, and Temporal still waits for this attempt."""
        ending = self.request.ending
        if ending is None or (ending.until is not None and datetime.now(UTC) > ending.until):
            return outcome
        result = carried(ended_with(ending.result, outcome))
        request = EndRequest(key=self.request.key, stage_rank=ending.stage_rank, result=result)
        record_end(connection, request, holds=True)
        return outcome.model_copy(update={"is_end": True})

    def _answer(self) -> Any:
        """Run the user's code; whatever it raises becomes a ``SpineError``."""
        try:
            with translated_errors(), running(self):
                return self._pipeline(self.request.params, self).run()
        except SpineError:
            raise
        except BaseException as error:
            raise fault_of(error) from error
        finally:
            if os.getpid() != self._pid:
                os._exit(0)  # the pipeline has forked, and this is the fork: the transaction is not its own

    def _outcome(self, given: Any, attempt: int) -> StepDone:
        """Return what the pipeline's answer comes to; keep its quality first, also where it failed of it."""
        request = self.request
        answer = answer_of(given, step=request.step, pipeline=request.pipeline)
        if answer.quality is not None:
            self.measured = (Measured(step=request.step, round=request.round, quality=answer.quality),)
        if answer.failure is not None:
            raise answer.failure
        return StepDone(
            step=request.step,
            output=answer.output,
            attempt=attempt,
            started_at=self.started_at,
            completed_at=datetime.now(UTC),
        )

    def _stage(self, outcome: StepDone) -> StageReached:
        return StageReached(
            stage=self.request.stage,
            stage_rank=self.request.stage_rank,
            row_count=row_count_of(outcome.output),
            metrics=metrics_beside_rows(outcome.output),
            execution_id=self.idempotency_key,
        )
