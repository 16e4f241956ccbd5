"""A step and a sub-workflow may ask for workers on task queues of their own, which need only what they serve."""

import asyncio
from uuid import uuid4

from spine_temporal.client.why import reasons
from spine_temporal.definition.pipeline import registered_pipelines
from spine_temporal.runtime.definitions import Definitions, definitions_of
from spine_temporal.runtime.worker import running_worker
from tests.temporal import queued
from tests.temporal.test_on_busy import until


async def test_a_step_waits_for_a_worker_of_its_own_queue_which_needs_its_pipeline_alone(
    serve, temporal, database, tmp_path
):
    pipelines = Definitions(pipelines={"resumable.ingest": registered_pipelines()["resumable.ingest"]})
    async with serve(queued.ELSEWHERE) as service:
        run = await service.client.start(queued.ELSEWHERE, {"week": uuid4().hex, "folder": str(tmp_path)})
        await lacks(temporal, run, f"none asks for work on task queue '{queued.QUEUE}'")
        async with running_worker(temporal, database, pipelines, task_queue=queued.QUEUE, max_activities=2):
            await until(lambda: (tmp_path / "ran").read_text() == "ingest ingest ")
            async with running_worker(
                temporal, database, definitions_of([queued.CHILD]), task_queue=queued.CHILDREN, max_activities=2
            ):
                result = await asyncio.wait_for(run.result(), 60)
    assert result.status == "COMPLETED"
    queues = "SELECT workflow, task_queue FROM core_runs ORDER BY workflow"
    assert service.rows(queues) == [("queued.child", queued.CHILDREN), ("queued.elsewhere", service.client.task_queue)]


async def lacks(temporal, run, told):
    async def says_so():
        found = await reasons(temporal, run)
        return found[0].kind == "no worker" and told in found[0].text

    await until(says_so)
