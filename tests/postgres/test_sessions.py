"""Sessions of a pool: those of a server that has become read-only are not kept, others' are made as new."""

from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import text

from spine_temporal.recording.database import Database
from spine_temporal.recording.database_errors import DatabaseAwayError


@pytest.fixture
def kept(database_url):
    """A pool of one session."""
    opened = Database(database_url, pool_size=1)
    with opened.begin() as connection:
        connection.execute(text("CREATE TABLE written (who text)"))
    yield opened
    opened.close()


@contextmanager
def read_only(url):
    """Let new sessions be read-only, as they are of a primary that has become a standby."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        name = connection.execute("SELECT current_database()").fetchone()[0]
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        yield
        connection.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')


def write(database):
    with database.begin() as connection:
        connection.execute(text("INSERT INTO written VALUES ('me')"))


def test_a_session_that_reports_read_only_is_waited_for_and_not_kept(kept):
    with read_only(kept.url):
        kept.engine.dispose()
        with pytest.raises(DatabaseAwayError):
            write(kept)
    write(kept)


def test_a_session_that_somebody_takes_from_the_pool_comes_back_as_new(kept):
    with kept.engine.connect() as connection:
        connection.exec_driver_sql("SET work_mem = '77MB'")
        connection.exec_driver_sql("SELECT pg_advisory_lock(77)")
        connection.commit()
    with kept.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").scalar() == 0
        assert connection.exec_driver_sql("SHOW work_mem").scalar() != "77MB"
        assert connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar() == "30s"


def test_postgres_notices_in_the_middle_of_a_statement_that_nobody_waits_any_more(kept):
    with kept.begin() as connection:
        assert connection.exec_driver_sql("SHOW client_connection_check_interval").scalar() == "5s"


def test_a_server_that_cannot_do_so_is_not_asked_for_it(kept, monkeypatch):
    monkeypatch.setattr("spine_temporal.recording.database._CHECKED", " -c client_connection_check_interval=never")
    other = Database(kept.url, pool_size=1)
    with other.begin() as connection:
        assert connection.exec_driver_sql("SHOW client_connection_check_interval").scalar() == "0"
        assert connection.exec_driver_sql("SHOW timezone").scalar() == "UTC"
    other.close()
