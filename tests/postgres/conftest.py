"""A connection whose work is rolled back."""

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from spine_temporal.recording.database import sqlalchemy_url


@pytest.fixture(scope="session")
def engine(spine_template):
    """An engine on the template itself: nothing is ever committed there."""
    return create_engine(sqlalchemy_url(spine_template.url), poolclass=NullPool)


@pytest.fixture
def connection(spine_connection):
    """A connection in a transaction, rolled back at the end."""
    return spine_connection
