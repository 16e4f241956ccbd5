"""The embedded servers: shared by whoever uses a home, kept by none, with their data."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import psycopg
import pytest

from spine_temporal.embedded import EmbeddedError, embedded_servers, running_servers
from spine_temporal.translation.search_attributes import SEARCH_ATTRIBUTES
from tests.processes.conftest import ROOT, until

USER = """
import sys, time
from pathlib import Path
from spine_temporal.embedded import embedded_servers
with embedded_servers(Path(sys.argv[1])):
    Path(sys.argv[2]).touch()
    sys.stdin.read()
"""


def alive(home):
    state = running_servers(home)
    return state.temporal_pid is not None or state.postgres_pid is not None


@pytest.fixture
def home(short_home):
    return short_home


@pytest.fixture
def user(tmp_path):
    """Start a process that uses a home until its stdin ends."""
    started = []

    def start(home):
        ready = tmp_path / f"ready{len(started)}"
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(USER), str(home), str(ready)], cwd=ROOT, stdin=subprocess.PIPE
        )
        started.append(process)
        until(ready.exists)
        return process

    yield start
    for process in started:
        process.stdin.close()
        process.wait(30)


def test_data_stays_between_uses_and_nothing_runs_after_the_last(home):
    with embedded_servers(home, search_attributes=SEARCH_ATTRIBUTES) as first:
        with psycopg.connect(first.database_url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    assert not alive(home)
    with embedded_servers(home, search_attributes=SEARCH_ATTRIBUTES) as second:
        with psycopg.connect(second.database_url) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    assert not alive(home)


def test_two_users_share_one_pair_and_the_last_stops_it(home, user):
    other = user(home)
    before = running_servers(home)
    with embedded_servers(home) as mine:
        assert mine == before
        other.stdin.close()
        assert other.wait(30) == 0
        assert alive(home)
    assert not alive(home)


def test_a_killed_user_leaves_servers_that_the_next_takes_over_and_stops(home, user):
    other = user(home)
    other.kill()
    other.wait()
    left = running_servers(home)
    with embedded_servers(home) as mine:
        assert mine == left
    assert not alive(home)


def test_killed_servers_are_started_again_with_their_data(home):
    with embedded_servers(home) as first:
        with psycopg.connect(first.database_url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        for pid in (first.temporal_pid, first.postgres_pid):
            os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(home))
    with embedded_servers(home) as second, psycopg.connect(second.database_url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_a_port_in_use_gives_another_and_one_that_was_asked_for_an_error(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EmbeddedError, match=f"port {port} for Temporal is in use"):
            with embedded_servers(tmp_path / "home", postgres=False, temporal_port=port):
                raise AssertionError
    with (
        embedded_servers(tmp_path / "a", postgres=False) as one,
        embedded_servers(tmp_path / "b", postgres=False) as two,
    ):
        assert one.temporal_address != two.temporal_address


def test_a_long_home_works_too(home):
    home.chmod(0o755)
    home = home / ("deep" * 15) / ("er" * 15)
    with embedded_servers(home, temporal=False) as state, psycopg.connect(state.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert Path(home / ".gitignore").read_text() == "*\n"
