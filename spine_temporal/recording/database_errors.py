"""What a database error means for the step: SQLSTATE and driver errors to categories, in one place."""

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.json_values import clean_text

#: SQLSTATE of a write in a transaction that is read-only.
READ_ONLY = "25006"
#: SQLSTATE prefixes, the longest that fits decides. Source: PostgreSQL's Appendix A.
_CATEGORIES = {
    "08": ErrorCategory.DEPENDENCY,  # connection exceptions
    "53": ErrorCategory.DEPENDENCY,  # out of disk, memory, connections
    "57P": ErrorCategory.DEPENDENCY,  # shut down, starting up, backend terminated
    "58": ErrorCategory.DEPENDENCY,  # I/O error of the server
    "25P03": ErrorCategory.DEPENDENCY,  # idle in transaction for too long
    READ_ONLY: ErrorCategory.DEPENDENCY,  # a standby, before or after a failover
    "40": ErrorCategory.TRANSIENT,  # serialization failure, deadlock
    "55P03": ErrorCategory.TRANSIENT,  # lock not available
    "57014": ErrorCategory.TIMEOUT,  # query cancelled, statement_timeout
    "22": ErrorCategory.DATA_QUALITY,  # data exceptions
    "23": ErrorCategory.DATA_QUALITY,  # integrity constraints
    "28": ErrorCategory.CONFIGURATION,  # authorization
    "3D": ErrorCategory.CONFIGURATION,  # no such database
    "3F": ErrorCategory.CONFIGURATION,  # no such schema
    "42": ErrorCategory.CONFIGURATION,  # undefined table or column, no privilege, syntax
}


class DatabaseAwayError(SpineError):
    """Raised when Postgres cannot be reached or has no room: the run waits, and no attempt is counted."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ErrorCategory.DEPENDENCY, code="POSTGRES_AWAY")


class ReadOnlyError(DatabaseAwayError):
    """Raised when a write was refused in a transaction that is read-only: as the server is, or as it was made so."""


class DatabaseError(SpineError):
    """Raised when Postgres refuses a statement; the category follows from its SQLSTATE."""


def classify(error: DBAPIError | PoolTimeoutError | psycopg.Error) -> SpineError:
    """Return the error that says what SQLAlchemy's or the driver's error means; the caller chains the cause."""
    if isinstance(error, PoolTimeoutError):
        return DatabaseAwayError("no connection was free in time: more activities run than the pool has connections")
    original = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(original, "sqlstate", None)
    text = clean_text(_first_lines(str(original)))
    lost = isinstance(error, DBAPIError) and error.connection_invalidated and state != READ_ONLY
    if lost or (state is None and isinstance(original, psycopg.OperationalError | psycopg.InterfaceError)):
        return DatabaseAwayError(text)
    category = next(
        (_CATEGORIES[state[:length]] for length in (5, 3, 2) if state and state[:length] in _CATEGORIES),
        ErrorCategory.INTERNAL,
    )
    if state == READ_ONLY:
        return ReadOnlyError(text)
    if category is ErrorCategory.DEPENDENCY:
        return DatabaseAwayError(text)
    return DatabaseError(text, category, code=f"SQLSTATE {state}" if state else None)


def _first_lines(text: str) -> str:
    """Keep the message and its detail; the statement may hold data."""
    return " ".join(line.strip() for line in text.splitlines()[:3] if line.strip())
