"""The one door to Postgres."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.recording.database_errors import READ_ONLY, classify
from spine_temporal.recording.lending import own, renew_others, taken_back

#: Seconds to wait for a connection to open, or for one of the pool.
CONNECT_TIMEOUT = 5
POOL_TIMEOUT = 30
#: Seconds after which Postgres ends a transaction that does nothing: its process is frozen, and others wait for its
#: locks. A pipeline's transaction has its own limit.
IDLE_TIMEOUT = 30
#: How often Postgres looks, in the middle of a statement, whether somebody still waits for it. Not every server can.
_CHECK = "client_connection_check_interval"
_CHECKED = f" -c {_CHECK}=5s"


class Database:
    """A pool of connections to one Postgres database, with its errors put in our words."""

    def __init__(self, url: str, *, schema: str | None = None, pool_size: int = 5) -> None:
        self.url = url
        self.schema = schema
        self._engine = _engine(url, schema, pool_size)

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine."""
        return self._engine

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction that commits when the block ends well; driver errors become ``SpineError``."""
        with self.session() as connection, connection.begin():
            yield connection

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """Open a connection whose transactions are the caller's; driver errors become ``SpineError``."""
        with translated_errors(), self._engine.connect() as connection:
            yield own(connection)

    @contextmanager
    def lendable(self) -> Iterator[Connection]:
        """Open a connection that user code gets as well; its session comes back as new, or is closed."""
        with self.session() as connection:
            try:
                yield connection
            finally:
                taken_back(connection)

    def connections(self) -> dict[str, int]:
        """Return how many connections of the pool are ``used``, and how many more may be: ``free``."""
        pool = self._engine.pool
        assert isinstance(pool, QueuePool)  # noqa: S101 - SQLAlchemy's own where none is asked for
        used = pool.checkedout()
        return {"used": used, "free": pool.size() - used}

    def close(self) -> None:
        """Close the pool's connections."""
        self._engine.dispose()


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn errors of SQLAlchemy and of the driver into ``SpineError`` with their category, the cause kept."""
    try:
        yield
    except (DBAPIError, PoolTimeoutError, psycopg.Error) as error:
        raise classify(error) from error


def sqlalchemy_url(url: str) -> str:
    """Return the URL with our driver; raise ``SpineError`` where it is no Postgres URL."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        # What has no scheme may begin with its password.
        found = f"{scheme[:40]!r}://..." if separator else "a text without a scheme"
        raise SpineError(
            f"SPINE_DATABASE_URL must be like postgresql://user:password@host:5432/database, not {found}",
            ErrorCategory.CONFIGURATION,
        )
    return f"postgresql+psycopg://{rest}"


def _engine(url: str, schema: str | None, pool_size: int) -> Engine:
    settings = ["-c timezone=UTC", f"-c idle_in_transaction_session_timeout={IDLE_TIMEOUT}s"]
    if schema:
        settings.append(f"-c search_path={schema}")
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT,
        "application_name": "spine-temporal",
        # A server that is gone without a word is noticed in seconds, not after the two hours of TCP's default.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        "options": " ".join(settings) + _CHECKED,
    }
    try:
        engine = create_engine(
            sqlalchemy_url(url),
            connect_args=arguments,
            pool_size=pool_size,
            max_overflow=0,
            pool_use_lifo=True,  # the warmest session first: its plans are made, its pages are read
            pool_timeout=POOL_TIMEOUT,
            hide_parameters=True,
        )
    except (ArgumentError, ValueError):
        # Their words quote what could not be read, which may be a part of the password.
        raise SpineError(
            "SPINE_DATABASE_URL cannot be read: it must be like postgresql://user:password@host:5432/database, the "
            "special characters of user and password percent-encoded (@ as %40, / as %2F, : as %3A)",
            ErrorCategory.CONFIGURATION,
        ) from None
    renew_others(engine)
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "handle_error", _leave_a_standby)
    return engine


def _connect(dialect: Any, _record: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
    """Connect; a server that does not know ``client_connection_check_interval`` is not asked to set it."""
    try:
        return dialect.connect(*arguments, **named)
    except psycopg.OperationalError as error:
        if _CHECK not in str(error):
            raise
        named["options"] = named["options"].removesuffix(_CHECKED)
        return dialect.connect(*arguments, **named)


def _leave_a_standby(context: ExceptionContext) -> None:
    """Close the sessions of a server that has become read-only: after a failover they would never write again."""
    if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
        context.is_disconnect = True
