"""Commands as processes, against the session's servers and a database of their own."""

import os
import subprocess
import tempfile
import time
from uuid import uuid4

import pytest

from tests.conftest import ROOT


@pytest.fixture
def environment(servers, database_url, tmp_path):
    """Variables that point a command at the session's servers."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return kept | {
        "HOME": str(tmp_path),
        "SPINE_HOME": str(tmp_path / "spine"),
        "SPINE_DATABASE_URL": database_url,
        "SPINE_DATA_ROOTS": tempfile.gettempdir(),
        "SPINE_TASK_QUEUE": f"test-{uuid4().hex[:8]}",
        "TEMPORAL_ADDRESS": servers.temporal_address,
    }


@pytest.fixture
def spine(environment, warm):
    """Run a command to its end."""

    def run(*arguments, **changes):
        return subprocess.run(
            warm.spine(*arguments),
            env=environment | changes,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def spine_worker(warm):
    """The workers of `crash_at` start warm, too."""
    return warm.spine("worker")


@pytest.fixture
def start_worker(environment, tmp_path, warm):
    """Start a worker process; whatever still runs at the end is killed."""
    started = []

    def start(**changes):
        path = tmp_path / f"worker{len(started)}.log"
        log = path.open("w")
        process = subprocess.Popen(
            warm.spine("worker"),
            env=environment | changes,
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        process.log = path
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def until(condition, seconds=120):
    """Wait until the condition holds; fail where it does not in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {condition}")
