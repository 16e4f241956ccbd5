"""Runs: what each was given, the plan that it keeps, and what it came to."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

_OPEN = text("""
    INSERT INTO core_runs
        (run_id, workflow_id, workflow, domain, partition_key, params, plan, status, started_at)
    VALUES (:run_id, :workflow_id, :workflow, :domain, CAST(:partition_key AS jsonb), CAST(:params AS jsonb),
        CAST(:plan AS jsonb), 'RUNNING', :started_at)
    ON CONFLICT (run_id) DO NOTHING
""")

_PLAN = text("SELECT plan FROM core_runs WHERE run_id = :run_id")

_CLOSE = text("""
    UPDATE core_runs SET status = :status, completed_at = :completed_at, result = CAST(:result AS jsonb)
    WHERE run_id = :run_id
""")

_COMPLETED = text("""
    SELECT runs.run_id, runs.params, runs.result
    FROM core_manifest AS manifest JOIN core_runs AS runs ON runs.run_id = manifest.execution_id
    WHERE manifest.domain = :domain AND manifest.partition_key = CAST(:partition_key AS jsonb)
        AND manifest.stage = 'COMPLETED' AND runs.status = 'COMPLETED' AND runs.run_id <> :run_id
""")


@dataclass(frozen=True, kw_only=True)
class CompletedRun:
    """The run that completed a partition."""

    run_id: str
    params: Mapping[str, Any]
    result: Mapping[str, Any]


def open_run(
    connection: Connection,
    *,
    run_id: str,
    workflow_id: str,
    workflow: str,
    domain: str,
    partition: Mapping[str, Any],
    params: Mapping[str, Any],
    plan: str,
    started_at: datetime,
) -> None:
    """Write the run's row; a second time for the same run changes nothing. ``plan`` is JSON text."""
    values = {"run_id": run_id, "workflow_id": workflow_id, "workflow": workflow, "domain": domain, "plan": plan}
    connection.execute(
        _OPEN,
        values
        | {
            "partition_key": json.dumps(partition),
            "params": json.dumps(params),
            "started_at": started_at,
        },
    )


def plan_of_run(connection: Connection, run_id: str) -> Any | None:
    """Return the plan that the run began with, None where it has not begun."""
    return connection.execute(_PLAN, {"run_id": run_id}).scalar()


def close_run(connection: Connection, run_id: str, status: str, completed_at: datetime, result: str) -> None:
    """Write what the run came to; ``result`` is JSON text."""
    connection.execute(_CLOSE, {"run_id": run_id, "status": status, "completed_at": completed_at, "result": result})


def completed_run(
    connection: Connection, domain: str, partition: Mapping[str, Any], *, other_than: str
) -> CompletedRun | None:
    """Return the run that completed the partition, None where it is not COMPLETED."""
    values = {"domain": domain, "partition_key": json.dumps(partition), "run_id": other_than}
    row = connection.execute(_COMPLETED, values).mappings().one_or_none()
    return CompletedRun(**row) if row else None
