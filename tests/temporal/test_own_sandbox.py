"""With an SDK that has moved what the guard of gates needs, whole runs go through Temporal's own sandbox."""

import sys
from uuid import uuid4

import pytest

from spine_temporal.translation.runner import SpineWorkflowRunner
from tests.temporal import jobs
from tests.temporal.replaying import replay

IMPORTER = "temporalio.worker.workflow_sandbox._importer"


@pytest.fixture
async def service(serve, monkeypatch):
    """A worker to which the SDK's importer is gone; the SDK itself has it."""

    def never(*_arguments):
        raise AssertionError("the guard is not to be used")

    monkeypatch.setitem(sys.modules, IMPORTER, None)
    monkeypatch.setattr(SpineWorkflowRunner, "create_instance", never)
    async with serve(*jobs.ALL) as running:
        yield running


async def test_pipelines_gates_and_choices_run_and_their_history_replays_under_the_guard(service, monkeypatch):
    handle = await service.client.start(jobs.GATED, {"test": uuid4().hex})
    result = await handle.result()
    assert (result.status, result.completed_steps) == ("COMPLETED", ["ingest", "validate", "normalize"])
    routed = await service.execute(jobs.ROUTED, {"full_refresh": True})
    assert "full" in routed.completed_steps
    monkeypatch.undo()
    await replay(await handle.handle.fetch_history())


@pytest.mark.parametrize(("gate", "words"), [("clock", "datetime.datetime.now"), ("file", "open")])
async def test_what_is_not_deterministic_is_refused_in_a_gate(service, gate, words):
    result = await service.execute(jobs.ODD, {"gate": gate})
    assert (result.status, result.error_step, result.error_category) == ("FAILED", "odd", "CONFIGURATION")
    assert words in result.error
