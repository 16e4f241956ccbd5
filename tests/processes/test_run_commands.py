"""list, cancel, terminate, open, status and Ctrl-C, as an operator types them, on a terminal of 80 columns."""

import asyncio
import json
import signal
import subprocess
from uuid import uuid4

import pytest
from temporalio.client import Client

from tests.processes.conftest import ROOT, until

MODULES = "activities,workflows,tests.temporal.resumable,tests.temporal.vocabulary"


@pytest.fixture
def typed(spine, start_worker):
    """Run a command with the modules of the test workflows, and a worker that has them."""
    start_worker(SPINE_MODULES=MODULES)
    return lambda *arguments, **changes: spine(*arguments, SPINE_MODULES=MODULES, COLUMNS="80", **changes)


@pytest.fixture
def waiting(typed, tmp_path):
    """A run in the middle of a pipeline that waits; its workflow id."""
    params = json.dumps({"week": uuid4().hex, "folder": str(tmp_path)})
    started = typed("start", "resumable.waiting", "--params", params)
    assert started.returncode == 0, started.stderr
    until(lambda: (tmp_path / "ran").exists() and "wait" in (tmp_path / "ran").read_text())
    return started.stdout.strip()


def _fits(text, *whole):
    """Every line is at most 80 columns wide, but for one that holds what must stay whole."""
    return [line for line in text.splitlines() if len(line) > 80 and not any(word in line for word in whole)] == []


def test_a_run_is_found_opened_and_cancelled(typed, waiting):
    listed = typed("list", "--status", "open")
    assert listed.stdout.splitlines()[0].split() == ["STATUS", "STARTED", "(UTC)", "TOOK", "AT"]
    assert listed.stdout.splitlines()[2].startswith("RUNNING")
    assert waiting in [line.strip() for line in listed.stdout.splitlines()]
    runs = json.loads(typed("list", "--workflow", "resumable.waiting", "--json").stdout)
    assert {run["workflow"] for run in runs} == {"resumable.waiting"}
    [run] = [run for run in runs if run["workflow_id"] == waiting]  # other tests may have had runs of it
    assert (run["workflow_id"], run["status"], run["held_step"]) == (waiting, "RUNNING", None)
    assert typed("list", "--partition", "week=another").stdout == "no runs\n"

    status = typed("status", waiting)
    assert "Status: RUNNING" in status.stdout
    assert "RUNNING    wait" in status.stdout

    assert typed("open", waiting).returncode == 2  # of a configured Temporal, nobody knows where its Web UI is
    opened = typed("open", waiting, "--ui-url", "http://localhost:8080/")
    assert opened.stdout.startswith("http://localhost:8080/namespaces/default/workflows/resumable.waiting%2Fweek%3D")

    cancelled = typed("cancel", waiting, "--reason", "a wrong week", "--by", "ann")
    assert cancelled.returncode == 0, cancelled.stderr
    assert "Status: CANCELLED" in cancelled.stdout
    again = typed("cancel", waiting)
    assert (again.returncode, again.stdout) == (2, "")
    assert "has ended (canceled), so there is nothing to stop" in again.stderr
    assert typed("list", "--status", "cancelled").stdout.splitlines()[2].startswith("CANCELLED")


def test_a_terminated_run_is_over_and_its_partition_free(typed, waiting):
    refused = typed("terminate", waiting)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--reason TEXT is missing" in refused.stderr
    terminated = typed("terminate", waiting, "--reason", "it hangs", "--by", "ann")
    assert terminated.returncode == 0, terminated.stderr
    assert "its end is recorded, and its partition is free" in " ".join(terminated.stdout.split())
    assert "it hangs (by ann)" in " ".join(typed("why", waiting).stdout.split())
    partition = waiting.partition("/")[2]
    assert [run["status"] for run in json.loads(typed("list", "--partition", partition, "--json").stdout)] == [
        "CANCELLED"
    ]


def test_a_held_gate_is_named_with_what_can_be_done(typed):
    started = typed("start", "vocabulary.strict", "-p", f"test={uuid4().hex}", "--hold")
    identity = started.stdout.strip()
    until(lambda: "HELD" in typed("list", "--status", "held").stdout)
    status = typed("status", identity)
    assert "Status: HELD at check" in status.stdout
    assert "Held gate check: 1 rows are too few (QUALITY_GATE)" in status.stdout
    for command in ("waive", "retry-step", "abort"):
        assert f"  spine-temporal {command} {identity} check --reason TEXT" in status.stdout.splitlines()
    assert json.loads(typed("status", identity, "--json").stdout)["held_steps"] == ["check"]
    anomalies = typed("anomalies")
    assert anomalies.stdout.splitlines()[0] == "vocabulary.strict"
    assert "GATE_HELD (QUALITY_GATE)" in anomalies.stdout
    assert identity in [line.strip() for line in anomalies.stdout.splitlines()]
    assert _fits(anomalies.stdout, identity)
    for command, titles in (("manifest", ["PARTITION", "STAGE", "ROWS"]), ("quality", ["STEP", "CHECK", "VALUE"])):
        shown = typed(command).stdout
        assert shown.splitlines()[0] == "vocabulary.strict"
        assert any(line.split()[:3] == titles for line in shown.splitlines())
        assert _fits(shown)
    assert typed("abort", identity, "check", "--reason", "no", "--by", "ann").returncode == 0


def test_ctrl_c_leaves_the_run_and_says_how_to_watch_and_cancel_it(typed, warm, waiting, environment, tmp_path):
    process = _started(warm, environment, "result", waiting)
    assert process.stderr.readline().strip() == waiting
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "the run goes on without this command" in err
    assert f"  spine-temporal result {waiting}" in err.splitlines()
    assert f"  spine-temporal cancel {waiting}" in err.splitlines()
    (tmp_path / "go").touch()
    assert typed("result", waiting).returncode == 0


def test_commands_find_the_runs_own_queue_and_say_that_nobody_serves_it(typed, warm, servers, environment, tmp_path):
    queue = f"elsewhere-{uuid4().hex[:8]}"
    params = json.dumps({"week": uuid4().hex, "folder": str(tmp_path), "rows": 5000})
    started = typed("start", "resumable.gated", "--params", params, SPINE_TASK_QUEUE=queue)
    identity = started.stdout.strip()
    start = f"spine-temporal worker --task-queue {queue}"
    assert started.returncode == 0
    assert start in started.stderr
    assert start in typed("status", identity).stdout
    assert typed("why", identity).stdout.startswith("no worker: ")
    for command in ("waive", "retry-step", "abort"):
        refused = typed(command, identity, "check", "--reason", "x", "--by", "ann")
        assert (refused.returncode, refused.stdout) == (3, "")
        assert start in refused.stderr
    # `run` of the same partition joins the run, on its own queue, and waits for the worker that it names.
    joined = _started(warm, environment, "run", "resumable.gated", "--params", params)
    try:
        assert joined.stderr.readline().startswith("params: ")
        assert joined.stderr.readline().strip() == identity
        assert start in joined.stderr.readline()
        asyncio.run(_terminate(servers, identity))
        assert joined.wait(60) == 1
    finally:
        joined.kill()
        joined.communicate()


def _started(warm, environment, *arguments):
    """Start a command, to be watched while it runs."""
    return subprocess.Popen(
        warm.spine(*arguments),
        env=environment | {"SPINE_MODULES": MODULES},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def _terminate(servers, identity):
    client = await Client.connect(servers.temporal_address)
    await client.get_workflow_handle(identity).terminate("seen")
