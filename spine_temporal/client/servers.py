"""Which servers this process talks to: the configured ones, else the embedded ones, each by itself."""

import asyncio
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConfig, ClientConfigProfile
from temporalio.runtime import Runtime
from temporalio.service import RPCError

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.embedded import (
    ServerState,
    embedded_servers,
    remembered_servers,
    running_servers,
    servers_lock_held,
)
from spine_temporal.recording.database import Database
from spine_temporal.recording.migrate import require_current, upgrade
from spine_temporal.recording.payloads import external_storage
from spine_temporal.runtime.tracing import client_plugins
from spine_temporal.settings import Settings
from spine_temporal.translation.search_attributes import SEARCH_ATTRIBUTES

#: Seconds that Temporal gets to answer a connection.
_PATIENCE = 15.0


class UnreachableError(SpineError):
    """Raised when Temporal or Postgres does not answer; says where it was looked for."""

    def __init__(self, message: str, *, advice: str | None = None) -> None:
        super().__init__(message, ErrorCategory.DEPENDENCY, advice=advice)


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Where Temporal and Postgres are, for the commands and programs of one home."""

    temporal_address: str
    namespace: str
    task_queue: str
    ui_url: str | None
    database_url: str
    database_schema: str | None
    home: Path
    #: Whether Temporal is the embedded one, so that a run may need a worker of its own.
    temporal_is_embedded: bool
    database_is_embedded: bool


@dataclass(frozen=True, kw_only=True)
class _Configured:
    """What the user configures; None: the embedded server of the home."""

    temporal: ClientConfigProfile | None
    database_url: str | None


def _configured(settings: Settings) -> _Configured:
    """Return what is configured. A shell that has evaluated ``spine-temporal env`` names the home's own servers.

    Their database's URL has the home's socket in it, so it is no other's; an address alone may be anybody's.
    """
    profile, own = _configured_temporal(), remembered_servers(settings.home.absolute())
    if settings.database_url is None or settings.database_url != own.database_url:
        return _Configured(temporal=profile, database_url=settings.database_url)
    is_own = profile is not None and profile.address == own.temporal_address
    return _Configured(temporal=None if is_own else profile, database_url=None)


def _configured_temporal() -> ClientConfigProfile | None:
    """Return the profile of the ``TEMPORAL_*`` variables and ``temporal.toml``, None where neither names a server."""
    try:
        profile = ClientConfigProfile.load()
    except (RuntimeError, ValueError) as error:
        raise SpineError(f"the Temporal configuration cannot be read: {error}", ErrorCategory.CONFIGURATION) from None
    return profile if profile.address else None


@contextmanager
def available_servers(
    settings: Settings,
    *,
    temporal: bool = True,
    postgres: bool = True,
    ports: tuple[int | None, int | None] = (None, None),
) -> Iterator[Servers]:
    """Have the servers that are asked for while the block runs: start the embedded ones where none is configured."""
    configured = _configured(settings)
    needs_temporal = temporal and configured.temporal is None
    needs_postgres = postgres and configured.database_url is None
    if not (needs_temporal or needs_postgres):
        yield _servers(settings, configured, ServerState())
        return
    with embedded_servers(
        settings.home,
        temporal=needs_temporal,
        postgres=needs_postgres,
        search_attributes=SEARCH_ATTRIBUTES,
        temporal_port=ports[0],
        ui_port=ports[1],
    ) as state:
        yield _servers(settings, configured, state)


@contextmanager
def servers_of_home(settings: Settings) -> Iterator[Servers]:
    """Have both servers while the block runs; start those of a home that is there, and make no new one."""
    configured = _configured(settings)
    if configured.temporal is None or configured.database_url is None:
        _require_home(settings.home.absolute())
    with available_servers(settings) as servers:
        yield servers


@contextmanager
def running_servers_of(settings: Settings, *, temporal: bool = True, postgres: bool = True) -> Iterator[Servers]:
    """Have the servers that are asked for while the block runs, without starting any.

    Raises ``UnreachableError`` where an embedded one does not run.
    """
    yield found_servers(settings, temporal=temporal, postgres=postgres)


def found_servers(settings: Settings, *, temporal: bool = True, postgres: bool = True) -> Servers:
    """Return the servers that are configured, or that run in the home; raise ``UnreachableError`` for what does not."""
    configured = _configured(settings)
    home = settings.home.absolute()
    state = running_servers(home)
    lacks_temporal = temporal and configured.temporal is None and state.temporal_pid is None
    lacks_postgres = postgres and configured.database_url is None and state.postgres_pid is None
    if lacks_temporal or lacks_postgres:
        raise _not_running(home, state, "Temporal" if lacks_temporal else "Postgres")
    return _servers(settings, configured, state)


def _not_running(home: Path, state: ServerState, missing: str) -> UnreachableError:
    """Say which of a home's servers do not run, and that there is no home where it is another folder's."""
    _require_home(home)
    alone = state.temporal_pid is not None or state.postgres_pid is not None
    which = f"the embedded {missing} of {home} is" if alone else f"the embedded servers of {home} are"
    if servers_lock_held(home):
        return UnreachableError(f"{which} just being started or stopped", advice="look again in a moment")
    return UnreachableError(f"{which} not running", advice="start `spine-temporal dev`")


def _require_home(home: Path) -> None:
    if not home.is_dir():
        raise UnreachableError(
            f"there is no home of embedded servers at {home}, so nothing has run here",
            advice="go to the folder of your project, set SPINE_HOME, or start `spine-temporal dev`",
        )


def _servers(settings: Settings, configured: _Configured, embedded: ServerState) -> Servers:
    profile = configured.temporal
    return Servers(
        temporal_address=(profile.address if profile else embedded.temporal_address) or "",
        namespace=(profile.namespace if profile else None) or "default",
        task_queue=settings.task_queue,
        ui_url=None if profile else embedded.ui_url,
        database_url=configured.database_url or embedded.database_url or "",
        database_schema=settings.database_schema,
        home=settings.home.absolute(),
        temporal_is_embedded=profile is None,
        database_is_embedded=configured.database_url is None,
    )


async def connect(servers: Servers, runtime: Runtime | None = None) -> Client:
    """Connect to Temporal, with a runtime of the SDK's that counts; raise ``UnreachableError`` for no answer."""
    try:
        return await asyncio.wait_for(_connected(servers, runtime), _PATIENCE)
    except (RuntimeError, RPCError, TimeoutError) as error:
        reason = (str(error).strip() or "no answer in time").splitlines()[0][:200]
        raise _temporal_is_away(servers, reason) from None


