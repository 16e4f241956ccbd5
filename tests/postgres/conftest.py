"""A connection whose work is rolled back."""

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from spine_temporal.recording.database import sqlalchemy_url
from tests.conftest import _url


@pytest.fixture(scope="session")
def engine(servers, template):
    """An engine on the template itself: nothing is ever committed there."""
    return create_engine(sqlalchemy_url(_url(servers.database_url, template)), poolclass=NullPool)


@pytest.fixture
def connection(engine):
    """A connection in a transaction, rolled back at the end."""
    with engine.connect() as opened:
        yield opened
        opened.rollback()
