"""Loaded by a test's worker, and by the processes that it has: kills all of them at one boundary, once."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spine_temporal.machine.state import StepEnded
from spine_temporal.recording.anomalies import AnomalyRecorder
from spine_temporal.runtime import attempt, beginning, run_activities, run_opener
from spine_temporal.translation import driver

#: Variable with the pid of the worker, whose processes load this module after it.
WORKER = "CRASH_WORKER"
os.environ.setdefault(WORKER, str(os.getpid()))


def _die() -> None:
    marker = Path(os.environ["CRASH_MARKER"])
    if not marker.exists():
        marker.touch()
        os.kill(int(os.environ[WORKER]), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def _before(owner: Any, name: str) -> None:
    original = getattr(owner, name)

    def call(*arguments: Any, **named: Any) -> Any:
        _die()
        return original(*arguments, **named)

    setattr(owner, name, call)


def _after(owner: Any, name: str) -> None:
    original = getattr(owner, name)

    def call(*arguments: Any, **named: Any) -> Any:
        answer = original(*arguments, **named)
        _die()
        return answer

    setattr(owner, name, call)


def _when_the_workflow_hears_of_a_step() -> None:
    original = driver.advance

    def advance(state: Any, event: Any) -> Any:
        if isinstance(event, StepEnded) and event.outcome.step == "first":
            _die()
        return original(state, event)

    driver.advance = advance


#: Each boundary, by what a test calls it.
POINTS: dict[str, Callable[[], None]] = {
    "before the transaction": lambda: _before(attempt.Attempt, "run"),
    "after the ledger row": lambda: _after(attempt, "open_execution"),
    "after the pipeline's writes": lambda: _before(attempt, "complete_execution"),
    "before the commit": lambda: _after(attempt, "complete_execution"),
    "after the commit, before the answer": lambda: _after(attempt.Attempt, "run"),
    "after the answer, before the next workflow task": _when_the_workflow_hears_of_a_step,
    "in begin, before its commit": lambda: _after(beginning, "open_run"),
    "in begin, after its commit": lambda: _after(run_opener.RunOpener, "_claim"),
    "in the anomaly's write": lambda: _after(AnomalyRecorder, "record"),
    "in the last activity, before its commit": lambda: _after(run_activities, "record_end"),
    "in the last activity, after its commit": lambda: _after(run_activities.RunActivities, "_end"),
}

if os.environ.get("CRASH_AT"):
    POINTS[os.environ["CRASH_AT"]]()
