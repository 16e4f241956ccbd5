"""Runs that ended without their last transaction (terminated, timed out, deleted), whose rows the workers close."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError
from sqlalchemy import Connection, text

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.notification import Notification, NotificationKind
from spine_temporal.definition.run_result import StepExecution, StepStatus, WorkflowResult, WorkflowStatus
from spine_temporal.definition.severity import Severity
from spine_temporal.machine.plan import Plan
from spine_temporal.machine.step_outcome import Completed, Kept, Skipped
from spine_temporal.recording.attempt_sessions import end_attempts_of_run
from spine_temporal.recording.database import Database
from spine_temporal.recording.ended_runs import ended_run
from spine_temporal.recording.outbox import enqueue
from spine_temporal.recording.partitions import lock_partition
from spine_temporal.recording.run_list import ListedRun
from spine_temporal.recording.runs import RunRow, lock_run, run_of, running_runs
from spine_temporal.runtime.ended_waiters import forget_ended
from spine_temporal.runtime.ending import record_end
from spine_temporal.runtime.metrics import ORPHANS
from spine_temporal.runtime.temporal_runs import Standing, TemporalRun, TemporalRuns
from spine_temporal.translation.messages import EndRequest

_log = logging.getLogger(__name__)

#: Seconds between two looks, the age of a run that is looked at, and how many are at once.
INTERVAL = 30.0
_AGE = timedelta(seconds=20)
_AT_ONCE = 50
#: Rank of the last stage of a run whose plan cannot be read.
_LAST_RANK = 10_000
#: Category of the notification of a run that was terminated or deleted.
ENDED_OUTSIDE = "ENDED_OUTSIDE"
#: One worker looks at a time.
_LOCK = 7_325_118_604_013_002


async def close_orphaned_runs(temporal_runs: TemporalRuns, database: Database, *, interval: float = INTERVAL) -> None:
    """Look for such runs from time to time, until cancelled."""
    while True:
        await asyncio.sleep(interval)
        try:
            await look(temporal_runs, database, before=datetime.now(UTC) - _AGE)
            await forget_ended(temporal_runs, database)
        except SpineError as error:  # Postgres or Temporal is away: the next look finds them
            _log.debug("orphaned runs are not looked for: %s", error)
        except Exception:  # noqa: BLE001 - what heals must not end with what it does not know
            _log.exception("orphaned runs are not looked for; the next look is in %.0f s", interval)


async def look(temporal_runs: TemporalRuns, database: Database, *, before: datetime) -> list[str]:
    """Close the rows of runs that began before then and that Temporal has closed; return their ids.

    A run that cannot be judged is logged once, and the others are still looked at.
    """
    closed = []
    for row in await asyncio.to_thread(_candidates, database, await temporal_runs.place(), before):
        try:
            standing = await temporal_runs.of(temporal_run_of(row))
            if not standing.is_open:
                await asyncio.to_thread(close_orphaned_run, database, row.run_id, standing)
                closed.append(row.run_id)
        except SpineError as error:
            if error.category.retryable:
                raise
            _cannot_judge(row, error)
        except Exception as error:  # noqa: BLE001 - one run that a newer worker wrote must not stop all others
            _cannot_judge(row, error)
    return closed


_not_judged: set[str] = set()


def _cannot_judge(row: RunRow, error: Exception) -> None:
    ORPHANS.labels("not judged").inc()
    if row.run_id not in _not_judged:
        _not_judged.add(row.run_id)
        _log.warning(
            "run %s of %s (workflow id %s) cannot be judged, and its partition stays held: %s: %s",
            row.run_id, row.workflow, row.workflow_id, type(error).__name__, error,
        )  # fmt: skip


def temporal_run_of(row: RunRow | ListedRun) -> TemporalRun:
    """Return where Temporal has the run."""
    return TemporalRun(
        workflow_id=row.workflow_id, run_id=row.run_id, first_run_id=row.first_run_id, temporal=row.temporal
    )


def close_orphaned_run(database: Database, run_id: str, standing: Standing) -> None:
    """Record how a run ended that could not do so itself, and free its partition."""
    with database.begin() as connection:
        write_orphaned_end(connection, run_id, standing)


def write_orphaned_end(connection: Connection, run_id: str, standing: Standing) -> None:
    """Do so in the caller's transaction; a run that has its end already stays as it is."""
    row = run_of(connection, run_id)
    if row is None:
        return
    holds = lock_partition(connection, row.key)
    begun = lock_run(connection, run_id)
    if begun is None or begun.has_ended:
        return
    _log.warning("run %s of %s was %s in Temporal: closing its books", run_id, row.workflow, standing.closed_as)
    ORPHANS.labels("closed").inc()
    end_attempts_of_run(connection, run_id)
    request = _end_request(connection, row, standing)
    record_end(connection, request, holds=holds)
    if request.result.status is WorkflowStatus.CANCELLED:  # a failed one has told of itself, with its anomaly
        enqueue(connection, _stopped(row, request.result))


def _stopped(row: RunRow, result: WorkflowResult) -> Notification:
    """Return what is told of a run that somebody has stopped in Temporal."""
    return Notification(
        kind=NotificationKind.FAILED,
        key=f"{row.run_id}/{row.execution_run_id}",
        domain=row.key.domain,
        workflow=row.workflow,
        severity=Severity.WARN,
        category=ENDED_OUTSIDE,
        message=result.error or "",
        partition=row.partition_key,
        run_id=row.run_id,
        workflow_id=row.workflow_id,
    )


def _candidates(database: Database, place: str, before: datetime) -> list[RunRow]:
    with database.begin() as connection:
        if not connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}).scalar():
            return []
        return running_runs(connection, temporal=place, before=before, limit=_AT_ONCE)


def _end_request(connection: Connection, row: RunRow, standing: Standing) -> EndRequest:
    kinds, outcomes = _done(connection, row)
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
        outputs={name: outcome.output for name, outcome in outcomes.items() if isinstance(outcome, Completed)},
    )
    return EndRequest(key=row.key, stage_rank=len(kinds) + 1 if kinds else _LAST_RANK, result=result)


def _done(connection: Connection, row: RunRow) -> tuple[dict[str, str], dict[str, Kept]]:
    """Return the kinds of the plan's steps and the completed steps; both empty if this build cannot read the plan."""
    try:
        plan = Plan.model_validate(row.plan)
    except ValidationError:
        return {}, {}
    kinds: dict[str, str] = {name: place.step.kind for name, place in plan.places.items()}
    outcomes = {name: outcome for name, outcome in ended_run(connection, row).outcomes.items() if name in kinds}
    return kinds, outcomes


def _execution(outcome: Kept, kind: str) -> StepExecution:
    return StepExecution(
        step_name=outcome.step,
        step_type=kind,
        status=StepStatus.SKIPPED if isinstance(outcome, Skipped) else StepStatus.COMPLETED,
        started_at=outcome.started_at,
        completed_at=outcome.completed_at,
        attempt=outcome.attempt,
        kept_from=outcome.kept_from,
        reason=outcome.skip_reason if isinstance(outcome, Skipped) else None,
    )
