"""A run that has ended, gathered from its row and the ledger, so that another can go on from it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from spine_temporal.definition.outcome import OMITTED, StepExecution, StepStatus, WorkflowResult
from spine_temporal.machine.plan import Plan
from spine_temporal.machine.resume import EndedRun
from spine_temporal.machine.step_outcome import StepOutcome
from spine_temporal.recording.runs import LedgerOutput, RunRow, ledger_outputs, run_of


def ended_run(connection: Connection, row: RunRow) -> EndedRun:
    """Return what the run came to: gates from its result, pipelines from the ledger."""
    return EndedRun(
        run_id=row.run_id,
        status=row.status,
        params=row.params,
        partition=row.partition_key,
        plan=Plan.model_validate(row.plan),
        outcomes=_outcomes(connection, row),
    )


def _outcomes(connection: Connection, row: RunRow) -> dict[str, StepOutcome]:
    result = None if row.result is None else WorkflowResult.model_validate(row.result)
    outcomes = _kept_before(connection, row)
    executions = result.step_executions if result else []
    for execution in executions:
        outcome = _of_result(execution, result.outputs.get(execution.step_name, {}) if result else {})
        if outcome is not None:
            outcomes[execution.step_name] = outcome
    owners = {row.run_id, *(execution.kept_from for execution in executions if execution.kept_from)}
    kept_from = {execution.step_name: execution.kept_from or row.run_id for execution in executions}
    for entry in ledger_outputs(connection, sorted(owners)):
        if kept_from.get(entry.step, row.run_id) == entry.run_id:
            outcomes[entry.step] = _of_ledger(entry, row.run_id)
    return outcomes


def _kept_before(connection: Connection, row: RunRow) -> dict[str, StepOutcome]:
    """Return what a resumed run had kept, where it ended without a result of its own: it was terminated."""
    earlier = run_of(connection, row.resumed_from) if row.resumed_from and row.result is None else None
    if earlier is None:
        return {}
    kept = (row.correction or {}).get("kept", [])
    before = ended_run(connection, earlier)
    return {
        name: outcome if outcome.kept_from else outcome.model_copy(update={"kept_from": before.run_id})
        for name, outcome in before.outcomes.items()
        if name in kept
    }


def _of_result(execution: StepExecution, output: Mapping[str, Any]) -> StepOutcome | None:
    """Return the outcome of a step that was completed or left out; None where it must be done again."""
    left_out = execution.status is StepStatus.SKIPPED and execution.reason is not None
    whole = set(output) != {OMITTED}
    if not left_out and (execution.status is not StepStatus.COMPLETED or not whole):
        return None
    return StepOutcome(
        step=execution.step_name,
        output=output,
        next_step=execution.next_step,
        attempt=execution.attempt,
        started_at=execution.started_at,
        completed_at=execution.completed_at,
        kept_from=execution.kept_from,
        items=execution.items,
        decision=execution.decision,
        skip_reason=execution.reason if left_out else None,
    )


def _of_ledger(entry: LedgerOutput, run_id: str) -> StepOutcome:
    return StepOutcome(
        step=entry.step,
        output=entry.output or {},
        attempt=entry.attempt,
        started_at=entry.started_at,
        completed_at=entry.completed_at,
        kept_from=None if entry.run_id == run_id else entry.run_id,
    )
