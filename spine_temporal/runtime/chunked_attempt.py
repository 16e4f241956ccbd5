"""One attempt of a pipeline that commits as it goes: a session of its own, locked for the whole attempt."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from spine_temporal.definition.pipeline import PipelineStatus
from spine_temporal.recording.attempt_sessions import close_part, open_part, require_transaction
from spine_temporal.recording.database import translated_errors
from spine_temporal.recording.database_errors import DatabaseAwayError
from spine_temporal.recording.executions import run_key_of
from spine_temporal.recording.fence import require_fence
from spine_temporal.runtime.attempt import Attempt
from spine_temporal.runtime.attempt_services import AbandonedError
from spine_temporal.runtime.older_attempts import end_older
from spine_temporal.translation.pipeline_messages import StepDone


class ChunkedAttempt(Attempt):
    """Every transaction goes through the session that holds the execution's lock.

    An attempt that Temporal has given up loses its session to the next one, and with it the way to commit anything.
    """

    _session: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction that commits at the block's end, where the attempt is still the one that may."""
        self._require_turn()
        with translated_errors(), self._locked_session().begin() as begun:
            session = begun.connection
            opened = open_part(session)
            with self._given(session):
                yield self.connection
                self._take_back()
                require_transaction(session, opened)
                close_part(session)
                require_fence(session, self.request.key)

    def run(self) -> StepDone:
        """Do it: take the lock, open the ledger row, run the pipeline, complete the row. Raises ``SpineError``."""
        if self.attempt > 1:
            end_older(self._database, self.execution)
        with self._database.lendable() as session:
            self._session = session
            locked = {"key": self.execution.lock_key, "run": run_key_of(self.request.key.run_id)}
            session.execute(text("SELECT pg_advisory_lock(:key), pg_advisory_lock_shared(:run)"), locked)
            session.commit()
            try:
                return self._in_session(session)
            finally:
                self._session = None
                if self._abandoned.is_set():
                    session.invalidate()  # its cancellation may still be on the way
                if not session.invalidated:
                    session.rollback()
                    session.execute(text("SELECT pg_advisory_unlock(:key), pg_advisory_unlock_shared(:run)"), locked)
                    session.commit()

    def _in_session(self, session: Connection) -> StepDone:
        with session.begin():
            kept = self._kept(session)
            if kept is not None:
                return kept
            entry = self._opened(session)
        if entry.status is PipelineStatus.COMPLETED:
            return self._recorded(entry)
        with self._blamed():
            outcome = self._outcome(self._answer(), entry.attempt)
            with self._locked_session().begin():
                return self._complete(session, outcome)

    def _locked_session(self) -> Connection:
        """Return the session; one that was lost has lost the lock, and another session would not have it."""
        if self._session is None:
            raise AbandonedError
        if self._session.invalidated:
            raise DatabaseAwayError("the session that holds the execution's lock was lost")
        return self._session
