"""Attempts that Temporal has given up, and that may live on: they are ended before another begins."""

from sqlalchemy import text

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.recording.attempt_sessions import end_attempts
from spine_temporal.recording.database import Database
from spine_temporal.recording.database_errors import DatabaseError
from spine_temporal.recording.executions import Execution

#: Seconds that an attempt waits for an older one to commit, before it ends it.
TURN = 5


def end_older(database: Database, execution: Execution) -> None:
    """Wait a little for an older attempt that still lives, then end its session: Temporal has given it up."""
    try:
        with database.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{TURN}s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": execution.lock_key})
    except DatabaseError as error:
        if error.category is not ErrorCategory.TRANSIENT:
            raise
        with database.begin() as connection:
            end_attempts(connection, [execution.execution_id])
