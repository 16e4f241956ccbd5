"""The ledger, read: what runs have completed, and what has failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.recording.executions import LINEAGE, Execution

_DONE_IN_LINEAGE = text(f"""
    SELECT run_id, step, output, attempt, started_at, completed_at FROM core_executions
    WHERE {LINEAGE} AND run_id <> :run_id AND step = :step AND status = 'COMPLETED'
        AND pipeline = :pipeline AND params - 'force' = CAST(:params AS jsonb) - 'force'
    ORDER BY completed_at DESC LIMIT 1
""")

# Of what was done more than once, as an earlier version did, the last.
_COMPLETED = text(f"""
    SELECT run_id, step, output, attempt, started_at, completed_at FROM core_executions
    WHERE {LINEAGE} AND status = 'COMPLETED'
        AND NOT (step LIKE '%[%]')
    ORDER BY completed_at
""")

_FAILED = text("""
    SELECT step, pipeline, attempt, error, traceback FROM core_executions
    WHERE run_id = :run_id AND status = 'FAILED' ORDER BY completed_at, step
""")


@dataclass(frozen=True, kw_only=True)
class CompletedExecution:
    """What the ledger holds of a step that a run has completed."""

    run_id: str
    step: str
    output: Mapping[str, Any] | None
    attempt: int
    started_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class FailedExecution:
    """A pipeline execution that has failed."""

    step: str
    pipeline: str
    #: How many attempts the pipeline itself ended.
    attempt: int
    error: str | None
    #: The user's frames, where its code raised.
    traceback: str | None


def done_in_lineage(connection: Connection, execution: Execution) -> CompletedExecution | None:
    """Return what an earlier run of the lineage gave for the step, from the same pipeline with the same params."""
    row = connection.execute(_DONE_IN_LINEAGE, execution.values()).mappings().one_or_none()
    return CompletedExecution(**row) if row else None


def completed_in_lineage(connection: Connection, lineage_id: str) -> list[CompletedExecution]:
    """Return what the runs of a lineage have completed, less the items of maps; the newest last."""
    rows = connection.execute(_COMPLETED, {"lineage_id": lineage_id}).mappings()
    return [CompletedExecution(**row) for row in rows]


def failed_executions(connection: Connection, run_id: str) -> list[FailedExecution]:
    """Return the executions of a run that have failed, the latest last."""
    rows = connection.execute(_FAILED, {"run_id": run_id}).mappings()
    return [FailedExecution(**row) for row in rows]
