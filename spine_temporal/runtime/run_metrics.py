"""What a worker counts of runs that have ended, and of what their steps have measured."""

from collections.abc import Iterable

from spine_temporal.definition.run_result import WorkflowResult, WorkflowStatus
from spine_temporal.machine.manifest_row import row_count_of
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.metrics import (
    ATTEMPTS,
    CHECKS,
    CLAIMS,
    LOG_LINES,
    ORPHANS,
    ROWS,
    RUN_SECONDS,
    RUNS,
    STEPS,
    Names,
)
from spine_temporal.runtime.partition_queue import SupersededError
from spine_temporal.translation.messages import Measured
from spine_temporal.translation.pipeline_messages import StepDone

#: Names of checks are the user's code's, which may make one for each symbol of a file.
_CHECK_NAMES = Names(1000)


_REFUSED = "REFUSED"
_ENDED = (status.value for status in WorkflowStatus if status is not WorkflowStatus.RUNNING)
_ENDS = (*_ENDED, _REFUSED, SupersededError.CODE)
_OUTCOMES = ("completed", "failed", "retried", "waiting", "cancelled")


def begin_at_zero(definitions: Definitions) -> None:
    """Tell what can happen before it does: Prometheus sees no increase in a series that begins with its first one."""
    for workflow in definitions.workflows:
        for status in _ENDS:
            RUNS.labels(workflow, status)
    for pipeline in definitions.pipelines:
        for outcome in _OUTCOMES:
            ATTEMPTS.labels(pipeline, outcome)
    for outcome in ("taken", "busy", "cleared", "lost"):
        CLAIMS.labels(outcome)
    for outcome in ("closed", "not judged"):
        ORPHANS.labels(outcome)
    for outcome in ("kept", "dropped"):
        LOG_LINES.labels(outcome)


def count_refused(workflow: str, status: str = _REFUSED) -> None:
    """Count a start that has not begun: it was refused, or a newer one went before it."""
    RUNS.labels(workflow, status).inc()


def count_end(result: WorkflowResult) -> None:
    """Count a run that has ended, and those of its steps that it has done itself."""
    workflow = result.workflow_name
    RUNS.labels(workflow, result.status.value).inc()
    if result.duration_seconds is not None:
        RUN_SECONDS.labels(workflow).observe(result.duration_seconds)
    for step in result.step_executions:
        if step.kept_from is None:
            STEPS.labels(workflow, step.step_name, step.step_type, step.status.value).inc()


def count_rows(pipeline: str, done: StepDone) -> None:
    """Count the rows of a completed attempt, where it says how many there were."""
    rows = row_count_of(done.output)
    if rows is not None and rows > 0:
        ROWS.labels(pipeline).inc(rows)


def count_checks(workflow: str, measured: Iterable[Measured]) -> None:
    """Count the checks of what was measured."""
    for one in measured:
        for check in one.quality.get("checks", ()):
            name = _CHECK_NAMES.bounded(workflow, one.step, str(check["name"])[:100])
            passed = check.get("passed")
            result = "measured" if passed is None else "passed" if passed else "failed"
            CHECKS.labels(workflow, one.step, name, result).inc()
