"""dev starts its worker anew when the source changes to something that loads, and keeps it where it does not."""

import asyncio
import signal
import subprocess
from uuid import uuid4

import pytest
from temporalio.client import Client

from tests.processes.conftest import ROOT, until

GATES = """
from spine_temporal import Step, StepResult, Workflow

def gate(ctx, config):
    return StepResult.ok(output={"version": %d})

W = Workflow(name="reloaded", steps=[Step.lambda_("check", gate)])
"""


@pytest.fixture
def gates(tmp_path):
    """The source of a service: a package with a workflow."""
    package = tmp_path / "service" / "flows"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "gates.py").write_text(GATES % 1)
    return package / "gates.py"


@pytest.fixture
def dev(environment, gates, tmp_path, warm):
    """Start ``dev`` in the service's folder; give its log."""
    started = []
    log = tmp_path / "dev.log"

    def start(*options):
        with log.open("w") as output:
            process = subprocess.Popen(
                warm.spine("dev", *options),
                env=environment
                | {"SPINE_MODULES": "activities,workflows,flows", "PYTHONPATH": str(ROOT), "SPINE_GRACE": "1"},
                cwd=gates.parents[1],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        until(lambda: _ready(log) == 1)
        return log

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0


@pytest.fixture
def version(servers, environment):
    """Run the workflow as the worker has it; give the version of its gate."""

    async def run():
        client = await Client.connect(servers.temporal_address)
        handle = await client.start_workflow(
            "reloaded", {"test": uuid4().hex}, id=uuid4().hex, task_queue=environment["SPINE_TASK_QUEUE"]
        )
        return (await asyncio.wait_for(handle.result(), 60))["outputs"]["check"]["version"]

    return lambda: asyncio.run(run())


def _ready(log):
    return log.read_text().count(": ready: task queue")


def test_a_change_is_told_and_the_worker_started_anew_if_it_loads(dev, gates, version, spine, environment):
    log = dev()
    second = spine("dev")
    assert second.returncode == 2
    assert second.stderr.startswith(
        f"error: another `spine-temporal dev` runs in {environment['SPINE_HOME']}: use that"
    )
    assert version() == 1
    gates.write_text(GATES % 2)
    until(lambda: _ready(log) == 2)
    assert "changed: flows/gates.py" in log.read_text()
    assert version() == 2

    gates.write_text(GATES % 3 + "\ndef broken(:\n")
    until(lambda: "the worker keeps the code that it has" in log.read_text())
    assert "error: module 'flows.gates' cannot be imported: SyntaxError" in log.read_text()
    assert version() == 2
    assert _ready(log) == 2

    (gates.parent / "more").mkdir()
    (gates.parent / "more" / "__init__.py").touch()
    (gates.parent / "more" / "others.py").write_text((GATES % 1).replace('"reloaded"', '"another"'))
    gates.write_text(GATES % 3)
    until(lambda: "workflows: another, finra" in log.read_text())
    assert version() == 3


def test_without_reload_the_worker_keeps_its_code_whatever_changes(dev, gates, version):
    log = dev("--no-reload")
    gates.write_text(GATES % 2)
    assert version() == 1
    gates.unlink()
    assert version() == 1
    assert "changed" not in log.read_text()
