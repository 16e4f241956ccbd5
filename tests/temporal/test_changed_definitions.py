"""A definition may change while runs are in flight: each run finishes on the plan and the verdicts that it has."""

import asyncio
import dataclasses
import importlib
import sys
from uuid import uuid4

import pytest

from spine_temporal import WorkflowStatus
from spine_temporal.client.spine_client import SpineClient
from spine_temporal.client.why import reasons
from spine_temporal.runtime.definitions import Definitions, load_definitions
from spine_temporal.runtime.worker import running_worker

HEAD = """
import time
from pathlib import Path
from spine_temporal import Pipeline, Step, StepResult, Workflow, register_pipeline

@register_pipeline("changing.ingest")
class Ingest(Pipeline):
    def run(self):
        return {"row_count": 1500}

@register_pipeline("changing.slow")
class Slow(Pipeline):
    def run(self):
        Path(self.params["marker"]).touch()
        while not Path(self.params["go"]).exists():
            time.sleep(0.05)
            self.heartbeat()
        return {"done": True}

def gate(ctx, config):
    if ctx.get_output("ingest", "row_count") < config["least"]:
        return StepResult.fail("Too few")
    return StepResult.ok(output={"least": config["least"], "version": VERSION})

def last(ctx, config):
    return StepResult.ok(output={"version": VERSION})
"""
STEPS = """
W = Workflow(name="changing", steps=[
    Step.pipeline("ingest", "changing.ingest"), Step.lambda_("check", gate, {"least": LEAST}),
    Step.pipeline("slow", "changing.slow", heartbeat_timeout=2), Step.lambda_("last", last)])
"""
#: Each edit of the code while the run waits in its slow pipeline, after the gate has passed.
EDITS = {
    "a threshold is raised": "VERSION, LEAST = 2, 2000" + HEAD + STEPS,
    "the gate now raises": "VERSION, LEAST = 2, 1000" + HEAD.replace("if ctx", "raise ValueError\n    if ctx") + STEPS,
    "a step is added": "VERSION, LEAST = 2, 1000" + HEAD + STEPS.replace(
        'Step.lambda_("last"', 'Step.pipeline("more", "changing.ingest"), Step.lambda_("last"'),
    "steps change places": "VERSION, LEAST = 2, 1000" + HEAD + """
W = Workflow(name="changing", steps=[
    Step.lambda_("last", last), Step.pipeline("slow", "changing.slow"),
    Step.pipeline("ingest", "changing.ingest"), Step.lambda_("check", gate, {"least": LEAST})])
""",
    "a step that has run is removed": "VERSION, LEAST = 2, 1000" + HEAD + """
W = Workflow(name="changing", steps=[
    Step.pipeline("ingest", "changing.ingest"), Step.pipeline("slow", "changing.slow"), Step.lambda_("last", last)])
""",
    "steps that have run are renamed": "VERSION, LEAST = 2, 1000" + HEAD.replace('"ingest", "row', '"load", "row') + """
W = Workflow(name="changing", steps=[
    Step.pipeline("load", "changing.ingest"), Step.lambda_("look", gate, {"least": LEAST}),
    Step.pipeline("wait", "changing.slow"), Step.lambda_("last", last)])
""",
    "steps are given other params": "VERSION, LEAST = 2, 1000" + HEAD + STEPS.replace(
        '"changing.slow"', '"changing.slow", {"go": "/nowhere"}').replace('"last", last', '"last", last, {"more": 1}'),
    "the domain, the stage and the version change": "VERSION, LEAST = 2, 1000" + HEAD + STEPS.replace(
        'name="changing"', 'name="changing", domain="other", version=9').replace(
            'gate, {', 'gate, stage="LOOKED", config={'),
}  # fmt: skip


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module on disk that can be written again."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    name = "changing_definition"

    def write(code) -> Definitions:
        (tmp_path / f"{name}.py").write_text(code)
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return load_definitions([name])

    yield write
    sys.modules.pop(name, None)


@pytest.mark.parametrize("edit", EDITS)
async def test_a_run_in_flight_ends_as_it_was_planned(temporal, database, module, tmp_path, edit):
    queue = f"test-{uuid4().hex[:8]}"
    params = {"marker": str(tmp_path / "marker"), "go": str(tmp_path / "go")}
    definitions = module("VERSION, LEAST = 1, 1000" + HEAD + STEPS)
    worker = {"task_queue": queue, "max_activities": 5}
    async with running_worker(temporal, database, definitions, **worker):
        handle = await SpineClient(temporal, task_queue=queue).start(definitions.workflow("changing"), params)
        await _made(tmp_path / "marker")
        (tmp_path / "go").touch()
    async with running_worker(temporal, database, module(EDITS[edit]), **worker):
        result = await asyncio.wait_for(handle.result(), 60)
    assert result.status is WorkflowStatus.COMPLETED
    assert result.completed_steps == ["ingest", "check", "slow", "last"]
    assert result.outputs["check"] == {"least": 1000, "version": 1}


