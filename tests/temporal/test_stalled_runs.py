"""Every open run that does not move is named with its cause, in one pass over all of them."""

import asyncio
import contextlib
from urllib.parse import quote
from uuid import uuid4

import pytest
from temporalio.api.workflowservice.v1 import PauseWorkflowExecutionRequest
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from spine_temporal import SpineClient
from spine_temporal.client.limits import Limits
from spine_temporal.client.stalled_runs import stalled_runs
from spine_temporal.recording.anomalies import AnomalyRecorder
from spine_temporal.recording.database import Database
from spine_temporal.recording.lateness import LATE_PARTITION
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.worker import running_worker
from spine_temporal.translation.search_attributes import of_run
from tests.temporal import queued, resumable
from tests.temporal.test_why import Broken


@pytest.fixture
def temporal(elsewhere):
    """A namespace of its own, which lists no runs of other tests."""
    return elsewhere


@pytest.fixture
def start(tmp_path):
    async def start_one(client, workflow, **options):
        folder = tmp_path / options.pop("folder", "")
        folder.mkdir(exist_ok=True)
        return await client.start(workflow, {"week": uuid4().hex, "folder": str(folder)}, **options)

    return start_one


@contextlib.asynccontextmanager
async def workers(temporal, database):
    """Workers that lack something: Postgres, slots, or code that works."""
    head = database.url.partition("?host=")[0]
    away = Database(f"{head}?host={quote('/nowhere', safe='')}")
    definitions = definitions_of([resumable.WAITING])
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(away.close)
        for name, known, most in (("away", away, 5), ("small", database, 1)):
            worker = running_worker(temporal, known, definitions, task_queue=name, max_activities=most)
            await stack.enter_async_context(worker)
        broken = {"workflows": [Broken], "workflow_runner": UnsandboxedWorkflowRunner()}
        await stack.enter_async_context(Worker(temporal, task_queue="broken", **broken))
        yield


async def test_each_of_twelve_causes_is_named(serve, start, temporal, database, tmp_path):
    flows = (*queued.ALL, resumable.WAITING, resumable.GATED)
    async with serve(*flows) as service, workers(temporal, database):
        client, small = service.client, SpineClient(temporal, task_queue="small")
        Limits(database).close(queued.SOURCE.key, by="ann", reason="their maintenance")
        late = await start(client, resumable.WAITING, folder="late")
        await resumable.until_waiting(tmp_path / "late")
        begun = {"week": late.workflow_id.partition("week=")[2], "folder": str(tmp_path / "late")}
        await start(small, resumable.WAITING, folder="small")
        await resumable.until_waiting(tmp_path / "small")
        await start(client, queued.LIMITED, folder="limited")
        await resumable.until_waiting(tmp_path / "limited")
        paused = await start(client, queued.FAILING)
        await pause(temporal, paused.workflow_id)
        broken = await temporal.start_workflow(
            "jobs.broken", {}, id="broken", task_queue="broken", search_attributes=of_run("jobs", {}, 1)
        )
        record_late(database, begun)
        expected = {
            (await start(client, queued.FAILING)).workflow_id: ("retrying", "fetch, attempt 2: no route to the source"),
            (await start(SpineClient(temporal, task_queue="away"), resumable.WAITING)).workflow_id: (
                "retrying",
                "POSTGRES_AWAY",
            ),
            (await start(client, resumable.GATED, on_gate_failure="hold")).workflow_id: ("held", "check waits for a"),
            paused.workflow_id: ("paused", "ann has paused it: the source is checked"),
            (await client.start(resumable.WAITING, begun, force=True, on_busy="queue")).workflow_id: (
                "busy",
                f"after workflow '{late.workflow_id}', which holds it",
            ),
            (await start(small, resumable.WAITING)).workflow_id: ("queued", "ingest waits for"),
            (await start(SpineClient(temporal, task_queue="nobody"), resumable.WAITING)).workflow_id: (
                "no worker",
                "none asks for work on task queue 'nobody'",
            ),
            (await start(client, queued.ELSEWHERE)).workflow_id: (
                "no worker",
                f"there: none asks for work on task queue '{queued.QUEUE}'",
            ),
            broken.id: ("task failing", "of its workflow task"),
            (await start(client, queued.ASKING)).workflow_id: ("limit", "is closed until somebody opens it"),
            (await start(client, queued.LIMITED, folder="limited")).workflow_id: ("limit", "is full: 1 at once"),
            late.workflow_id: ("late", "it was due at noon"),
            (await start(client, queued.FOLLOWING)).workflow_id: ("waiting", "sourced: resumable.sourced"),
        }
        assert len(expected) == 13
        await all_named(temporal, database, expected)
        for identity in [*expected, *await running(temporal)]:
            with contextlib.suppress(Exception):
                await temporal.get_workflow_handle(identity).terminate("seen")


async def pause(temporal, identity):
    request = PauseWorkflowExecutionRequest(
        namespace=temporal.namespace, workflow_id=identity, identity="ann", reason="the source is checked"
    )
    await temporal.workflow_service.pause_workflow_execution(request)


def record_late(database, params):
    with database.begin() as connection:
        AnomalyRecorder(connection, "resumable").record(
            "workflow",
            {"week": params["week"]},
            "WARN",
            LATE_PARTITION,
            "it was due at noon",
            {"workflow": "resumable.waiting"},
        )


async def running(temporal):
    return [run.id async for run in temporal.list_workflows("ExecutionStatus = 'Running'")]


async def all_named(temporal, database, expected):
    missing = {}
    for _ in range(300):
        told = {stall.workflow_id: stall for stall in await stalled_runs(temporal, database)}
        missing = {
            identity: told.get(identity)
            for identity, (cause, part) in expected.items()
            if identity not in told or told[identity].cause != cause or part not in told[identity].text
        }
        if not missing:
            assert told.keys() == expected.keys()
            return
        await asyncio.sleep(0.2)
    raise AssertionError(missing)
