"""The database sessions of attempts: their transactions part by part, and how they are ended from outside."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import Connection, text

from spine_temporal.recording.database import IDLE_TIMEOUT
from spine_temporal.recording.executions import lock_key_of, run_key_of
from spine_temporal.recording.lending import TransactionEndedError

_OPEN_PART = text("""
    SELECT pg_current_xact_id()::text FROM set_config('idle_in_transaction_session_timeout', '0', true)
""")

_CLOSE_PART = text("SELECT set_config('idle_in_transaction_session_timeout', :idle_timeout, true)")

_SAME = text("SELECT pg_current_xact_id_if_assigned()::text = :transaction")

_HOLDERS = text("""
    SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND ((classid::bigint << 32) | objid::bigint) = ANY(:lock_keys) AND objsubid = 1
""")


def open_part(connection: Connection) -> str:
    """Let a transaction take as long as its step may; return its id."""
    return str(connection.execute(_OPEN_PART).scalar_one())


def close_part(connection: Connection) -> None:
    """Limit the transaction's idle time again: only the commit is left, and a frozen process must lose its locks."""
    connection.execute(_CLOSE_PART, {"idle_timeout": f"{IDLE_TIMEOUT}s"})


def require_transaction(connection: Connection, transaction: str) -> None:
    """Raise ``TransactionEndedError`` where this is another transaction."""
    if connection.execute(_SAME, {"transaction": transaction}).scalar() is not True:
        raise TransactionEndedError("has ended")


def end_attempts(connection: Connection, execution_ids: Iterable[UUID]) -> None:
    """End the sessions of attempts that Temporal has given up; what they had not committed is rolled back."""
    connection.execute(_HOLDERS, {"lock_keys": [lock_key_of(execution_id) for execution_id in execution_ids]})


def end_attempts_of_run(connection: Connection, run_id: str) -> None:
    """End the sessions of all attempts of a run that is closed."""
    connection.execute(_HOLDERS, {"lock_keys": [run_key_of(run_id)]})
