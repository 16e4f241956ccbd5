"""Golden histories replay: a change that would break runs in flight fails here."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from spine_temporal import SpinePlugin
from spine_temporal.runtime.definitions import definitions_of
from tests.temporal import jobs, vocabulary

HISTORIES = Path(__file__).parent / "histories"


def replayer():
    return Replayer(workflows=[], plugins=[SpinePlugin(definitions=definitions_of([*jobs.ALL, *vocabulary.ALL]))])


@pytest.mark.parametrize("name", sorted(path.stem for path in HISTORIES.glob("*.json")))
async def test_a_golden_history_replays(name):
    history = WorkflowHistory.from_json(name, (HISTORIES / f"{name}.json").read_text())
    await replayer().replay_workflow(history)


def test_there_is_a_golden_history_of_every_feature():
    assert {path.stem for path in HISTORIES.glob("*.json")} >= {
        "completed", "gate_failed", "pipeline_failed", "choice", "routed", "partial", "dry_run", "resumed", "waited",
        "parallel", "beside", "stopped", "map", "computed", "waited_for", "held",
    }  # fmt: skip


@pytest.mark.parametrize("params", [{}, {"rows": 1}])
async def test_a_fresh_history_replays(service, params):
    handle = await service.client.start(jobs.GATED, {"fresh": str(params), **params})
    await handle.result()
    await replayer().replay_workflow(await handle.handle.fetch_history())
