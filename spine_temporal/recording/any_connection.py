"""What a caller has in hand: a connection of SQLAlchemy, of psycopg, or one that takes Spine's question marks."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Connection, TextClause, make_url

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.recording.spine_connection import SpineConnection

#: Whatever our statements run on; the transaction is the caller's.
AnyConnection = Connection | psycopg.Connection[Any] | SpineConnection

#: How SQLAlchemy puts a statement for psycopg.
_DIALECT = make_url("postgresql+psycopg://").get_dialect()()


class Executing(Protocol):
    """What our statements need of a connection: SQLAlchemy's own has it."""

    def execute(self, statement: TextClause, parameters: Mapping[str, Any], /) -> Any:
        """Run a statement with named parameters."""


def executing(connection: Any) -> Executing:
    """Return what runs our statements on the connection; raise ``SpineError`` where it is none of Postgres."""
    if isinstance(connection, Connection):
        return connection
    if isinstance(connection, SpineConnection):
        return connection.own
    if isinstance(connection, psycopg.Connection):
        return _Psycopg(connection)
    raise SpineError(
        f"manifest, anomalies and rejects are in Postgres, and {type(connection).__module__}."
        f"{type(connection).__qualname__} is no connection to it: give a Connection of SQLAlchemy or of psycopg, or "
        "one that spine.framework.db.get_connection() returns",
        ErrorCategory.CONFIGURATION,
    )


class _Psycopg:
    """Runs our statements on psycopg's own connection."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, statement: TextClause, parameters: Mapping[str, Any], /) -> "_Rows":
        cursor = self._connection.cursor(row_factory=dict_row)
        return _Rows(cursor.execute(str(statement.compile(dialect=_DIALECT)), parameters))


class _Rows:
    """What a statement gave, as SQLAlchemy's result shows it."""

    def __init__(self, cursor: psycopg.Cursor[dict[str, Any]]) -> None:
        self.rowcount = cursor.rowcount
        self._rows = cursor.fetchall() if cursor.description else []

    def mappings(self) -> Sequence[Mapping[str, Any]]:
        return self._rows

    def scalar(self) -> Any:
        return next(iter(self._rows[0].values())) if self._rows else None