async def test_a_gate_that_has_failed_stays_failed_where_its_threshold_is_lowered(temporal, database, module, tmp_path):
    queue = f"test-{uuid4().hex[:8]}"
    params = {"marker": str(tmp_path / "marker"), "go": str(tmp_path / "go")}
    goes_on = HEAD + STEPS.replace('"least": LEAST}', '"least": LEAST}, on_error="CONTINUE"')
    definitions = module("VERSION, LEAST = 1, 2000" + goes_on)
    worker = {"task_queue": queue, "max_activities": 5}
    async with running_worker(temporal, database, definitions, **worker):
        handle = await SpineClient(temporal, task_queue=queue).start(definitions.workflow("changing"), params)
        await _made(tmp_path / "marker")
        (tmp_path / "go").touch()
    async with running_worker(temporal, database, module("VERSION, LEAST = 2, 1000" + goes_on), **worker):
        result = await asyncio.wait_for(handle.result(), 60)
    assert result.status is WorkflowStatus.PARTIAL
    assert (result.completed_steps, result.failed_steps) == (["ingest", "slow", "last"], ["check"])


async def test_a_gate_that_the_code_no_longer_has_is_waited_for(temporal, database, module, tmp_path):
    queue = f"test-{uuid4().hex[:8]}"
    params = {"marker": str(tmp_path / "marker"), "go": str(tmp_path / "go")}
    whole = "VERSION, LEAST = 1, 1000" + HEAD + STEPS
    definitions = module(whole)
    worker = {"task_queue": queue, "max_activities": 5}
    async with running_worker(temporal, database, definitions, **worker):
        handle = await SpineClient(temporal, task_queue=queue).start(definitions.workflow("changing"), params)
        await _made(tmp_path / "marker")
        (tmp_path / "go").touch()
    without = whole.replace(', Step.lambda_("last", last)', "")
    async with running_worker(temporal, database, module(without), **worker):
        await asyncio.sleep(6)
        progress = await handle.progress()
        assert progress.status is WorkflowStatus.RUNNING
        assert progress.completed_steps == ["ingest", "check", "slow"]
        assert [(reason.kind, reason.text) for reason in await reasons(temporal, handle)] == [
            ("waits", "a worker whose 'changing' has the lambda step 'last'")
        ]
    async with running_worker(temporal, database, module(whole), **worker):
        result = await asyncio.wait_for(handle.result(), 60)
    assert result.completed_steps == ["ingest", "check", "slow", "last"]


async def test_a_pipeline_that_the_workers_lack_is_waited_for_and_why_says_so(temporal, database, module, tmp_path):
    queue = f"test-{uuid4().hex[:8]}"
    params = {"marker": str(tmp_path / "marker"), "go": str(tmp_path / "go")}
    (tmp_path / "go").touch()
    two = (
        HEAD
        + """
W = Workflow(name="changing", steps=[
    Step.pipeline("ingest", "changing.ingest"), Step.pipeline("slow", "changing.slow"), Step.lambda_("last", last)])
"""
    )
    definitions = module("VERSION, LEAST = 1, 1000" + two)
    lacking = dataclasses.replace(definitions, pipelines={"changing.ingest": definitions.pipelines["changing.ingest"]})
    worker = {"task_queue": queue, "max_activities": 5}
    async with running_worker(temporal, database, lacking, **worker):
        client = SpineClient(temporal, task_queue=queue)
        handle = await client.start(definitions.workflow("changing"), params)
        found = []
        for _ in range(200):
            found = [reason for reason in await reasons(temporal, handle) if reason.kind == "retries"]
            if found:
                break
            await asyncio.sleep(0.1)
        assert "not registered on this worker" in found[0].text
        assert "the workers lack this pipeline" in found[0].advice
    async with running_worker(temporal, database, definitions, **worker):
        result = await asyncio.wait_for(handle.result(), 60)
    assert result.completed_steps == ["ingest", "slow", "last"]


async def _made(path):
    while not path.exists():  # noqa: ASYNC110 - another thread makes it
        await asyncio.sleep(0.05)
