"""Loaded by a worker of ``crash_at``, and by the processes that it has: kills all of them at one boundary, once."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spine_temporal.machine.state import StepEnded
from spine_temporal.recording import faults
from spine_temporal.recording.anomalies import AnomalyRecorder
from spine_temporal.runtime import attempt, beginning, gate_activities, run_activities, run_opener, source_limits
from spine_temporal.testing.crash_points import AT, MARKER, STEP, WORKER, CrashPoint
from spine_temporal.translation import driver


def _die() -> None:
    marker = Path(os.environ[MARKER])
    if not marker.exists():
        marker.touch()
        os.kill(int(os.environ[WORKER]), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def _before(owner: Any, name: str) -> None:
    original = getattr(owner, name)

    def call(*arguments: Any, **named: Any) -> Any:
        if _is_step(arguments):
            _die()
        return original(*arguments, **named)

    setattr(owner, name, call)


def _after(owner: Any, name: str) -> None:
    original = getattr(owner, name)

    def call(*arguments: Any, **named: Any) -> Any:
        answer = original(*arguments, **named)
        if _is_step(arguments):
            _die()
        return answer

    setattr(owner, name, call)


def _when_the_workflow_hears_of_a_step() -> None:
    owner: Any = driver
    original = owner.advance

    def advance(state: Any, event: Any) -> Any:
        if isinstance(event, StepEnded) and _is_step((event.outcome,)):
            _die()
        return original(state, event)

    owner.advance = advance


def _in_the_end() -> None:
    _after(run_activities, "record_end")
    _after(attempt, "record_end")


def _after_the_end() -> None:
    _after(run_activities.RunActivities, "_end")
    owner: Any = attempt.Attempt
    original = owner.run

    def run(self: Any) -> Any:
        answer = original(self)
        if answer.is_end:
            _die()
        return answer

    owner.run = run


def _after_the_decision() -> None:
    owner: Any = gate_activities.GateActivities
    original = owner._recorded

    async def recorded(self: Any, request: Any, record: Any) -> Any:
        answer = await original(self, request, record)
        if request.decision is not None:
            _die()
        return answer

    owner._recorded = recorded


def _is_step(arguments: tuple[Any, ...]) -> bool:
    """Return whether the call is about the step that is asked for: an attempt, its execution, or how it ended."""
    wanted = os.environ.get(STEP)
    about = (getattr(each, "execution", each) for each in arguments)
    return not wanted or any(getattr(each, "step", None) == wanted for each in about)


_POINTS: dict[CrashPoint, Callable[[], None]] = {
    CrashPoint.BEFORE_TRANSACTION: lambda: _before(attempt.Attempt, "run"),
    CrashPoint.AFTER_LEDGER_ROW: lambda: _after(attempt, "open_execution"),
    CrashPoint.AFTER_WRITES: lambda: _before(attempt, "complete_execution"),
    CrashPoint.BEFORE_COMMIT: lambda: _after(attempt, "complete_execution"),
    CrashPoint.AFTER_COMMIT: lambda: _after(attempt.Attempt, "run"),
    CrashPoint.AFTER_ANSWER: _when_the_workflow_hears_of_a_step,
    CrashPoint.IN_LEASE: lambda: _after(source_limits, "ask"),
    CrashPoint.AFTER_LEASE: lambda: _after(source_limits.SourceLimits, "_ask"),
    CrashPoint.IN_HOLD: lambda: _after(gate_activities, "record_hold"),
    CrashPoint.AFTER_HOLD: lambda: _before(gate_activities, "count_checks"),
    CrashPoint.IN_DECISION: lambda: _after(gate_activities, "decide_in_turn"),
    CrashPoint.AFTER_DECISION: _after_the_decision,
    CrashPoint.IN_BEGIN: lambda: _after(beginning, "open_run"),
    CrashPoint.AFTER_BEGIN: lambda: _after(run_opener.RunOpener, "_claim"),
    CrashPoint.IN_ANOMALY: lambda: _after(AnomalyRecorder, "write"),
    CrashPoint.IN_OUTBOX: lambda: _after(faults, "enqueue"),
    CrashPoint.BEFORE_END: _in_the_end,
    CrashPoint.AFTER_END: _after_the_end,
}

if os.environ.get(AT):
    os.environ.setdefault(WORKER, str(os.getpid()))  # the worker loads this first, and its processes after it
    _POINTS[CrashPoint(os.environ[AT])]()
