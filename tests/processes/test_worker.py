"""How a worker stops, and what it says of itself while a server is away."""

import asyncio
import json
import signal
import socket
import time
import urllib.error
import urllib.request
from urllib.parse import quote, unquote
from uuid import uuid4

import psycopg
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from spine_temporal.operating.schedules.messages import SCHEDULED
from spine_temporal.runtime.sdk_logs import CORE_LOGGER
from spine_temporal.runtime.worker import operating_queue
from tests.processes.conftest import until

MODULES = "activities,workflows,tests.processes.slow_jobs"


@pytest.fixture
def begun(spine, start_worker, tmp_path):
    """A worker in the middle of a pipeline that takes that many seconds, and the run's workflow id."""

    def begin(seconds, **changes):
        worker = start_worker(SPINE_MODULES=MODULES, **changes)
        params = json.dumps({"test": uuid4().hex, "folder": str(tmp_path), "seconds": seconds})
        started = spine("start", "slow_jobs", "--params", params, SPINE_MODULES=MODULES)
        assert started.returncode == 0, started.stderr
        until((tmp_path / "begun").exists)
        return worker, started.stdout.strip()

    return begin


def _ledger(url):
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT status, attempt, error FROM core_executions").fetchall()


def test_a_worker_that_is_told_to_stop_lets_its_pipeline_finish(spine, begun, database_url):
    worker, identity = begun(3)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert _ledger(database_url) == [("COMPLETED", 1, None)]
    assert identity


def test_what_takes_longer_than_the_grace_is_handed_back_at_once(
    spine, servers, begun, start_worker, database_url, tmp_path
):
    worker, identity = begun(100, SPINE_GRACE="1")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert _ledger(database_url) == []
    (tmp_path / "go").touch()
    start_worker(SPINE_MODULES=MODULES)
    ended = spine("result", identity, "--json")
    assert json.loads(ended.stdout)["status"] == "COMPLETED"
    assert asyncio.run(_handed_back(servers, identity)), "it was waited for its heartbeat"
    assert _ledger(database_url) == [("COMPLETED", 1, None)]
    assert (tmp_path / "begun").read_text() == "xx"


async def _handed_back(servers, identity):
    """Whether the second attempt followed an answer of the first, and not its silence."""
    client = await Client.connect(servers.temporal_address)
    history = await client.get_workflow_handle(identity).fetch_history()
    kind = EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
    [started] = [e.activity_task_started_event_attributes for e in history.events if e.event_type == kind]
    assert started.attempt == 2
    return started.last_failure.message and not started.last_failure.HasField("timeout_failure_info")


def test_a_second_signal_ends_the_worker_now(begun, database_url):
    worker, _ = begun(100)
    worker.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    worker.send_signal(signal.SIGINT)
    assert worker.wait(60) == 130
    assert _ledger(database_url) == []


def test_a_worker_says_that_it_is_not_ready_while_postgres_is_away(start_worker, environment, tmp_path, short_home):
    head, _, folder = environment["SPINE_DATABASE_URL"].partition("?host=")
    link = short_home / "socket"  # a socket's path may have a hundred characters
    link.symlink_to(unquote(folder))
    address = _free_address()
    worker = start_worker(SPINE_DATABASE_URL=f"{head}?host={quote(str(link), safe='')}", SPINE_HEALTH_ADDRESS=address)
    until(lambda: _get(f"http://{address}/readyz")[0] == 200)
    assert _get(f"http://{address}/livez") == (200, '{"status": "alive"}')
    until(lambda: "temporal_worker_start_total" in _get(f"http://{address}/metrics")[1])
    link.unlink()
    with psycopg.connect(environment["SPINE_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    until(lambda: _get(f"http://{address}/readyz")[0] == 503)
    status = json.loads(_get(f"http://{address}/readyz")[1])
    assert status["status"] == "not ready"
    assert status["away"]["postgres"].startswith("POSTGRES_AWAY")
    assert 'spine_server_up{server="postgres"} 0.0' in _get(f"http://{address}/metrics")[1]
    assert _get(f"http://{address}/livez")[0] == 200
    link.symlink_to(unquote(folder))
    until(lambda: _get(f"http://{address}/readyz")[0] == 200)
    assert worker.poll() is None
    log = (tmp_path / "worker0.log").read_text()
    assert "not ready: postgres is away" in log
    assert "postgres is back" in log


@pytest.mark.parametrize("is_counting", [True, False])
async def test_what_temporals_core_logs_is_json_and_masked_as_all_of_the_log_is(
    servers, start_worker, environment, is_counting
):
    """A workflow whose argument is none fails its task, of which the core tells, with all of the failure's text."""
    counting = {"SPINE_HEALTH_ADDRESS": _free_address()} if is_counting else {}
    worker = start_worker(SPINE_MODULES=MODULES, SPINE_LOG_FORMAT="json", **counting)
    client = await Client.connect(servers.temporal_address)
    queue = operating_queue(environment["SPINE_TASK_QUEUE"])
    handle = await client.start_workflow(SCHEDULED, {"times": "password=hunter2"}, id=uuid4().hex, task_queue=queue)
    await asyncio.to_thread(until, lambda: "Failing workflow task" in worker.log.read_text())
    await handle.terminate()

    lines = [json.loads(line) for line in worker.log.read_text().splitlines()]
    [told, *_] = [line for line in lines if line["logger"] == CORE_LOGGER]
    assert (told["level"], "temporal_log" in told) == ("WARNING", False)
    assert "password=***" in told["message"]
    assert "hunter2" not in worker.log.read_text()


@pytest.mark.parametrize("address", ["8080", "nowhere.invalid:80", "127.0.0.1:http"])
def test_a_wrong_health_address_is_told(start_worker, address, tmp_path):
    worker = start_worker(SPINE_HEALTH_ADDRESS=address)
    assert worker.wait(60) == 2
    log = (tmp_path / "worker0.log").read_text()
    assert "SPINE_HEALTH_ADDRESS" in log
    assert "Traceback" not in log


def _free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def _get(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""
