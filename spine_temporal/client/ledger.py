"""``Ledger``: what runs have written, asked in one form for every table."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from spine_temporal.definition.errors import ParamsError
from spine_temporal.recording.database import Database
from spine_temporal.recording.ledger import EXECUTIONS, MANIFEST, RUNS, LedgerTable, Question, ask
from spine_temporal.recording.triage import ANOMALIES, UNRESOLVED, resolve_all

#: Anomalies that a person is shown before they are resolved in one go.
_MOST = 10_000


class Ledger:
    """The rows of one database; each answer is a list of rows, newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def runs(self, question: Question, *, limit: int = 50) -> list[dict[str, Any]]:
        """Return runs as Postgres knows them, also those that Temporal has forgotten."""
        return self._ask(RUNS, question, limit)

    def executions(self, question: Question, *, limit: int = 50) -> list[dict[str, Any]]:
        """Return what pipelines have done: one row for each execution, with all of its attempts."""
        return self._ask(EXECUTIONS, question, limit)

    def manifest(self, question: Question, *, limit: int = 1000) -> list[dict[str, Any]]:
        """Return how far partitions have come."""
        return self._ask(MANIFEST, question, limit)

    def anomalies(self, question: Question, *, limit: int = 1000) -> list[dict[str, Any]]:
        """Return what went wrong, whatever has become of it."""
        return self._ask(ANOMALIES, question, limit)

    def unresolved(self, question: Question) -> list[dict[str, Any]]:
        """Return the anomalies that ``resolve`` would close. Raises ``ParamsError`` as that does."""
        _require_restriction(question)
        return self._ask(ANOMALIES, replace(question, statuses=UNRESOLVED), _MOST)

    def resolve(self, question: Question, *, by: str, reason: str) -> list[UUID]:
        """Close all anomalies that fit and are not resolved, with who and why; return their ids.

        Raises ``ParamsError`` for a question that restricts nothing.
        """
        _require_restriction(question)
        with self._database.begin() as connection:
            return resolve_all(connection, question, by=by, reason=reason)

    def _ask(self, table: LedgerTable, question: Question, limit: int) -> list[dict[str, Any]]:
        with self._database.begin() as connection:
            return ask(connection, table, question, limit=limit)


def _require_restriction(question: Question) -> None:
    if replace(question, statuses=()) == Question():
        raise ParamsError("all anomalies would be resolved: say which, by --workflow, --category, --until or the like")
