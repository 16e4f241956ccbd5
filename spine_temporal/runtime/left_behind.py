"""Runs that ended without their last transaction: terminated, timed out, deleted. Somebody must close their books."""

import asyncio
import contextlib
import logging
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.outcome import StepExecution, StepStatus, WorkflowResult, WorkflowStatus
from spine_temporal.machine.plan import Plan
from spine_temporal.machine.step_outcome import StepOutcome
from spine_temporal.recording.database import Database
from spine_temporal.recording.ended_runs import ended_run
from spine_temporal.recording.executions import end_attempts_of_run
from spine_temporal.recording.partitions import holder_of
from spine_temporal.recording.runs import RunRow, lock_run, run_of, running_runs
from spine_temporal.runtime.ending import record_end
from spine_temporal.runtime.holders import Standing, Standings
from spine_temporal.translation.messages import EndRequest

_log = logging.getLogger(__name__)

#: Seconds between two looks, the age of a run that is looked at, and how many are at once.
INTERVAL = 30.0
_AGE = timedelta(seconds=20)
_AT_ONCE = 50
#: One worker looks at a time.
_LOCK = 7_325_118_604_013_002


async def close_left_behind(standings: Standings, database: Database, *, interval: float = INTERVAL) -> None:
    """Look for such runs from time to time, until cancelled."""
    while True:
        await asyncio.sleep(interval)
        with contextlib.suppress(SpineError):  # Postgres or Temporal is away: the next look finds them
            await look(standings, database, before=datetime.now(UTC) - _AGE)


async def look(standings: Standings, database: Database, *, before: datetime) -> list[str]:
    """Close the books of runs that began before then and that Temporal has closed; return their ids."""
    closed = []
    for row in await asyncio.to_thread(_candidates, database, await standings.place(), before):
        standing = await standings.of(row.workflow_id, row.run_id, row.temporal)
        if not standing.is_open:
            await asyncio.to_thread(leave_behind, database, row.run_id, standing)
            closed.append(row.run_id)
    return closed


def leave_behind(database: Database, run_id: str, standing: Standing) -> None:
    """Record how a run ended that could not do so itself, and free its partition."""
    with database.begin() as connection:
        close_books(connection, run_id, standing)


def close_books(connection: Connection, run_id: str, standing: Standing) -> None:
    """Do so in the caller's transaction; a run that has its end already stays as it is."""
    begun = lock_run(connection, run_id)
    row = run_of(connection, run_id)
    if begun is None or row is None or begun.has_ended:
        return
    _log.warning("run %s of %s was %s in Temporal: closing its books", run_id, row.workflow, standing.closed_as)
    holder = holder_of(connection, row.domain, row.partition_key)
    end_attempts_of_run(connection, run_id)
    request = _end_request(connection, row, standing)
    record_end(connection, request, holds=holder is not None and holder.run_id == run_id)


def _candidates(database: Database, place: str, before: datetime) -> list[RunRow]:
    with database.begin() as connection:
        if not connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}).scalar():
            return []
        return running_runs(connection, temporal=place, before=before, limit=_AT_ONCE)


def _end_request(connection: Connection, row: RunRow, standing: Standing) -> EndRequest:
    plan = Plan.model_validate(row.plan)
    kinds = {name: place.step.kind for name, place in plan.places.items()}
    outcomes = {name: outcome for name, outcome in ended_run(connection, row).outcomes.items() if name in kinds}
    failed = standing.closed_as in {"timed out", "failed"}
    ended = datetime.now(UTC)
    result = WorkflowResult(
        workflow_name=row.workflow,
        run_id=row.run_id,
        status=WorkflowStatus.FAILED if failed else WorkflowStatus.CANCELLED,
        started_at=row.started_at,
        completed_at=ended,
        duration_seconds=(ended - row.started_at).total_seconds(),
        partition=row.partition_key,
        completed_steps=list(outcomes),
        step_executions=[_execution(outcome, kinds[name]) for name, outcome in outcomes.items()],
        error=f"the run was {standing.closed_as} in Temporal",
        error_category=ErrorCategory.TIMEOUT.value if standing.closed_as == "timed out" else None,
        outputs={name: outcome.output for name, outcome in outcomes.items()},
    )
    return EndRequest(
        domain=row.domain,
        workflow_domain=plan.domain,
        workflow_id=row.workflow_id,
        stage_rank=len(plan.places) + 1,
        result=result,
    )


def _execution(outcome: StepOutcome, kind: str) -> StepExecution:
    return StepExecution(
        step_name=outcome.step,
        step_type=kind,
        status=StepStatus.COMPLETED if outcome.skip_reason is None else StepStatus.SKIPPED,
        started_at=outcome.started_at,
        completed_at=outcome.completed_at,
        attempt=outcome.attempt,
        kept_from=outcome.kept_from,
        reason=outcome.skip_reason,
    )
