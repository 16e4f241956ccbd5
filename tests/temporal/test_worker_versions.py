"""Worker Versioning: a run stays on the build that it began with, gates' code and all."""

import asyncio
import importlib
import sys
from uuid import uuid4

import pytest
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError

from spine_temporal import SpineError
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
    Step.lambda_("gate", lambda ctx, config: StepResult.ok(output={"build": BUILD}))])
"""


@pytest.mark.timeout(120)
async def test_a_run_ends_with_the_gates_of_the_build_that_it_began_with(temporal, database, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    queue, deployment = f"pinned-{uuid4().hex[:8]}", f"spine-{uuid4().hex[:8]}"

    def worker(build):
        (tmp_path / f"pinned_{build}.py").write_text(f"BUILD = {build!r}\n{CODE}")
        importlib.invalidate_caches()
        from spine_temporal.definition import pipeline

        pipeline._PIPELINES.pop("pinned.wait", None)
        return running_worker(
            temporal,
            database,
            load_definitions([f"pinned_{build}"]),
            task_queue=queue,
            max_activities=5,
            version=WorkerDeploymentVersion(deployment, build),
        )

    async def begun(test):
        params = {"test": test, "marker": str(tmp_path / test), "go": str(tmp_path / "go")}
        handle = await temporal.start_workflow("pinned", params, id=f"{queue}-{test}", task_queue=queue)
        while not (tmp_path / test).exists():  # noqa: ASYNC110 - another thread makes it
            await asyncio.sleep(0.05)
        return handle

    async with worker("one"):
        await _make_current(temporal, deployment, "one")
        first = await begun("first")
        async with worker("two"):
            await _make_current(temporal, deployment, "two")
            second = await begun("second")
            (tmp_path / "go").touch()
            results = [await asyncio.wait_for(handle.result(), 60) for handle in (first, second)]
    assert [result["outputs"]["gate"]["build"] for result in results] == ["one", "two"]


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
