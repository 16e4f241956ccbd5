"""Cancelled, reset, started by others: what stays true of a run, whoever handles it."""

import asyncio
import importlib
import subprocess
import sys
from urllib.parse import quote, unquote
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import Worker

from spine_temporal import ParamsError, PartitionBusyError, SpineClient, SpinePlugin, WorkflowStatus
from spine_temporal.client.why import reasons
from spine_temporal.embedded.temporal_server import temporal_program
from spine_temporal.recording.database import Database
from spine_temporal.runtime.definitions import definitions_of, load_definitions
from spine_temporal.runtime.worker import running_worker
from spine_temporal.translation.guard import Guard
from tests.temporal import failing, jobs, partitioned, slow


async def _made(path):
    while not path.exists():  # noqa: ASYNC110 - another thread makes it
        await asyncio.sleep(0.05)


async def test_a_cancelled_run_rolls_back_records_it_and_frees_the_partition(serve, tmp_path):
    async with serve(slow.SLOW) as service:
        handle = await service.client.start(slow.SLOW, {"marker": str(tmp_path / "marker")})
        await _made(tmp_path / "marker")
        await handle.cancel()
        result = await asyncio.wait_for(handle.result(), 30)
        assert result.status is WorkflowStatus.CANCELLED
        assert (await handle.handle.describe()).status is WorkflowExecutionStatus.CANCELED
        stages = service.rows("SELECT stage FROM core_manifest ORDER BY stage_rank")
        assert stages == [("STARTED",), ("CANCELLED",)]
        assert service.rows("SELECT category FROM core_anomalies") == []
        assert service.rows("SELECT count(run_id) FROM core_partitions") == [(0,)]


async def test_a_step_that_passes_its_timeout_is_stopped_and_fails_as_such(serve, tmp_path):
    async with serve(slow.TIMED) as service:
        result = await service.execute(slow.TIMED, {"marker": str(tmp_path / "marker")})
        assert (result.status, result.error_category) == (WorkflowStatus.FAILED, "TIMEOUT")
        assert "longer than its timeout of 1 s" in result.error
        assert service.rows("SELECT category FROM core_anomalies") == [("WORKFLOW_FAILURE",)]


async def test_a_running_run_is_joined_and_other_params_or_force_are_refused(serve, tmp_path):
    async with serve(slow.BY_DAY) as service:
        params = {"day": uuid4().hex, "marker": str(tmp_path / "marker")}
        first = await service.client.start(slow.BY_DAY, params)
        second = await service.client.start(slow.BY_DAY, params)
        assert second.handle.result_run_id == first.handle.result_run_id
        with pytest.raises(ParamsError, match="already running with other params"):
            await service.client.start(slow.BY_DAY, {**params, "marker": "elsewhere"})
        with pytest.raises(PartitionBusyError, match="is running"):
            await service.client.start(slow.BY_DAY, params, force=True)
        await first.cancel()
        await first.result()


async def test_a_run_that_went_on_from_a_failed_gate_goes_on_from_it_again_where_it_is_reset_later(serve, temporal):
    async with serve(failing.FEW) as service:
        handle = await service.client.start(failing.FEW, {"test": uuid4().hex})
        assert (await handle.result()).failed_steps == ["check"]
        before = await gates_shown(handle)
        await _reset(temporal, handle.workflow_id, handle.handle.result_run_id)
        again = await service.client.handle_of(handle.workflow_id)
        assert (await again.result()).failed_steps == ["check"]
        assert await gates_shown(again) == before == 1


async def gates_shown(handle):
    history = await handle.handle.fetch_history()
    failures = [event.activity_task_failed_event_attributes.failure for event in history.events]
    return [failure.application_failure_info.type for failure in failures].count("QUALITY_GATE")


async def test_a_run_that_is_reset_keeps_the_outputs_that_it_has(temporal, database, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    code = (
        "from spine_temporal import Pipeline, Step, StepResult, Workflow, register_pipeline\n"
        "from pathlib import Path\n"
        "@register_pipeline('mended.ingest')\n"
        "class Ingest(Pipeline):\n"
        "    def run(self):\n"
        "        with Path(self.params['log']).open('a') as log: log.write('ran ')\n"
        "        return {'row_count': 700}\n"
        "def gate(ctx, config):\n"
        "    if ctx.get_output('ingest', 'row_count') < LEAST: return StepResult.fail('Too few')\n"
        "    return StepResult.ok(output={'saw': ctx.get_output('ingest', 'row_count')})\n"
        "W = Workflow(name='mended', steps=[Step.pipeline('ingest', 'mended.ingest'), Step.lambda_('check', gate)])\n"
    )

    def written(least):
        (tmp_path / "mended_definition.py").write_text(f"LEAST = {least}\n{code}")
        sys.modules.pop("mended_definition", None)
        importlib.invalidate_caches()
        return load_definitions(["mended_definition"])

    worker = {"task_queue": f"test-{uuid4().hex[:8]}", "max_activities": 5}
    definitions = written(1000)
    async with running_worker(temporal, database, definitions, **worker):
        client = SpineClient(temporal, task_queue=worker["task_queue"])
        handle = await client.start(definitions.workflow("mended"), {"log": str(tmp_path / "log")})
        failed = await handle.result()
    assert failed.error_step == "check"
    await _reset(temporal, handle.workflow_id, failed.run_id)
    async with running_worker(temporal, database, written(800), **worker):
        again = await client.handle_of(handle.workflow_id)
        assert (await again.result()).error_step == "check"  # asked again, and not mended yet
    await _reset(temporal, handle.workflow_id, (await again.handle.describe()).run_id)
    async with running_worker(temporal, database, written(500), **worker):
        mended = await (await client.handle_of(handle.workflow_id)).result()
    assert mended.status is WorkflowStatus.COMPLETED
    assert mended.outputs["check"] == {"saw": 700}
    assert (tmp_path / "log").read_text() == "ran "


async def _reset(temporal, workflow_id, run_id):
    """Reset to before the last workflow task that completed, as the Web UI's Reset does."""
    history = await temporal.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    finished = [e.event_id for e in history.events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
    await temporal.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            workflow_task_finish_event_id=finished[-1],
            request_id=uuid4().hex,
            reason="the gate was mended",
        )
    )


