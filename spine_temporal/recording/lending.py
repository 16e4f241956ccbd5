"""Sessions that user code gets: it may not end their transaction, and they are as new when they come back."""

from typing import Any, NoReturn

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import Connection, Engine, RootTransaction, event

from spine_temporal.definition.errors import ErrorCategory, SpineError

#: What is noted of a session: that it is us who use it, and what it was when it was lent.
_OWN, _LOAN = "spine_own", "spine_loan"

# All that DISCARD ALL does, but for the plans of our own statements, which cost more than the whole of it.
_RENEW = b"""
    CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ROLE; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all();
    DISCARD TEMP; DISCARD SEQUENCES; SELECT name FROM pg_prepared_statements
"""


# A pipeline may work under another role or in another schema; what is recorded of it is not.
_RESTORE = b"SET SESSION AUTHORIZATION DEFAULT; RESET ROLE; RESET ALL"


class TransactionEndedError(SpineError):
    """Raised when a pipeline has ended, or wants to end, the transaction that its step commits."""

    CODE = "TRANSACTION_ENDED"

    def __init__(self, did: str) -> None:
        super().__init__(
            f"the pipeline {did} the transaction that the step commits: leave out COMMIT, ROLLBACK and BEGIN "
            "(begin_nested() makes a savepoint), or set transactional = False on the class to commit in parts",
            ErrorCategory.CONFIGURATION,
            code=self.CODE,
        )


class SpoiledSessionError(Exception):
    """Raised when a session cannot be made as new: it is closed, and a new one takes its place."""


class StepConnection(Connection):
    """The transaction that a step commits, as its pipeline has it.

    It has a state of its own over the same session, so that nothing done to it reaches the one that commits.
    """

    def __init__(self, own: Connection) -> None:
        """Lend the session of a connection, within its transaction."""
        super().__init__(own.engine, connection=own.connection, _allow_revalidate=False)
        super().begin()
        self._own = own
        self.driver: psycopg.Connection[Any] = _driver(own)
        self._loan = own.info.setdefault(_LOAN, _Loan(self.driver))
        self._was_closed = self._has_ended = False

    @property
    def was_closed(self) -> bool:
        """Whether user code has closed the session; one that broke was not."""
        return self._was_closed or (self.driver.closed and not self.driver.broken)

    @property
    def is_lost(self) -> bool:
        """Whether the session is closed, by whomever."""
        return self.driver.closed

    def end(self) -> None:
        """Take it back, with its role and settings as they were: what user code still does with it fails."""
        if self._has_ended:
            return
        self._has_ended, self._dbapi_connection = True, None
        self._loan.end()
        if not self.is_lost:
            self.driver.pgconn.exec_(_RESTORE)
        elif not self._own.closed:
            self._own.invalidate()

    def invalidate(self, exception: BaseException | None = None) -> None:
        """Close the session, which SQLAlchemy does where the driver says that it broke."""
        self._was_closed = self.was_closed or exception is None
        super().invalidate(exception)

    def commit(self) -> NoReturn:
        """Refuse."""
        raise TransactionEndedError("wants to commit")

    def rollback(self) -> NoReturn:
        """Refuse."""
        raise TransactionEndedError("wants to roll back")

    def begin(self) -> RootTransaction:
        """Refuse: a transaction is open already."""
        raise TransactionEndedError("wants to begin anew in")

    def begin_twophase(self, xid: Any = None) -> NoReturn:
        """Refuse."""
        raise TransactionEndedError("wants to begin anew in")

    def close(self) -> NoReturn:
        """Refuse."""
        raise TransactionEndedError("wants to close")

    def detach(self) -> NoReturn:
        """Refuse."""
        raise TransactionEndedError("wants to take away")


class _Loan:
    """The state of a session when it was lent, and what must be undone when it comes back."""

    def __init__(self, driver: psycopg.Connection[Any]) -> None:
        self._driver = driver
        self._settings = _settings_of(driver)
        self._forms = driver.row_factory, driver.cursor_factory
        self._known = set(_prepared(driver))
        self._added: set[Any] = set()

    def end(self) -> None:
        """Note which statements the driver has prepared for user code; what it prepares from now on is ours.

        Our statements read rows as the driver gave them before.
        """
        self._driver.row_factory, self._driver.cursor_factory = self._forms
        self._added |= set(_prepared(self._driver)) - self._known

    def renew(self) -> None:
        """Make the session as new; raises ``SpoiledSessionError`` and the driver's errors where that cannot be."""
        if _settings_of(self._driver) != self._settings:
            raise SpoiledSessionError("the driver's settings were changed")
        _renew(self._driver, self._added)


def own(connection: Connection) -> Connection:
    """Say that it is us who use the connection's session."""
    connection.info[_OWN] = True
    return connection


def taken_back(connection: Connection) -> None:
    """Make the session of a connection as new where user code has had it, or close it."""
    if connection.closed or connection.invalidated or not connection.connection.is_valid:
        return
    loan: _Loan | None = connection.info.pop(_LOAN, None)
    if loan is None:
        return
    try:
        loan.renew()
    except (psycopg.Error, SpoiledSessionError):
        connection.invalidate()


def renew_others(engine: Engine) -> None:
    """Make a pool reset each session that user code took from it."""

    @event.listens_for(engine, "reset")
    def reset(driver: psycopg.Connection[Any], record: Any, _state: Any) -> None:
        if not record.info.pop(_OWN, False) and not driver.closed:
            _renew(driver, set(_prepared(driver)))


def _renew(driver: psycopg.Connection[Any], without: set[Any]) -> None:
    if driver.info.transaction_status is not TransactionStatus.IDLE:
        driver.rollback()
    prepared = _prepared(driver)
    names = [prepared.pop(key) for key in without if key in prepared]
    commands = b"".join(b"DEALLOCATE %b; " % name for name in names)
    result = driver.pgconn.exec_(commands + _RENEW)
    if result.status != ExecStatus.TUPLES_OK:
        raise SpoiledSessionError(result.error_message.decode(errors="replace"))
    left = {result.get_value(row, 0) for row in range(result.ntuples)}
    if left != set(prepared.values()):
        raise SpoiledSessionError("statements were prepared, or taken away, in SQL")


def _prepared(driver: psycopg.Connection[Any]) -> dict[Any, bytes]:
    """Return the names of the statements that the driver has prepared by itself, by query and types."""
    names: dict[Any, bytes] = driver._prepared._names
    return names


def _settings_of(driver: psycopg.Connection[Any]) -> tuple[Any, ...]:
    return (
        driver.autocommit,
        driver.isolation_level,
        driver.read_only,
        driver.deferrable,
        driver.row_factory,
        driver.cursor_factory,
        driver.prepare_threshold,
        driver.prepared_max,
    )


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    driver: Any = connection.connection.driver_connection
    return driver  # type: ignore[no-any-return]  # SQLAlchemy knows the driver's connections as objects
