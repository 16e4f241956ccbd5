"""How long tasks wait for a worker is read from a run's history."""

from temporalio.client import WorkflowHistory

from ops.benchmarks.beside_backfill import p99, waits_of
from tests.conftest import ROOT


def test_each_task_of_a_history_has_waited_from_its_schedule_to_its_start():
    file = next(iter(sorted((ROOT / "tests" / "temporal" / "histories").glob("*.json"))))
    history = WorkflowHistory.from_json("run", file.read_text())
    waits = waits_of(history)
    started = [
        event
        for event in history.events
        for name in ("workflow_task_started_event_attributes", "activity_task_started_event_attributes")
        if event.HasField(name)
    ]
    assert len(waits) == len(started) > 1
    assert all(0 <= wait < 60 for wait in waits)


def test_one_of_a_hundred_may_wait_longer():
    assert p99([float(number) for number in range(1, 101)]) == 99
    assert p99([3.0]) == 3