async def test_a_run_waits_for_postgres_in_plain_sight_and_goes_on_when_it_is_back(temporal, database, short_home):
    where = short_home / "socket"  # a socket's path may have a hundred characters
    head, _, host = database.url.partition("?host=")
    away = Database(f"{head}?host={quote(str(where), safe='')}")
    queue = f"test-{uuid4().hex[:8]}"
    async with running_worker(temporal, away, definitions_of([jobs.GATED]), task_queue=queue, max_activities=5):
        handle = await SpineClient(temporal, task_queue=queue).start(jobs.GATED, {"test": queue})
        pending = []
        for _ in range(100):
            description = await handle.handle.describe()
            pending = list(description.raw_description.pending_activities)
            if pending and pending[0].attempt > 1:
                break
            await asyncio.sleep(0.1)
        assert pending[0].activity_type.name == "spine.begin"
        assert "POSTGRES_AWAY" in pending[0].last_failure.message
        where.symlink_to(unquote(host))
        result = await asyncio.wait_for(handle.result(), 60)
    away.close()
    assert result.completed_steps == ["ingest", "validate", "normalize"]


async def test_a_run_waits_for_a_free_connection_as_it_does_for_postgres(temporal, database_url, monkeypatch):
    monkeypatch.setattr("spine_temporal.recording.database.POOL_TIMEOUT", 0.2)
    full = Database(database_url, pool_size=2)
    held = [full.engine.connect() for _ in range(2)]
    queue = f"test-{uuid4().hex[:8]}"
    async with running_worker(temporal, full, definitions_of([jobs.GATED]), task_queue=queue, max_activities=5):
        handle = await SpineClient(temporal, task_queue=queue).start(jobs.GATED, {"test": queue})
        reason = None
        for _ in range(100):
            reason = (await reasons(temporal, handle))[0]
            if reason.kind == "retries":
                break
            await asyncio.sleep(0.1)
        assert "no connection was free in time" in reason.text
        for connection in held:
            connection.close()
        result = await asyncio.wait_for(handle.result(), 60)
    full.close()
    assert result.completed_steps == ["ingest", "validate", "normalize"]


async def test_the_temporal_cli_starts_a_run_with_nothing_but_its_params(serve, servers):
    async with serve(partitioned.BY_DAY) as service:
        arguments = [
            *(temporal_program(), "workflow", "execute", "--address", servers.temporal_address),
            *("--task-queue", service.client.task_queue, "--type", "jobs.by_day"),
            *("--input", '{"day": "2025-11-28"}', "-o", "json"),
        ]
        ended = await asyncio.to_thread(
            subprocess.run, arguments, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0, ended.stderr
        assert '"status": "COMPLETED"' in ended.stdout or '"status":"COMPLETED"' in ended.stdout
        again = await service.client.execute(partitioned.BY_DAY, {"day": "2025-11-28"})
        assert again.status is WorkflowStatus.COMPLETED
        assert service.rows("SELECT count(*) FROM core_runs") == [(1,)]


async def test_the_plugin_makes_any_client_and_worker_run_spine_workflows(servers, database):
    plugin = SpinePlugin(workflows=[jobs.GATED], database=database)
    client = await Client.connect(servers.temporal_address, plugins=[plugin])
    queue = f"test-{uuid4().hex[:8]}"
    async with Worker(client, task_queue=queue):
        result = await SpineClient(client, task_queue=queue).execute(jobs.GATED, {"test": queue})
    assert result.completed_steps == ["ingest", "validate", "normalize"]


async def test_an_instance_loads_the_workflows_own_modules_again_and_no_other(serve, monkeypatch):
    guards = []
    create = Guard.__init__

    def kept(self, *arguments):
        guards.append(self)
        create(self, *arguments)

    monkeypatch.setattr(Guard, "__init__", kept)
    async with serve(jobs.GATED, in_process=True) as service:
        await service.execute(jobs.GATED)
    loaded = guards[-1]._sandbox.modules
    again = {name for name, module in loaded.items() if sys.modules.get(name) is not module}
    heavy = {"sqlalchemy", "psycopg", "pydantic", "spine_temporal", "alembic", "typer"}
    assert not {name for name in again if name.partition(".")[0] in heavy}
    assert "tests.temporal.jobs" in again
