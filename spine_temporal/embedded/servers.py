"""One pair of servers per home, shared by every command that uses it, stopped by the last."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from spine_temporal.embedded.home import private_home
from spine_temporal.embedded.locks import locked, try_exclusive
from spine_temporal.embedded.postgres_server import start_postgres, stop_postgres
from spine_temporal.embedded.state import ServerState, remembered_servers, running_servers, save
from spine_temporal.embedded.temporal_server import start_temporal, stop_temporal


@contextmanager
def embedded_servers(
    home: Path,
    *,
    temporal: bool = True,
    postgres: bool = True,
    search_attributes: Mapping[str, str] | None = None,
    temporal_port: int | None = None,
    ui_port: int | None = None,
) -> Iterator[ServerState]:
    """Have the servers run while the block does; those that others started are shared.

    The count of users is a file lock that dies with its process, so a user that was killed neither keeps the
    servers alive nor stops those of others. Raises ``EmbeddedError``.
    """
    home = home.absolute()
    private_home(home)
    with locked(home / "users.lock", shared=True) as share:
        try:
            with locked(home / "servers.lock"):
                state = _started(
                    home,
                    temporal=temporal,
                    postgres=postgres,
                    search_attributes=search_attributes or {},
                    ports=(temporal_port, ui_port),
                )
            yield state
        finally:
            fcntl.flock(share, fcntl.LOCK_UN)
            _leave(home)


def _started(
    home: Path,
    *,
    temporal: bool,
    postgres: bool,
    search_attributes: Mapping[str, str],
    ports: tuple[int | None, int | None],
) -> ServerState:
    before, state = remembered_servers(home), running_servers(home)
    if postgres and state.postgres_pid is None:
        url, pid = start_postgres(home)
        state = replace(state, database_url=url, postgres_pid=pid)
        save(home, replace(before, database_url=url, postgres_pid=pid))
    if temporal and state.temporal_pid is None:
        address, ui_url, pid = start_temporal(home, search_attributes, port=ports[0], ui_port=ports[1], before=before)
        state = replace(state, temporal_address=address, ui_url=ui_url, temporal_pid=pid)
        save(home, state)
    return state


def _leave(home: Path) -> None:
    """Stop the servers where nobody else uses them."""
    with locked(home / "servers.lock"):
        alone = try_exclusive(home / "users.lock")
        if alone is None:
            return
        try:
            state = running_servers(home)
            if state.temporal_pid is not None:
                stop_temporal(state.temporal_pid)
            if state.postgres_pid is not None:
                stop_postgres(home)
        finally:
            os.close(alone)
