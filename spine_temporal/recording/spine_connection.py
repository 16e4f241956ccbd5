"""A connection as Spine's own code uses one: SQL with ``?``, whatever the driver's style is."""

import re
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, CursorResult

#: What question marks stand in that are no placeholders: strings, names, comments, and text between dollars.
_PARTS = re.compile(
    r"""(?P<kept>'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"""
    r"""| (?P<mark>\?)""",
    re.DOTALL | re.VERBOSE,
)


class SpineConnection:
    """A SQLAlchemy connection that takes ``?`` and values in their order.

    ``commit`` and ``rollback`` end the caller's transaction. Of a pipeline's, the step commits: there ``commit`` does
    nothing, and ``rollback`` is refused.
    """

    def __init__(self, own: Connection, *, is_step: bool = False, at_close: Callable[[], None] | None = None) -> None:
        #: The connection of SQLAlchemy that does the work.
        self.own = own
        self._is_step = is_step
        self._at_close = at_close

    def execute(self, sql: str, params: Sequence[Any] = ()) -> CursorResult[Any]:
        """Run a statement; the result has ``fetchone``, ``fetchall`` and ``rowcount``."""
        return self.own.exec_driver_sql(with_percent_marks(sql), tuple(params))

    def executemany(self, sql: str, params: Sequence[Sequence[Any]]) -> CursorResult[Any] | None:
        """Run a statement for each sequence of values; nothing for none."""
        values = [tuple(each) for each in params]
        return self.own.exec_driver_sql(with_percent_marks(sql), values) if values else None

    def commit(self) -> None:
        """Commit; a pipeline's transaction is committed with its step."""
        if not self._is_step:
            self.own.commit()

    def rollback(self) -> None:
        """Roll back; raises ``TransactionEndedError`` in a pipeline, whose step's rows would be lost."""
        self.own.rollback()

    def close(self) -> None:
        """Close the session; a pipeline's stays open, as the step needs it."""
        if self._is_step:
            return
        self.own.close()
        if self._at_close is not None:
            self._at_close()

    def __enter__(self) -> "SpineConnection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit where the block ends well, else roll back; then close."""
        if kind is None:
            self.commit()
        elif not self._is_step:
            self.rollback()
        self.close()


def with_percent_marks(sql: str) -> str:
    """Return the statement with psycopg's placeholders for ``?``; other percent signs are kept as they are meant."""
    return _PARTS.sub(lambda part: "%s" if part["mark"] else part[0], sql.replace("%", "%%"))
