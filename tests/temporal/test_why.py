"""Why a run is where it is, in one line that names the cause."""

import asyncio
from urllib.parse import quote
from uuid import uuid4

from temporalio import workflow as temporal_workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from spine_temporal import SpineClient
from spine_temporal.client.why import reasons
from spine_temporal.recording.database import Database
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.worker import running_worker
from tests.temporal import jobs, resumable


async def _until(client, handle, kind, of=""):
    for _ in range(200):
        found = await reasons(client, handle)
        if found[0].kind == kind and of in found[0].text:
            return found[0]
        await asyncio.sleep(0.1)
    raise AssertionError(f"{found} and not {kind}")


async def test_a_run_that_nobody_works_on_waits_for_a_worker(temporal):
    queue = f"nobody-{uuid4().hex[:8]}"
    handle = await SpineClient(temporal, task_queue=queue).start(jobs.GATED, {"test": queue})
    reason = await _until(temporal, handle, "no worker")
    assert f"none asks for work on task queue '{queue}'" in reason.text
    assert reason.advice == f"start one: `spine-temporal worker --task-queue {queue}`"
    await handle.handle.terminate("seen")


async def test_a_run_whose_postgres_is_away_says_so(temporal, database):
    head = database.url.partition("?host=")[0]
    away = Database(f"{head}?host={quote('/nowhere', safe='')}")
    queue = f"away-{uuid4().hex[:8]}"
    async with running_worker(temporal, away, definitions_of([jobs.GATED]), task_queue=queue, max_activities=5):
        handle = await SpineClient(temporal, task_queue=queue).start(jobs.GATED, {"test": queue})
        reason = await _until(temporal, handle, "retries")
        assert "spine.begin is tried again in" in reason.text
        assert "POSTGRES_AWAY" in reason.text
        assert reason.advice.startswith("Postgres is away")
        await handle.handle.terminate("seen")
    away.close()


async def test_runs_that_work_fail_and_are_cancelled_say_so(serve, temporal, tmp_path):
    async with serve(*resumable.ALL) as service:
        params = {"week": uuid4().hex, "folder": str(tmp_path)}
        failed = await service.client.start(resumable.SOURCED, params)
        await failed.result()
        reason = (await reasons(temporal, failed))[0]
        assert reason.text == "it has ended as FAILED at step 'normalize': NO_SOURCE: no source"
        assert reason.advice == f"mend the cause, then `spine-temporal resume {failed.workflow_id}`"
        running = await service.client.start(resumable.WAITING, params)
        reason = await _until(temporal, running, "runs", "'wait'")  # before it, another step runs for a moment
        assert "'wait' (resumable.wait) runs for" in reason.text
        await running.cancel()
        await running.result()
        assert "it has ended as CANCELLED" in (await reasons(temporal, running))[0].text


async def test_a_step_for_which_no_worker_is_free_waits_for_a_slot(temporal, database, tmp_path):
    queue = f"busy-{uuid4().hex[:8]}"
    definitions = definitions_of([resumable.WAITING])
    async with running_worker(temporal, database, definitions, task_queue=queue, max_activities=1):
        client = SpineClient(temporal, task_queue=queue)
        first = await client.start(resumable.WAITING, {"week": f"{queue}-1", "folder": str(tmp_path)})
        await _until(temporal, first, "runs")
        second = await client.start(resumable.WAITING, {"week": f"{queue}-2", "folder": str(tmp_path)})
        reason = await _until(temporal, second, "waits for a slot")
        assert "for one of 1 workers on task queue" in reason.text
        (tmp_path / "go").touch()
        for handle in (first, second):
            assert (await asyncio.wait_for(handle.result(), 30)).status == "COMPLETED"


@temporal_workflow.defn(name="jobs.broken")
class Broken:
    """A workflow whose task fails for ever."""

    @temporal_workflow.run
    async def run(self, _params) -> None:
        raise RuntimeError("this code is broken")


async def test_a_workflow_task_that_fails_is_named_with_its_error(temporal):
    queue = f"broken-{uuid4().hex[:8]}"
    async with Worker(temporal, task_queue=queue, workflows=[Broken], workflow_runner=UnsandboxedWorkflowRunner()):
        client = SpineClient(temporal, task_queue=queue)
        await temporal.start_workflow("jobs.broken", {}, id=queue, task_queue=queue)
        handle = await client.handle_of(queue)
        reason = await _until(temporal, handle, "workflow task fails")
        assert "this code is broken" in reason.text
        await handle.handle.terminate("seen")


@temporal_workflow.defn(name="jobs.older")
class Older:
    """A run on a worker from before the query ``waiting``."""

    @temporal_workflow.query
    def progress(self) -> None:
        return None

    @temporal_workflow.run
    async def run(self, _params) -> None:
        await temporal_workflow.wait_condition(lambda: False)


async def test_a_run_on_a_worker_that_does_not_know_the_question_still_gets_an_answer(temporal):
    queue = f"older-{uuid4().hex[:8]}"
    async with Worker(temporal, task_queue=queue, workflows=[Older], workflow_runner=UnsandboxedWorkflowRunner()):
        handle = await temporal.start_workflow("jobs.older", {}, id=queue, task_queue=queue)
        assert await handle.query("progress") is None
        [reason] = await reasons(temporal, await SpineClient(temporal, task_queue=queue).handle_of(queue))
        assert (reason.kind, reason.text) == ("goes on", "its worker does not say what it waits for")
        assert "older worker" in reason.advice
        await handle.terminate("seen")
