"""Real servers, one pair for the whole session; a database of its own for whoever asks."""

from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from spine_temporal.embedded import embedded_servers
from spine_temporal.recording.database import Database
from spine_temporal.recording.migrate import upgrade
from spine_temporal.translation.search_attributes import SEARCH_ATTRIBUTES

MODULES = ("activities", "workflows")
FINRA = Path(__file__).resolve().parents[1].parent / "shared" / "finra"


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """A Temporal and a Postgres, as the embedded default starts them."""
    home = tmp_path_factory.mktemp("spine")
    with embedded_servers(home, search_attributes=SEARCH_ATTRIBUTES) as state:
        yield state


@pytest.fixture(scope="session")
def template(servers):
    """A database with every migration, to be copied."""
    name = "spine_template"
    _execute(servers.database_url, f"CREATE DATABASE {name}")
    database = Database(_url(servers.database_url, name))
    upgrade(database, MODULES)
    database.close()
    return name


@pytest.fixture
def database_url(servers, template):
    """The URL of a new, migrated database."""
    with copied_database(servers.database_url, template) as url:
        yield url


@contextmanager
def copied_database(url, template):
    """Have a new, migrated database, and give its URL."""
    name = f"spine_{uuid4().hex[:12]}"
    _execute(url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _url(url, name)
    _execute(url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url):
    """A pool on a new, migrated database."""
    opened = Database(database_url, pool_size=30)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def finra():
    """The folder of FINRA's real files and what they must give."""
    return FINRA


def _execute(url, statement):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _url(url, name):
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"
