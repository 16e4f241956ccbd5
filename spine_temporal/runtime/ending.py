"""The last transaction of a run: how it ended, its anomalies, and the partition given back."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from spine_temporal.definition.errors import SpineError
from spine_temporal.definition.json_values import clean_text
from spine_temporal.definition.notification import NotificationKind
from spine_temporal.definition.params import canonical
from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.run_result import StepStatus, WorkflowResult, WorkflowStatus
from spine_temporal.definition.severity import Severity
from spine_temporal.definition.step_checks import RUN_STAGES
from spine_temporal.machine.manifest_row import StageReached
from spine_temporal.recording.anomalies import fault_id_of
from spine_temporal.recording.faults import Fault, report_fault
from spine_temporal.recording.fence import StateLostError
from spine_temporal.recording.quality import record_quality
from spine_temporal.recording.run_lifecycle import close_run, recorded_end
from spine_temporal.translation.messages import EndRequest

#: Category of the anomaly of a failed run.
WORKFLOW_FAILURE = "WORKFLOW_FAILURE"
#: Category of the anomaly of a step that a run went past.
STEP_FAILURE = "STEP_FAILURE"

#: The largest number among a refused start's params that is kept as a number; a larger one is shown as text.
_LARGEST_NUMBER = 1e15

_COMPLETE = {WorkflowStatus.COMPLETED, WorkflowStatus.PARTIAL}


def record_end(connection: Connection, request: EndRequest, *, holds: bool) -> None:
    """Write how the run ended; the manifest is the business of the run that ``holds`` the partition.

    Raises ``StateLostError`` where the database has no row of the run.
    """
    key, result = request.key, request.result
    completed = result.completed_at or result.started_at
    stages = (*request.stages, _final_stage(request))
    others = [stage for stage in RUN_STAGES if stage not in {"STARTED", result.status.value}]
    record_quality(connection, key.run_id, [one.model_dump() for one in request.measured])
    _record_anomalies(connection, request)
    closed = close_run(
        connection,
        key,
        status=result.status.value,
        completed_at=completed,
        result=result.model_dump_json(),
        stages=stages if holds else (),
        forgotten=others if holds else [],
        parents=request.sub_runs,
        resolves=result.status in _COMPLETE,
    )
    if not closed:
        raise StateLostError(key, "the row")


def record_failure(
    connection: Connection, key: RunKey, error: SpineError, given: Mapping[str, Any] | None = None
) -> None:
    """Write the anomaly of a run that fails and has no end of its own: refused at its start, or fenced off.

    ``given``: what it was started with, where its partition is not known.
    """
    partition = dict(key.partition) if given is None else _redacted(given)
    report_fault(
        connection,
        Fault(
            kind=NotificationKind.FAILED,
            fault_id=fault_id_of(key.workflow, partition, "", error.category.value),
            key=key.model_copy(update={"partition": partition}),
            severity=Severity.ERROR,
            category=WORKFLOW_FAILURE,
            message=str(error),
            failure_category=error.category.value,
        ),
    )


def record_loss(connection: Connection, key: RunKey, error: SpineError) -> None:
    """Write the anomaly of a run that may write nothing any more; none where its end is recorded, as it is told."""
    if recorded_end(connection, key) is None:
        record_failure(connection, key, error)


def _redacted(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a start's params as they may be shown: secrets masked, long ones cut."""
    return {clean_text(str(name), 100): _shown(str(name), value) for name, value in list(given.items())[:50]}


def _shown(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool) or (isinstance(value, int | float) and abs(value) < _LARGEST_NUMBER):
        return value
    try:
        text = value if isinstance(value, str) else canonical(value)
    except ValueError:  # an integer of thousands of digits
        return f"a {type(value).__name__}"
    return clean_text(f"{name}={text}", 300).partition("=")[2]


def run_stage(stage: str, rank: int, run_id: str, metrics: Mapping[str, Any] | None = None) -> StageReached:
    """Return a manifest row of the run itself."""
    return StageReached(stage=stage, stage_rank=rank, metrics=metrics or {}, execution_id=run_id)


def _final_stage(request: EndRequest) -> StageReached:
    result = request.result
    metrics: dict[str, Any] = {
        "step_count": len(result.completed_steps),
        "duration_seconds": result.duration_seconds,
    }
    told = {"error_step": result.error_step, "error_category": result.error_category}
    if result.status is WorkflowStatus.FAILED:
        metrics |= told
    return run_stage(result.status.value, request.stage_rank, result.run_id, metrics)


def _record_anomalies(connection: Connection, request: EndRequest) -> None:
    """Write an anomaly for each failed step: ERROR for the one that ended the run, WARN for those it went past."""
    key, result = request.key, request.result
    for step, error, category in _failures(result):
        fatal = result.status is WorkflowStatus.FAILED and step == result.error_step
        report_fault(connection, _fault(key, step, error, category, fatal=fatal))


def _fault(key: RunKey, step: str | None, error: str, category: str | None, *, fatal: bool) -> Fault:
    kind = WORKFLOW_FAILURE if fatal else STEP_FAILURE
    return Fault(
        kind=NotificationKind.FAILED,
        fault_id=fault_id_of(key.workflow, key.partition, step or "", kind),
        key=key,
        severity=Severity.ERROR if fatal else Severity.WARN,
        category=kind,
        message=error,
        step=step,
        failure_category=category,
    )


def _failures(result: WorkflowResult) -> list[tuple[str | None, str, str | None]]:
    """Return step, error and category of each failure, also of items that a map has borne.

    No step where the run failed as a whole.
    """
    failed: list[tuple[str | None, str, str | None]] = [
        (step.step_name, step.error or "", step.error_category)
        for step in result.step_executions
        if step.status is StepStatus.FAILED and step.step_type != "parallel"  # its failed step is told of itself
    ]
    failed += [
        (step.step_name, f"{step.items.failed} of {step.items.total} items failed, which was borne", None)
        for step in result.step_executions
        if step.status is StepStatus.COMPLETED and step.items is not None and step.items.failed
    ]
    if result.status is WorkflowStatus.FAILED and result.error_step is None:
        failed.append((None, result.error or "", result.error_category))
    return failed
