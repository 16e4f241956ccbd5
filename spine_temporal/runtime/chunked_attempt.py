"""One attempt of a pipeline that commits as it goes: a session of its own, locked for the whole attempt."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from spine_temporal.definition.pipeline import PipelineStatus
from spine_temporal.machine.step_outcome import StepOutcome
from spine_temporal.recording.database import translated_errors
from spine_temporal.recording.executions import run_key_of
from spine_temporal.recording.fence import require_fence
from spine_temporal.runtime.attempt import AbandonedError, Attempt


class ChunkedAttempt(Attempt):
    """Every transaction goes through the session that holds the execution's lock.

    An attempt that Temporal has given up loses its session to the next one, and with it the way to commit anything.
    """

    _session: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction that commits at the block's end, where the attempt is still the one that may."""
        self._require_turn()
        session = self._session
        if session is None:
            raise AbandonedError
        with translated_errors(), session.begin():
            self._connection = session
            try:
                session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
                yield session
                require_fence(session, self.request.key)
            finally:
                self._connection = None

    def run(self) -> StepOutcome:
        """Do it: take the lock, open the ledger row, run the pipeline, complete the row. Raises ``SpineError``."""
        if self.attempt > 1:
            self._end_older()
        with self._database.session() as session:
            self._session = session
            locked = {"key": self.execution.lock_key, "run": run_key_of(self.request.key.run_id)}
            session.execute(text("SELECT pg_advisory_lock(:key), pg_advisory_lock_shared(:run)"), locked)
            session.commit()
            try:
                return self._in_session(session)
            finally:
                self._session = None
                if not session.invalidated:
                    session.rollback()
                    session.execute(text("SELECT pg_advisory_unlock(:key), pg_advisory_unlock_shared(:run)"), locked)
                    session.commit()

    def _in_session(self, session: Connection) -> StepOutcome:
        with session.begin():
            kept = self._kept(session)
            if kept is not None:
                return kept
            entry = self._opened(session)
        if entry.status is PipelineStatus.COMPLETED:
            return self._recorded(entry)
        outcome = self._outcome(self._result(), entry.attempt)
        with session.begin():
            self._complete(session, outcome)
        return outcome
