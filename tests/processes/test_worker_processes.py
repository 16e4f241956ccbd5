"""A worker's processes end with it, whatever they do, and write to its log."""

import json
import os
import re
import signal
from uuid import uuid4

import psycopg
import pytest

from tests.processes.conftest import until

MODULES = "activities,workflows,tests.processes.deaf_jobs"


@pytest.fixture
def deaf(spine, start_worker, tmp_path):
    """A worker with a pipeline that nothing interrupts, the pid of its process, and the workflow id."""
    worker = start_worker(SPINE_MODULES=MODULES, SPINE_GRACE="1")
    params = json.dumps({"test": uuid4().hex, "folder": str(tmp_path)})
    started = spine("start", "deaf_jobs.deaf", "--params", params, SPINE_MODULES=MODULES)
    assert started.returncode == 0, started.stderr
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    return worker, int((tmp_path / "pid").read_text()), started.stdout.strip()


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "Z"


def test_a_worker_that_is_told_to_stop_kills_a_pipeline_that_does_not_and_another_goes_on(
    spine, deaf, start_worker, tmp_path
):
    worker, pid, identity = deaf
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    assert is_gone(pid)
    (tmp_path / "go").touch()
    start_worker(SPINE_MODULES=MODULES)
    ended = json.loads(spine("result", identity, "--json").stdout)
    assert ended["status"] == "COMPLETED"


@pytest.mark.parametrize("end", ["a second signal", "kill -9"])
def test_no_process_outlives_its_worker(deaf, database_url, end):
    worker, pid, _ = deaf
    if end == "kill -9":
        worker.kill()
    else:
        worker.send_signal(signal.SIGTERM)
        until(lambda: "stopping" in (worker.log.read_text()))
        worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == (-signal.SIGKILL if end == "kill -9" else 130)
    until(lambda: is_gone(pid), seconds=10)
    with psycopg.connect(database_url) as connection:
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database "
        held += "WHERE datname = current_database())"
        until(lambda: connection.execute(held).fetchone() == (0,), seconds=20)


def test_what_a_pipeline_prints_and_logs_is_in_the_workers_log_with_its_run(spine, start_worker):
    worker = start_worker(SPINE_MODULES=MODULES)
    started = spine("start", "deaf_jobs.speaks", "--params", json.dumps({"test": uuid4().hex}), SPINE_MODULES=MODULES)
    result = json.loads(spine("result", started.stdout.strip(), "--json").stdout)
    assert result["outputs"]["speak"]["pid"] != worker.pid
    log = worker.log.read_text()
    assert "printed by the pipeline\n" in log
    told = rf"INFO deaf_jobs: logged by the pipeline \[speak of run {result['run_id']}, attempt 1\]"
    assert re.search(told, log)
    assert "nobody wants to know" not in log
