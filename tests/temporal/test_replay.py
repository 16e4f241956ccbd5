"""Golden histories replay: a change that would break runs in flight fails here."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from tests.temporal import jobs, vocabulary
from tests.temporal.record_histories import RUNS, STRETCHES, STRETCHES_BEHIND
from tests.temporal.replaying import replay

HISTORIES = Path(__file__).parent / "histories"


@pytest.mark.parametrize("name", sorted(path.stem for path in HISTORIES.glob("*.json")))
async def test_a_golden_history_replays(name):
    history = WorkflowHistory.from_json(name, (HISTORIES / f"{name}.json").read_text())
    await replay(history)


def test_there_is_a_golden_history_of_every_feature():
    golden = {*RUNS, *STRETCHES, *STRETCHES_BEHIND, *vocabulary.RECORDED, "resumed", "approved"}
    assert {path.stem for path in HISTORIES.glob("*.json")} >= golden


@pytest.mark.parametrize("params", [{}, {"rows": 1}])
async def test_a_fresh_history_replays(service, params):
    handle = await service.client.start(jobs.GATED, {"fresh": str(params), **params})
    await handle.result()
    await replay(await handle.handle.fetch_history())
