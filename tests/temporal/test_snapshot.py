"""A started worker uses one version of the code, gates included, to its end."""

import asyncio
import importlib
import subprocess
import sys
from uuid import uuid4

import pytest

from spine_temporal.client.spine_client import SpineClient
from spine_temporal.runtime.definitions import load_definitions
from spine_temporal.runtime.worker import running_worker
from spine_temporal.translation import snapshot

GATES = """
import kept_helper
from spine_temporal import Step, StepResult, Workflow

def gate(ctx, config):
    return StepResult.ok(output={"gate": %d, "helper": kept_helper.VERSION})

W = Workflow(name="kept", steps=[Step.lambda_("check", gate)])
"""
#: What becomes of the files while the worker runs.
EDITS = {
    "the gate is edited": lambda gates, _: gates.write_text(GATES % 2),
    "the gate is broken": lambda gates, _: gates.write_text("def gate(:"),
    "the module is deleted": lambda gates, _: gates.unlink(),
    "what the gate imports is edited": lambda _, helper: helper.write_text("VERSION = 2\n"),
}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write the module and its helper anew, and load them as a worker that starts does."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    gates, helper = tmp_path / "kept_gates.py", tmp_path / "kept_helper.py"

    def load(version):
        gates.write_text(GATES % version)
        helper.write_text(f"VERSION = {version}\n")
        _forget()
        return load_definitions(["kept_gates"])

    yield load, gates, helper
    _forget()


def _forget():
    for name in ("kept_gates", "kept_helper"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()


@pytest.mark.parametrize("edit", EDITS)
async def test_a_worker_keeps_the_source_it_started_with_and_the_next_one_has_the_new(temporal, database, write, edit):
    load, gates, helper = write
    queue = f"test-{uuid4().hex[:8]}"
    worker = {"task_queue": queue, "max_activities": 5}
    definitions = load(1)
    client = SpineClient(temporal, task_queue=queue)

    async def run(number):
        execute = client.execute(definitions.workflow("kept"), {"test": f"{queue}-{number}"})
        return (await asyncio.wait_for(execute, 60)).outputs["check"]

    async with running_worker(temporal, database, definitions, **worker):
        assert await run(1) == {"gate": 1, "helper": 1}
        EDITS[edit](gates, helper)
        assert await run(2) == {"gate": 1, "helper": 1}
    definitions = load(2)
    async with running_worker(temporal, database, definitions, **worker):
        assert await run(3) == {"gate": 2, "helper": 2}


def test_another_process_can_be_given_what_is_kept(write, tmp_path):
    load, gates, _ = write
    load(1)
    snapshot.take()
    (tmp_path / "kept").write_bytes(snapshot.packed())
    gates.unlink()
    code = (
        "import sys; from pathlib import Path; from spine_temporal.translation import snapshot\n"
        "snapshot.restore(Path('kept').read_bytes())\n"
        "import kept_gates; print(kept_gates.W.name, kept_gates.__file__)"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["kept", str(gates)]


def test_a_build_is_another_one_where_the_services_code_or_what_is_installed_has_changed(write, tmp_path):
    def build(version):
        write[0](version)
        snapshot.take()
        return snapshot.build_id()

    first, second = build(1), build(2)
    assert first != second
    assert build(1) == first
    (tmp_path / "parser-2.0.dist-info").mkdir()
    assert build(1) not in {first, second}


def test_what_is_kept_is_the_services_own_code_and_nothing_of_python_or_its_packages(write):
    load, gates, helper = write
    load(1)
    files = snapshot.user_files()
    assert (files["kept_gates"], files["kept_helper"]) == (gates, helper)
    assert not {"json", "pydantic", "sqlalchemy", "spine_temporal.definition.step"} & set(files)
