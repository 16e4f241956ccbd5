"""Golden histories replay: a change that would break runs in flight fails here."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.workflow import _Definition

from spine_temporal.operating.registration import operating_types, operating_workflows
from spine_temporal.replaying.histories import History
from tests.temporal import jobs, record_operating, vocabulary
from tests.temporal.record_histories import RUNS, STRETCHES, STRETCHES_BEHIND
from tests.temporal.replaying import replay, replay_operating

HISTORIES = Path(__file__).parent / "histories"
GOLDEN = sorted(path.stem for path in HISTORIES.glob("*.json"))
#: Of the product's own workflows; the others are runs.
OPERATING = [name for name in GOLDEN if name.startswith("operating_")]


def golden(name):
    return WorkflowHistory.from_json(name, (HISTORIES / f"{name}.json").read_text())


@pytest.mark.parametrize("name", [name for name in GOLDEN if name not in OPERATING])
async def test_a_golden_history_replays(name):
    await replay(golden(name))


@pytest.mark.parametrize("queue", ["own", "operating"])
@pytest.mark.parametrize("name", OPERATING)
async def test_a_golden_history_of_an_operating_workflow_replays(name, queue):
    await replay_operating(golden(name), queue)


def test_there_is_a_golden_history_of_every_feature():
    runs = {*RUNS, *STRETCHES, *STRETCHES_BEHIND, *vocabulary.RECORDED, "resumed", "approved"}
    assert {*GOLDEN} >= runs | {*record_operating.RECORDED, *record_operating.CONTINUED}


def test_there_is_a_golden_history_of_every_operating_workflow():
    recorded = {History(name=name, events=golden(name)).workflow for name in OPERATING}
    assert recorded == {_Definition.must_from_class(each).name for each in operating_workflows()} == operating_types()


@pytest.mark.parametrize("params", [{}, {"rows": 1}])
async def test_a_fresh_history_replays(service, params):
    handle = await service.client.start(jobs.GATED, {"fresh": str(params), **params})
    await handle.result()
    await replay(await handle.handle.fetch_history())
