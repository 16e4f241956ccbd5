"""A run as it is drawn: gathered from its rows, from the run itself where it is open, and from Temporal's history."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from spine_temporal.client.run_handle import RunHandle
from spine_temporal.client.run_history import spans_of_run
from spine_temporal.definition.run_result import StepExecution, StepStatus, WorkflowResult, WorkflowStatus
from spine_temporal.drawing.run_record import Check, RunRecord, Span, StepRecord
from spine_temporal.machine.plan import Place, Plan
from spine_temporal.recording.database import Database
from spine_temporal.recording.quality import OVERALL
from spine_temporal.recording.run_steps import RunRows, find_run, rows_of_run

#: Seconds that a worker gets to say how far a run has come.
_PATIENCE = 5.0


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """A run, its plan, and what is missing of it, in words; nothing: nothing is."""

    plan: Plan
    run: RunRecord
    lacks: str = ""


async def gathered(database: Database, client: Client | None, identity: str, *, with_history: bool) -> Gathered:
    """Return the run of a run id, or the newest of a workflow id.

    Without a ``client`` it is what Postgres knows. Raises ``ParamsError`` where no such run has begun.
    """
    rows = await asyncio.to_thread(_read, database, identity)
    plan = Plan.model_validate(rows.run.plan)
    result, lacks = await _result(rows, client)
    executions = _by_name(result) if result is not None else _of_rows(plan, rows)
    spans: Mapping[str, list[Span]] = {}
    if with_history:
        spans, missing = await _spans(client, rows)
        lacks = missing or lacks
    outputs = result.outputs if result is not None else {}
    steps = {
        name: _record(name, execution, plan, rows, outputs.get(name), spans) for name, execution in executions.items()
    }
    return Gathered(plan=plan, run=_run(rows, steps), lacks=lacks)


def _read(database: Database, identity: str) -> RunRows:
    with database.begin() as connection:
        return rows_of_run(connection, find_run(connection, identity))


async def _result(rows: RunRows, client: Client | None) -> tuple[WorkflowResult | None, str]:
    """Return what the run came to, or how far it has come by its own words; and where nobody says so, that."""
    if rows.run.status != WorkflowStatus.RUNNING:
        return (None if rows.run.result is None else WorkflowResult.model_validate(rows.run.result)), ""
    if client is None:
        return None, "Temporal does not answer, so that the steps are as Postgres knows them"
    known = client.get_workflow_handle(rows.run.workflow_id, run_id=rows.run.execution_run_id or rows.run.run_id)
    handle = RunHandle(workflow_id=rows.run.workflow_id, handle=known, client=client)
    try:
        progress = await asyncio.wait_for(handle.progress(), _PATIENCE)
    except (RPCError, WorkflowQueryFailedError, TimeoutError):
        progress = None
    silent = "no worker says how far the run is, so that the steps are as Postgres knows them"
    return progress, "" if progress is not None else silent


async def _spans(client: Client | None, rows: RunRows) -> tuple[Mapping[str, list[Span]], str]:
    if client is None:
        return {}, "Temporal does not answer, so that earlier attempts and waits for workers are not drawn"
    found = await spans_of_run(client, rows.run.workflow_id, rows.run.execution_run_id or rows.run.run_id)
    if found is None:
        return {}, "Temporal has no history of the run, so that earlier attempts and waits for workers are not drawn"
    if rows.completed_at is None:
        return found, ""
    ended = rows.completed_at
    return {name: [replace(span, ends=span.ends or ended) for span in spans] for name, spans in found.items()}, ""


def _by_name(result: WorkflowResult) -> dict[str, StepExecution]:
    return {execution.step_name: execution for execution in result.step_executions}


def _of_rows(plan: Plan, rows: RunRows) -> dict[str, StepExecution]:
    """Return the steps as the ledger, the manifest and open anomalies know them."""
    ledger = {row["step"]: row for row in rows.executions}
    stages = {row["stage"]: row for row in rows.stages}
    held = {row["stage"].removeprefix("workflow."): row for row in rows.held}
    found: dict[str, StepExecution] = {}
    for name, place in plan.places.items():
        kind = place.step.kind
        if name in ledger:
            found[name] = _of_ledger(name, ledger[name], is_open=rows.completed_at is None)
        elif name in held:
            found[name] = StepExecution(
                step_name=name,
                step_type=kind,
                status=StepStatus.HELD,
                started_at=held[name]["detected_at"],
                error=held[name]["message"],
            )
        elif place.step.stage in stages:
            at = stages[place.step.stage]["updated_at"]
            found[name] = StepExecution(
                step_name=name, step_type=kind, status=StepStatus.COMPLETED, started_at=at, completed_at=at
            )
    return found


def _of_ledger(name: str, row: Mapping[str, Any], *, is_open: bool) -> StepExecution:
    """Return a pipeline's execution; one that a run has left open was stopped with it."""
    known = {"COMPLETED": StepStatus.COMPLETED, "FAILED": StepStatus.FAILED}
    unended = StepStatus.RUNNING if is_open else StepStatus.CANCELLED
    begins, ends = row["started_at"], row["completed_at"]
    return StepExecution(
        step_name=name,
        step_type="pipeline",
        status=known.get(row["status"], unended),
        started_at=begins,
        completed_at=ends,
        duration_seconds=max((ends - begins).total_seconds(), 0.0) if ends else None,
        attempt=row["attempt"],
        error=row["error"],
    )


