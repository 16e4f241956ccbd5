"""Run a workflow with a worker that dies at a boundary, and with the one that comes after it."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from spine_temporal.client.spine_client import SpineClient
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.definition.workflow import Workflow
from spine_temporal.recording.database import Database
from spine_temporal.testing.crash_points import AT, MARKER, STEP, CrashPoint
from spine_temporal.testing.durable import DurableRun
from spine_temporal.testing.loops import in_a_thread
from spine_temporal.translation.translate import source_of

#: Seconds that a worker has to come to its boundary, and the next one to end the run.
PATIENCE = 120.0


@dataclass(frozen=True, kw_only=True)
class Crashes:
    """Starts workers as processes of their own, on these servers."""

    address: str
    database: Database
    #: The command of a worker, such as ``python -m spine_temporal worker``.
    worker: Sequence[str]
    #: Modules that a worker loads beside the workflow's.
    modules: Sequence[str]
    folder: Path

    def run(
        self,
        point: CrashPoint | str,
        workflow: Workflow,
        params: Mapping[str, Any] | None = None,
        *,
        step: str | None = None,
        **options: Any,
    ) -> DurableRun:
        """Run a workflow to its end; the first worker dies at the point, a second one goes on.

        ``step`` narrows a point of an attempt to one step. Raises ``AssertionError`` where the run never comes to the
        point, ``ValueError`` for a point that there is not.
        """
        at = CrashPoint(point)
        if step is not None and not at.is_of_a_step:
            raise ValueError(f"{at.value!r} is a boundary of the run, and not of a step: leave step out")
        return in_a_thread(self._run(at, workflow, params, step, options))

    async def _run(
        self,
        at: CrashPoint,
        workflow: Workflow,
        params: Mapping[str, Any] | None,
        step: str | None,
        options: Mapping[str, Any],
    ) -> DurableRun:
        marker, queue = self.folder / f"died-{uuid4().hex[:8]}", f"test-{uuid4().hex[:8]}"
        environment = self._environment(at, step, workflow, marker, queue)
        client = await Client.connect(self.address, data_converter=pydantic_data_converter)
        started: list[subprocess.Popen[bytes]] = []
        try:
            started.append(self._start(environment))
            handle = await SpineClient(client, task_queue=queue).start(workflow, params, **options)
            ending = asyncio.create_task(handle.result())
            await self._died(started[0], at, ending)
            started.append(self._start(environment))
            result: WorkflowResult = await asyncio.wait_for(ending, PATIENCE)
        finally:
            for process in started:
                process.kill()
                process.wait()
        return DurableRun(result=result, database=self.database, workflow_id=handle.workflow_id, address=self.address)

    def _environment(
        self, at: CrashPoint, step: str | None, workflow: Workflow, marker: Path, queue: str
    ) -> dict[str, str]:
        modules = (*self.modules, source_of(workflow).module, "spine_temporal.testing.crashing")
        own = {
            AT: at.value,
            STEP: step or "",
            MARKER: str(marker),
            "SPINE_MODULES": ",".join(dict.fromkeys(modules)),
            "SPINE_TASK_QUEUE": queue,
            "SPINE_DATABASE_URL": self.database.url,
            "TEMPORAL_ADDRESS": self.address,
        }
        return {**os.environ, **own}

    def _start(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(self.worker, env=environment, stdout=log, stderr=log)  # noqa: S603 - our own command

    async def _died(
        self, worker: subprocess.Popen[bytes], at: CrashPoint, ending: "asyncio.Task[WorkflowResult]"
    ) -> None:
        deadline = time.monotonic() + PATIENCE
        while worker.poll() is None:
            if ending.done() or time.monotonic() > deadline:
                ended = f"and has ended {ending.result().status.value}" if ending.done() else f"in {PATIENCE:g} s"
                raise AssertionError(f"the run has not come to the boundary {at.value!r} {ended}")
            await asyncio.sleep(0.05)
        if worker.returncode != -signal.SIGKILL:
            log = (self.folder / "worker.log").read_text()[-2000:]
            raise AssertionError(f"the worker ended with {worker.returncode} before {at.value!r}:\n{log}")
