"""What user code does to its process is that attempt's failure, and nobody else's."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from spine_temporal import WorkflowStatus
from tests.temporal import poison

ATTEMPTS = "SELECT status, attempt FROM core_executions WHERE pipeline = 'poison.takes'"


@pytest.fixture
async def service(serve, monkeypatch):
    monkeypatch.setattr("spine_temporal.runtime.processes.attempt_processes.LAST_WORDS", 0.5)
    async with serve(*poison.ALL) as running:
        yield running


@pytest.fixture
def take(service, tmp_path):
    """Run a pipeline that takes the poison; return what it came to, and how often it began."""

    async def run(name, workflow=poison.TAKES):
        log = tmp_path / uuid4().hex
        result = await asyncio.wait_for(service.execute(workflow, {"poison": name, "log": str(log)}), 60)
        return result, len(log.read_text())

    return run


@pytest.fixture
async def innocent(service, tmp_path):
    """A run beside, which must be let alone."""
    params = {"begun": str(tmp_path / "begun"), "go": str(tmp_path / "go"), "test": uuid4().hex}
    handle = await service.client.start(poison.INNOCENT, params)
    await until((tmp_path / "begun").exists)
    yield
    (tmp_path / "go").touch()
    result = await asyncio.wait_for(handle.result(), 30)
    assert result.status is WorkflowStatus.COMPLETED
    assert (tmp_path / "begun").read_text() == "x", "it was begun again"


async def until(condition):
    while not condition():  # noqa: ASYNC110 - another process makes it true
        await asyncio.sleep(0.05)


async def test_a_pipeline_that_ends_its_process_is_tried_as_often_as_another_failure_and_then_its_run_fails(
    service, take, innocent
):
    for name, how in (
        ("os._exit", "ended itself with exit code 3"),
        ("segmentation fault", "was killed by signal 11"),
        ("kill -9", "was killed by signal 9"),
    ):
        result, begun = await take(name)
        assert (result.status, result.error_category, begun) == (WorkflowStatus.FAILED, "INTERNAL", 2)
        assert "WORKER_LOST" in result.error
        assert how in result.error
    assert set(service.rows(ATTEMPTS)) == {("FAILED", 2)}
    assert service.rows("SELECT category, count(*) FROM core_anomalies GROUP BY 1") == [("WORKFLOW_FAILURE", 3)]


async def test_whatever_a_pipeline_raises_is_its_failure(service, take, innocent):
    for name, told in (("sys.exit", "SystemExit"), ("KeyboardInterrupt", "Keyboard"), ("GeneratorExit", "Generator")):
        result, begun = await take(name)
        assert (result.status, result.error_category, begun) == (WorkflowStatus.FAILED, "INTERNAL", 2)
        assert told in result.error


async def test_a_pipeline_that_does_not_stop_at_its_time_limit_is_killed(service, take, innocent):
    for name in ("loop", "backtrack", "stubborn"):
        result, begun = await take(name, poison.HANGS)
        assert (result.status, result.error_category, begun) == (WorkflowStatus.FAILED, "TIMEOUT", 1)
    assert service.rows("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(2,)]  # the innocent one's


async def test_a_pipeline_that_does_not_stop_when_its_run_is_cancelled_is_killed(service, innocent, tmp_path):
    log = tmp_path / "log"
    handle = await service.client.start(poison.WAITS, {"poison": "backtrack", "log": str(log), "test": uuid4().hex})
    await until(log.exists)
    await handle.cancel()
    result = await asyncio.wait_for(handle.result(), 30)
    assert result.status is WorkflowStatus.CANCELLED
    assert service.rows(ATTEMPTS) == []


async def test_an_attempt_may_take_the_memory_of_its_step_and_no_more(service, take, innocent):
    for name in ("memory", "rows"):
        result, begun = await take(name, poison.SMALL)
        assert (result.status, result.error_category, begun) == (WorkflowStatus.FAILED, "CONFIGURATION", 1), result
        assert "MEMORY_LIMIT: the pipeline needs more memory than its limit of 64 MiB" in result.error
        result, begun = await take(name, poison.LARGE)
        assert (result.status, begun) == (WorkflowStatus.COMPLETED, 1)


async def test_a_process_is_used_again_until_user_code_has_changed_it(service, take):
    tell = [(await service.execute(poison.TELLS)).outputs["tell"] for _ in range(3)]
    assert len({told["pid"] for told in tell}) == 1
    for name in ("thread", "chdir", "environment"):
        result, _ = await take(name)
        assert result.status is WorkflowStatus.COMPLETED
        told = (await service.execute(poison.TELLS)).outputs["tell"]
        assert told["pid"] != result.outputs["take"]["pid"]
        assert (told["cwd"], told["poisoned"]) == (str(Path.cwd()), False)


async def test_an_input_that_cannot_be_named_has_no_name_and_its_run_goes_on(service, innocent, monkeypatch):
    for name in ("os._exit", "sys.exit", "memory", "backtrack"):
        if name == "backtrack":  # the one that never ends; the others may take long on a busy machine
            monkeypatch.setattr("spine_temporal.runtime.fingerprints._PATIENCE", 1.0)
        result = await asyncio.wait_for(service.execute(poison.NAMES, {"poison": name}), 60)
        assert result.status is WorkflowStatus.COMPLETED
    query = "SELECT params ->> 'poison', fingerprints FROM core_runs WHERE workflow = 'poison.names' ORDER BY 1"
    assert service.rows(query) == [
        ("backtrack", None),
        ("memory", {"name": "memory"}),
        ("os._exit", None),
        ("sys.exit", None),
    ]


async def test_a_signal_and_a_fork_are_borne(service, take):
    for name in ("SIGTERM", "fork"):
        result, _ = await take(name)
        assert result.status is WorkflowStatus.COMPLETED
    assert set(service.rows(ATTEMPTS)) == {("COMPLETED", 1)}


async def test_an_attempt_that_is_lost_after_its_commit_is_done_also_where_it_was_the_last(service, take):
    result, begun = await take("", poison.ANSWERS_NOTHING)
    assert (result.status, begun) == (WorkflowStatus.COMPLETED, 1)
    assert service.rows("SELECT status, attempt, row_count FROM core_executions") == [("COMPLETED", 1, 1)]
    assert service.rows("SELECT status FROM core_runs") == [("COMPLETED",)]
    assert service.rows("SELECT count(*) FROM core_anomalies") == [(0,)]
