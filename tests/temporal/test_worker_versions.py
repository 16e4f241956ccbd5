"""Worker Versioning: a run stays on the build that it began with, gates' code and all."""

import asyncio
import importlib
import sys
from uuid import uuid4

import pytest
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import WorkflowFailureError
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError

from spine_temporal import SpineClient, SpineError
from spine_temporal.definition import pipeline
from spine_temporal.runtime.definitions import load_definitions
from spine_temporal.runtime.worker import deployment_version, running_worker
from spine_temporal.settings import Settings

CODE = """
import time
from pathlib import Path
from spine_temporal import Pipeline, Step, StepResult, Workflow, register_pipeline

@register_pipeline("pinned.wait")
class Wait(Pipeline):
    def run(self):
        Path(self.params["marker"]).touch()
        while not Path(self.params["go"]).exists():
            time.sleep(0.05)
        return {}

W = Workflow(name="pinned", partition_by=["test"], steps=[
    Step.pipeline("wait", "pinned.wait"),
    Step.lambda_("gate", lambda ctx, config:
        StepResult.fail("too few") if LEAST else StepResult.ok(output={"build": BUILD}))])
"""


class Deployment:
    """Workers of one deployment, a build each."""

    def __init__(self, client, database, folder):
        self.client, self.database, self.folder = client, database, folder
        self.queue, self.name = f"pinned-{uuid4().hex[:8]}", f"spine-{uuid4().hex[:8]}"
        self.definitions = None

    def worker(self, build, *, least=0):
        (self.folder / f"pinned_{build}.py").write_text(f"BUILD, LEAST = {build!r}, {least}\n{CODE}")
        importlib.invalidate_caches()
        pipeline._PIPELINES.pop("pinned.wait", None)
        self.definitions = load_definitions([f"pinned_{build}"])
        return running_worker(
            self.client,
            self.database,
            self.definitions,
            task_queue=self.queue,
            max_activities=5,
            version=WorkerDeploymentVersion(self.name, build),
        )

    async def begun(self, test):
        params = {"test": test, "marker": str(self.folder / test), "go": str(self.folder / "go")}
        identity = f"{self.queue}-{test}"
        handle = await self.client.start_workflow("pinned", params, id=identity, task_queue=self.queue)
        while not (self.folder / test).exists():  # noqa: ASYNC110 - another thread makes it
            await asyncio.sleep(0.05)
        return handle

    async def make_current(self, build):
        await _make_current(self.client, self.name, build)


@pytest.fixture
def deployment(temporal, database, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return Deployment(temporal, database, tmp_path)


async def test_a_run_ends_with_the_gates_of_the_build_that_it_began_with(deployment, tmp_path):
    async with deployment.worker("one"):
        await deployment.make_current("one")
        first = await deployment.begun("first")
        async with deployment.worker("two"):
            await deployment.make_current("two")
            second = await deployment.begun("second")
            (tmp_path / "go").touch()
            results = [await asyncio.wait_for(handle.result(), 60) for handle in (first, second)]
    assert [result["outputs"]["gate"]["build"] for result in results] == ["one", "two"]


async def test_a_failed_run_is_resumed_on_the_build_that_mended_it(deployment, temporal, database, tmp_path):
    (tmp_path / "go").touch()
    async with deployment.worker("old", least=1):
        await deployment.make_current("old")
        handle = await deployment.begun("first")
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(handle.result(), 60)
    async with deployment.worker("mended"):
        await deployment.make_current("mended")
        client = SpineClient(temporal, task_queue=deployment.queue)
        resumed = await client.resume(handle.id, [deployment.definitions.workflow("pinned")], database)
        result = await asyncio.wait_for(resumed.result(), 60)
    assert result.outputs["gate"] == {"build": "mended"}


async def _make_current(temporal, deployment, build):
    request = SetWorkerDeploymentCurrentVersionRequest(namespace="default", deployment_name=deployment, build_id=build)
    for _ in range(100):
        try:
            await temporal.workflow_service.set_worker_deployment_current_version(request)
        except RPCError:
            await asyncio.sleep(0.2)
        else:
            return
    raise AssertionError(f"{build} does not become current")


def test_a_version_needs_both_its_parts():
    assert deployment_version(Settings()) is None
    version = deployment_version(Settings(deployment_name="spine", build_id="7"))
    assert version == WorkerDeploymentVersion("spine", "7")
    with pytest.raises(SpineError, match="go together"):
        deployment_version(Settings(build_id="7"))