async def _connected(servers: Servers, runtime: Runtime | None) -> Client:
    converter = converter_of(servers)
    plugins = client_plugins()
    if servers.temporal_is_embedded:
        address = servers.temporal_address
        return await Client.connect(address, data_converter=converter, runtime=runtime, plugins=plugins)
    options = ClientConfig.load_client_connect_config()
    return await Client.connect(**options, data_converter=converter, runtime=runtime, plugins=plugins)


def converter_of(servers: Servers) -> DataConverter:
    """Return pydantic's converter, which finds payloads in Postgres that are too large for Temporal's histories."""
    if not servers.database_url:
        return pydantic_data_converter
    storage = external_storage(Database(servers.database_url, schema=servers.database_schema))
    return dataclasses.replace(pydantic_data_converter, external_storage=storage)


def _temporal_is_away(servers: Servers, reason: str) -> UnreachableError:
    message = f"Temporal does not answer at {servers.temporal_address} ({reason})"
    if servers.temporal_is_embedded:
        return UnreachableError(message, advice=f"see {servers.home / 'logs' / 'temporal.log'}")
    return UnreachableError(message, advice="check TEMPORAL_ADDRESS, or unset it to use the embedded server")


def open_database(servers: Servers, settings: Settings, *, pool_size: int = 5, may_upgrade: bool = True) -> Database:
    """Open the database at its newest schema: the embedded one is upgraded if it may be, a configured one must be."""
    database = Database(servers.database_url, schema=settings.database_schema, pool_size=pool_size)
    try:
        if servers.database_is_embedded and may_upgrade:
            upgrade(database, settings.modules)
        else:
            require_current(database, settings.modules)
    except SpineError as error:
        database.close()
        if error.category is ErrorCategory.DEPENDENCY:
            raise _postgres_is_away(servers, str(error)) from None
        raise
    return database


def _postgres_is_away(servers: Servers, reason: str) -> UnreachableError:
    message = f"Postgres cannot be reached ({reason})"
    if servers.database_is_embedded:
        return UnreachableError(message, advice=f"see {servers.home / 'logs' / 'postgres.log'}")
    return UnreachableError(message, advice="check SPINE_DATABASE_URL, or unset it to use the embedded server")
