"""How a connection to Postgres is configured."""

import re
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from spine_temporal.recording.database import Database

PASSWORD = "p@ss:w/rd$\"'#% \\"


@pytest.fixture
def role(servers):
    """A role with a password of odd characters."""
    name = f"odd_{uuid4().hex[:8]}"
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(PASSWORD))
        connection.execute(create)
        yield name
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_a_password_outside_the_url_may_hold_any_character(servers, role, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    database = Database(re.sub(r"//[^@/]*@", f"//{role}@", servers.database_url))
    with database.begin() as connection:
        used = connection.connection.driver_connection.info
        assert connection.exec_driver_sql("SELECT current_user").scalar() == role
        assert used.password == PASSWORD
    database.close()
