"""Connections for code that was written for Spine: the running pipeline's, the application's own, or the service's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.pipeline import running_services
from spine_temporal.recording.database import Database, translated_errors
from spine_temporal.recording.spine_connection import SpineConnection

_provider: Callable[[], Any] | None = None


@dataclass(frozen=True, kw_only=True)
class ConnectionInfo:
    """What a connection is to."""

    backend: str = "postgresql"
    #: Whether what is written there stays.
    persistent: bool = True
    #: Without its password.
    url: str


def get_connection() -> Any:
    """Return a connection that takes Spine's ``?``.

    In a pipeline it is the step's transaction, which is committed with the step. Elsewhere it is what the application
    has set as its provider; where it has set none, a new connection to the service's database, for the caller to
    close. Raises ``SpineError`` where that cannot be reached.
    """
    services = running_services()
    if services is not None:
        return SpineConnection(services.connection, is_step=True)
    return create_connection()[0] if _provider is None else _provider()


def set_connection_provider(provider: Callable[[], Any]) -> None:
    """Let ``get_connection`` return what this function does, outside of pipelines."""
    global _provider  # noqa: PLW0603 - Spine has one provider for the process
    _provider = provider


def clear_connection_provider() -> None:
    """Forget the provider."""
    global _provider  # noqa: PLW0603 - as above
    _provider = None


def create_connection(db: str | None = None, *, init_schema: bool = False) -> tuple[SpineConnection, ConnectionInfo]:
    """Open a connection that takes Spine's ``?``, and say what it is to.

    ``db`` is a URL of Postgres; None: the service's database, as the settings have it or as the embedded servers run.
    ``init_schema`` brings it to the newest schema. Raises ``SpineError`` for another URL, and where it cannot be
    reached.
    """
    from spine_temporal.definition.redaction import shown_url  # noqa: PLC0415 - as below
    from spine_temporal.recording.migrate import upgrade  # noqa: PLC0415
    from spine_temporal.settings import Settings  # noqa: PLC0415 - a pipeline's get_connection() needs none of it

    settings = Settings.from_environment()
    database = Database(_url(db, settings), schema=settings.database_schema, pool_size=1)
    try:
        if init_schema:
            upgrade(database, settings.modules)
        with translated_errors():
            own = database.engine.connect()
    except Exception:
        database.close()
        raise
    return SpineConnection(own, at_close=database.close), ConnectionInfo(url=shown_url(database.url))


def _url(db: str | None, settings: Any) -> str:
    from spine_temporal.client.servers import found_servers  # noqa: PLC0415 - loads Temporal

    if db is None:
        return found_servers(settings, temporal=False).database_url
    if not db.startswith(("postgresql:", "postgres:", "postgresql+psycopg:")):
        raise SpineError(
            f"create_connection() connects to Postgres alone, and {db.partition('://')[0][:40]!r} is another database",
            ErrorCategory.CONFIGURATION,
            advice="give postgresql://user:password@host:5432/database, or nothing for the service's own",
        )
    return db
