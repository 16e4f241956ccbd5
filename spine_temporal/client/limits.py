"""``Limits``: what an operator, or a program, sees of limits by key, and does."""

from datetime import UTC, datetime

from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.limit import Limit
from spine_temporal.recording.database import Database
from spine_temporal.recording.limit_switches import LimitState, close_limit, list_limits, open_limit


class Limits:
    """The limits of one database, which all its workers share."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> list[LimitState]:
        """Return every limit that an attempt has asked for or a person has closed, by key."""
        with self._database.begin() as connection:
            return list_limits(connection)

    def close(self, key: str, *, until: datetime | None = None, by: str, reason: str) -> None:
        """Let no attempt use the key's source until then, or until somebody opens it; attempts that run go on.

        ``until`` has a time zone. Raises ``ParamsError`` for a time that has passed, ``DefinitionError`` for no key.
        """
        Limit(key)
        if until is not None and until <= datetime.now(UTC):
            raise ParamsError(f"the limit would be closed until {until.isoformat()}, which has passed")
        with self._database.begin() as connection:
            close_limit(connection, key, until, by=by, reason=reason)

    def open(self, key: str, *, by: str, reason: str) -> None:
        """Let attempts use the key's source again; raises ``ParamsError`` where it is open, or no key."""
        with self._database.begin() as connection:
            open_limit(connection, key, by=by, reason=reason)
