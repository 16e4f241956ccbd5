"""Pipelines that lay hands on what is not theirs: the transaction that their step commits, and the session."""

import sys

from spine_temporal import ErrorCategory, Pipeline, RetryPolicy, SpineError, Step, Workflow, register_pipeline

WRITE = "INSERT INTO written VALUES (%s)"


#: How a session stands; compared between one that was used and a new one. Only an attempt within a workflow task has a
#: ``lock_timeout``, and on a busy machine it is made again as an activity.
STATE = (
    "SELECT name, setting FROM pg_settings WHERE (source = 'session' OR name IN ('search_path', 'TimeZone', 'role')) "
    "AND name <> 'lock_timeout' ORDER BY name",
    "SELECT locktype, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'",
    "SELECT statement FROM pg_prepared_statements WHERE statement = 'SELECT ''often''' OR from_sql",
    "SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r'",
    "SELECT current_user, session_user",
    "SELECT pg_listening_channels()",
    "SELECT name FROM pg_cursors WHERE is_holdable",
)


def state_of(connection):
    """Return how a session stands."""
    return [sorted([str(value) for value in row] for row in connection.exec_driver_sql(query)) for query in STATE]


def _write(connection, who):
    connection.exec_driver_sql(WRITE, (who,))


def _sql(*statements):
    def do(connection):
        for statement in statements:
            connection.exec_driver_sql(statement)

    return do


def _driver(connection):
    return connection.connection.driver_connection


def _commit_and_fail(connection):
    connection.exec_driver_sql("COMMIT")
    raise SpineError("not yet", ErrorCategory.TRANSIENT)


def _rows_as_dicts(connection):
    _driver(connection).row_factory = sys.modules["psycopg.rows"].dict_row


def _root(connection):
    connection.get_transaction().rollback()


#: How a pipeline may end its transaction, between two writes.
ENDINGS = {
    "ROLLBACK": _sql("ROLLBACK"),
    "COMMIT": _sql("COMMIT"),
    "COMMIT and BEGIN": _sql("COMMIT", "BEGIN"),
    "commit()": lambda connection: connection.commit(),
    "rollback()": lambda connection: connection.rollback(),
    "begin()": lambda connection: connection.begin(),
    "close()": lambda connection: connection.close(),
    "the driver's commit()": lambda connection: _driver(connection).commit(),
    "the driver's COMMIT": lambda connection: _driver(connection).execute("COMMIT"),
    "the driver's close()": lambda connection: _driver(connection).close(),
    "SQLAlchemy's transaction": _root,
    "COMMIT and a failure": _commit_and_fail,
    "ROLLBACK AND CHAIN": _sql("ROLLBACK AND CHAIN"),
}

#: What a session would keep.
LEAVINGS = {
    "nothing": _sql("SELECT 1"),
    "search_path": _sql("SET search_path TO elsewhere, public"),
    "settings": _sql("SET work_mem = '77MB'", "SET timezone = 'Asia/Tokyo'", "SET statement_timeout = '1h'"),
    "role": _sql("SET ROLE pg_monitor", "RESET ROLE", "SET SESSION AUTHORIZATION DEFAULT", "SET ROLE pg_read_all_data"),
    "temporary table": _sql("CREATE TEMPORARY TABLE written (who text)", "INSERT INTO written VALUES ('me')"),
    "advisory lock": _sql("SELECT pg_advisory_lock(77)"),
    "prepared statement": _sql("PREPARE mine AS SELECT 1"),
    "the driver's statements": _sql(*["SELECT 'often'"] * 10),
    "no statements": _sql("DEALLOCATE ALL"),
    "LISTEN": _sql("LISTEN somebody"),
    "cursor": _sql("DECLARE mine CURSOR WITH HOLD FOR SELECT 1"),
    "read-only": _sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"),
    "sequence": _sql("SELECT nextval('numbers')"),
    "rows as dicts": lambda connection: setattr(
        _driver(connection), "row_factory", sys.modules["psycopg.rows"].dict_row
    ),
}


@register_pipeline("mean.ends")
class Ends(Pipeline):
    """Writes a row, ends the transaction as it is told, writes another."""

    def run(self):
        _write(self.connection, self.params["how"])
        ENDINGS[self.params["how"]](self.connection)
        _write(self.connection, self.params["how"])
        return {"row_count": 2}


@register_pipeline("mean.ends_part")
class EndsPart(Pipeline):
    """Does so within a part."""

    transactional = False

    def run(self):
        with self.transaction() as connection:
            _write(connection, self.params["how"])
            ENDINGS[self.params["how"]](connection)
            _write(connection, self.params["how"])
        return {"row_count": 2}


@register_pipeline("mean.leaves")
class Leaves(Pipeline):
    """Looks at its session, and leaves something in it."""

    def run(self):
        found = state_of(self.connection)
        LEAVINGS[self.params["what"]](self.connection)
        if self.params.get("fails"):
            raise SpineError("no", ErrorCategory.DATA_QUALITY)
        return {"found": found}


@register_pipeline("mean.nested")
class Nested(Pipeline):
    """Takes back a part of its work by a savepoint."""

    def run(self):
        _write(self.connection, "nested")
        savepoint = self.connection.begin_nested()
        _write(self.connection, "taken back")
        savepoint.rollback()
        return {"row_count": 1}


@register_pipeline("mean.read_only")
class ReadOnly(Pipeline):
    """Forbids its own transaction to write."""

    def run(self):
        self.connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        return {}


QUICK = RetryPolicy(initial_interval=0.05)
ENDS = Workflow(name="mean.ends", steps=[Step.pipeline("write", Ends.name, retry=QUICK)])
ENDS_PART = Workflow(name="mean.ends_part", steps=[Step.pipeline("write", EndsPart.name, retry=QUICK)])
LEAVES = Workflow(name="mean.leaves", steps=[Step.pipeline("leave", Leaves.name, retry=QUICK)])
LEAVES_LOCALLY = Workflow(name="mean.leaves_locally", steps=[Step.pipeline("leave", Leaves.name, local=True)])
NESTED = Workflow(name="mean.nested", steps=[Step.pipeline("write", Nested.name)])
READ_ONLY = Workflow(name="mean.read_only", steps=[Step.pipeline("write", ReadOnly.name, retry=QUICK)])
SESSIONS = (ENDS, ENDS_PART, LEAVES, LEAVES_LOCALLY, NESTED, READ_ONLY)