def _record(
    name: str,
    execution: StepExecution,
    plan: Plan,
    rows: RunRows,
    output: Any,
    spans: Mapping[str, list[Span]],
) -> StepRecord:
    ledger = next((row for row in rows.executions if row["step"] == name), None)
    place = plan.places.get(name)
    return StepRecord(
        execution=execution,
        rows=_rows(execution, ledger, place, rows, output),
        lost=ledger["lost"] if ledger else 0,
        checks=_checks(name, rows.quality),
        spans=spans.get(name, ()),
        items=_items(name, plan, spans),
    )


def _rows(
    execution: StepExecution, ledger: Mapping[str, Any] | None, place: Place | None, rows: RunRows, output: Any
) -> int | None:
    """Return the rows that a step told of: from the ledger, its output or its stage."""
    if execution.status is not StepStatus.COMPLETED:
        return None
    told = output.get("row_count") if isinstance(output, Mapping) else None
    stage = next((row["row_count"] for row in rows.stages if place and row["stage"] == place.step.stage), None)
    found = [ledger["row_count"] if ledger else None, told, stage]
    return next((count for count in found if isinstance(count, int) and not isinstance(count, bool)), None)


def _checks(name: str, quality: Sequence[Mapping[str, Any]]) -> list[Check]:
    """Return what a step measured; that it passed as a whole is no measure of its own."""
    return [
        Check(name=row["check_name"], value=row["value"], threshold=row["threshold"], passed=row["passed"])
        for row in quality
        if row["step"] == name and row["check_name"] != OVERALL
    ]


def _items(name: str, plan: Plan, spans: Mapping[str, list[Span]]) -> dict[str, Sequence[Span]]:
    """Return the spans of a map's items, in the order of their numbers."""
    own = [item for item in spans if item not in plan.places and item.rpartition("[")[0] == name and item[-1] == "]"]
    return {item: spans[item] for item in sorted(own, key=_number)}


def _number(item: str) -> int:
    digits = item.rpartition("[")[2].rstrip("]").partition("-")[0]
    return int(digits) if digits.isdigit() else 0


def _run(rows: RunRows, steps: Mapping[str, StepRecord]) -> RunRecord:
    row = rows.run
    is_held = any(step.execution.status is StepStatus.HELD for step in steps.values())
    is_open = row.status == WorkflowStatus.RUNNING
    return RunRecord(
        run_id=row.run_id,
        workflow_id=row.workflow_id,
        status=StepStatus.HELD.value if is_open and is_held else row.status,
        started_at=row.started_at,
        completed_at=None if is_open else rows.completed_at,
        drawn_at=datetime.now(UTC),
        steps=steps,
    )
