"""A run that has ended, gathered from the rows of its lineage and the ledger, so that another can go on from it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from spine_temporal.definition.run_result import OMITTED, StepExecution, StepStatus, WorkflowResult
from spine_temporal.machine.plan import Plan
from spine_temporal.machine.resumed_run import EndedRun
from spine_temporal.machine.step_outcome import Completed, Kept, Skipped
from spine_temporal.recording.ended_executions import CompletedExecution, completed_in_lineage
from spine_temporal.recording.runs import RunRow, runs_of_lineage


def ended_run(connection: Connection, row: RunRow) -> EndedRun:
    """Return the outcomes of the run and those before it: of gates from their results, of pipelines from the ledger."""
    return EndedRun(
        run_id=row.run_id,
        status=row.status,
        params=row.params,
        partition=row.partition_key,
        plan=Plan.model_validate(row.plan),
        outcomes=_outcomes(connection, row),
    )


def _outcomes(connection: Connection, row: RunRow) -> dict[str, Kept]:
    outcomes: dict[str, Kept] = {}
    for run in runs_of_lineage(connection, row.lineage_id):
        _forget_sent_back(outcomes, run)
        _take_in(outcomes, run)
        if run.run_id == row.run_id:
            break
    pipelines = {name for name, place in Plan.model_validate(row.plan).places.items() if place.step.kind == "pipeline"}
    outcomes = {name: one for name, one in outcomes.items() if name not in pipelines or isinstance(one, Skipped)}
    for entry in completed_in_lineage(connection, row.lineage_id):
        outcomes[entry.step] = _of_ledger(entry)
    return {name: _as_of(outcome, row.run_id) for name, outcome in outcomes.items()}


def _forget_sent_back(outcomes: dict[str, Kept], run: RunRow) -> None:
    """Forget what a person sent back when the run was resumed from an earlier step."""
    start_from = (run.correction or {}).get("start_from")
    steps = run.plan.get("steps", ())
    names = [step["name"] for step in steps]
    if start_from in names:
        for step in steps[names.index(start_from) :]:
            for name in (step["name"], *(inner["name"] for inner in step.get("steps", ()))):
                outcomes.pop(name, None)


def _take_in(outcomes: dict[str, Kept], run: RunRow) -> None:
    result = None if run.result is None else WorkflowResult.model_validate(run.result)
    for execution in result.step_executions if result else ():
        outcome = _of_result(execution, result.outputs.get(execution.step_name, {}) if result else {}, run.run_id)
        if outcome is not None:
            outcomes[execution.step_name] = outcome
        elif execution.status is not StepStatus.SKIPPED:
            outcomes.pop(execution.step_name, None)


def _of_result(execution: StepExecution, output: Mapping[str, Any], run_id: str) -> Kept | None:
    """Return the outcome of a step that was completed or left out; None where it must be done again."""
    if execution.status is StepStatus.SKIPPED and execution.reason is not None:
        return Skipped(
            step=execution.step_name,
            skip_reason=execution.reason,
            attempt=execution.attempt,
            started_at=execution.started_at,
            completed_at=execution.completed_at,
            kept_from=execution.kept_from or run_id,
        )
    if execution.status is not StepStatus.COMPLETED or set(output) == {OMITTED}:
        return None
    return Completed(
        step=execution.step_name,
        output=output,
        next_step=execution.next_step,
        attempt=execution.attempt,
        started_at=execution.started_at,
        completed_at=execution.completed_at,
        kept_from=execution.kept_from or run_id,
        items=execution.items,
        decision=execution.decision,
    )


def _of_ledger(entry: CompletedExecution) -> Completed:
    return Completed(
        step=entry.step,
        output=entry.output or {},
        attempt=entry.attempt,
        started_at=entry.started_at,
        completed_at=entry.completed_at,
        kept_from=entry.run_id,
    )


def _as_of(outcome: Kept, run_id: str) -> Kept:
    """Return the outcome as the run itself sees it: what it has done itself is not kept."""
    return outcome.model_copy(update={"kept_from": None}) if outcome.kept_from == run_id else outcome
