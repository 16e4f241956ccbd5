"""Databases of tests: a template with every table, and quick copies of it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg

from spine_temporal.recording.database import Database
from spine_temporal.recording.migrate import upgrade


class TemplateDatabase:
    """A database with every migration, to be copied. Nothing is ever committed in it."""

    def __init__(self, server_url: str, modules: Iterable[str]) -> None:
        """``server_url``: a database of the same server; ``modules``: those that have migrations of their own."""
        self._server_url = server_url
        self.name = f"spine_template_{uuid4().hex[:12]}"
        _execute(server_url, f"CREATE DATABASE {self.name}")
        database = Database(self.url)
        upgrade(database, modules)
        database.close()

    @property
    def url(self) -> str:
        """Where the template is."""
        return url_of(self._server_url, self.name)

    def drop(self) -> None:
        """Drop the template; its copies stay."""
        _drop(self._server_url, self.name)

    @contextmanager
    def copy(self) -> Iterator[str]:
        """Have the URL of a new copy while the block runs."""
        name = f"spine_{uuid4().hex[:12]}"
        _execute(self._server_url, f"CREATE DATABASE {name} TEMPLATE {self.name}")
        try:
            yield url_of(self._server_url, name)
        finally:
            _drop(self._server_url, name)


def url_of(server_url: str, database: str) -> str:
    """Return the URL of another database of a server."""
    head, _, query = server_url.partition("?")
    return f"{head.rpartition('/')[0]}/{database}{f'?{query}' if query else ''}"


def _drop(server_url: str, name: str) -> None:
    _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
