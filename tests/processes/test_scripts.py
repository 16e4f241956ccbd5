"""A script's run is on a task queue of its own; commands find it there, and serve it where nobody else does."""

import json
import os
import signal
import subprocess
from uuid import uuid4

import pytest

from spine_temporal.embedded import embedded_servers
from spine_temporal.translation.search_attributes import SEARCH_ATTRIBUTES
from tests.processes.conftest import ROOT, until

MODULES = "activities,workflows,tests.temporal.resumable"
SCRIPT = """
import json, sys
from spine_temporal import WorkflowRunner
from tests.temporal import resumable

if __name__ == "__main__":
    result = WorkflowRunner().execute(getattr(resumable, sys.argv[1]), params=json.loads(sys.argv[2]))
    print(result.status, result.error_step)
"""


@pytest.fixture
def home(tmp_path):
    """A home whose embedded servers run, so that each command finds them."""
    with embedded_servers(tmp_path / "home", search_attributes=SEARCH_ATTRIBUTES):
        yield tmp_path / "home"


@pytest.fixture
def start(home):
    """Start a program against that home; whatever still runs at the end is killed."""
    started = []

    def start(command):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPINE_", "TEMPORAL_"))}
        process = subprocess.Popen(
            command,
            env=kept | {"SPINE_HOME": str(home), "SPINE_MODULES": MODULES, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def typed(start, warm):
    """Run a command to its end; give its exit code and what it printed."""

    def run(*arguments):
        process = start(warm.spine(*arguments))
        out, err = process.communicate(timeout=100)
        return process.returncode, out, err

    return run


@pytest.fixture
def script(start, warm, tmp_path):
    """Start a script that runs a workflow."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return lambda workflow, params: start([warm.python, str(path), workflow, json.dumps(params)])


def test_a_scripts_failed_run_is_resumed_from_the_command_line_and_run_again(script, typed, tmp_path):
    params = {"week": uuid4().hex, "folder": str(tmp_path)}
    identity = f"resumable.sourced/week={params['week']}"
    out, err = script("SOURCED", params).communicate(timeout=100)
    assert out == "FAILED normalize\n", err
    (tmp_path / "source").touch()
    code, out, err = typed("resume", identity)
    assert code == 0, err
    assert "Status: COMPLETED" in out
    assert "'spine-runner/resumable.sourced', where a script began this run: this command serves it" in " ".join(
        err.split()
    ), err
    code, out, err = typed("run", "resumable.sourced", "--params", json.dumps(params), "--force")
    assert (code, "Status: COMPLETED" in out) == (0, True), err


def test_a_killed_scripts_run_is_seen_to_have_no_worker_and_run_joins_and_ends_it(script, typed, tmp_path):
    params = {"week": uuid4().hex, "folder": str(tmp_path)}
    identity = f"resumable.waiting/week={params['week']}"
    killed = script("WAITING", params)
    until(lambda: (tmp_path / "ran").exists() and "wait" in (tmp_path / "ran").read_text())
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    advice = "spine-temporal worker --task-queue spine-runner/resumable.waiting"
    _, why, _ = typed("why", identity)
    assert why.startswith("no worker: ")
    assert advice in why
    assert "run the script again" in why
    _, status, _ = typed("status", identity)
    assert "Status: RUNNING" in status
    assert advice in status
    code, _, err = typed("resume", identity)
    assert (code, "is running" in err) == (2, True)
    (tmp_path / "go").touch()
    code, out, err = typed("run", "resumable.waiting", "--params", json.dumps(params))
    assert (code, "Completed steps: ingest, wait, last" in out) == (0, True), err
    assert (tmp_path / "ran").read_text().split()[:1] == ["ingest"]
    assert (tmp_path / "ran").read_text().count("ingest") == 1


def test_a_run_whose_own_worker_was_this_command_waits_for_the_next_one_and_that_is_said(start, warm, typed, tmp_path):
    params = {"week": uuid4().hex, "folder": str(tmp_path)}
    identity = f"resumable.waiting/week={params['week']}"
    command = start(warm.spine("run", "resumable.waiting", "--params", json.dumps(params)))
    until(lambda: (tmp_path / "ran").exists() and "wait" in (tmp_path / "ran").read_text())
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=100)
    assert command.returncode == 130
    assert "the run waits for the next worker" in err
    assert f"  spine-temporal result {identity}" in err.splitlines()
    (tmp_path / "go").touch()
    code, out, err = typed("run", "resumable.waiting", "--params", json.dumps(params))
    assert (code, "Status: COMPLETED" in out) == (0, True), err


EDITED = """
from pathlib import Path
from spine_temporal import Pipeline, Step, StepResult, Workflow, WorkflowRunner, register_pipeline

@register_pipeline("edited.edit")
class Edit(Pipeline):
    def run(self):
        Path(__file__).write_text("this is no Python")
        return {"row_count": 1}

def gate(ctx, config):
    return StepResult.ok(output={"version": 1})

LATER = Workflow(name="edited.later", steps=[Step.lambda_("gate", gate)])
W = Workflow(name="edited", steps=[Step.pipeline("edit", "edited.edit"), Step.workflow("later", LATER)])

if __name__ == "__main__":
    print(WorkflowRunner().execute(W).outputs["later"])
"""


def test_a_script_that_is_edited_while_it_runs_goes_on_as_it_was(start, warm, tmp_path):
    (tmp_path / "edited.py").write_text(EDITED)
    out, err = start([warm.python, str(tmp_path / "edited.py")]).communicate(timeout=100)
    assert out == "{'gate': {'version': 1}}\n", err
