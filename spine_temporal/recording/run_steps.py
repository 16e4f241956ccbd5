"""What the rows say of one run and of its steps, for whoever draws it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TextClause, text

from spine_temporal.definition.errors import ParamsError
from spine_temporal.recording.runs import RunRow, latest_run, run_of

_COMPLETED_AT = text("SELECT completed_at FROM core_runs WHERE run_id = :run_id")

# Of a step that a person sent the run back to, its last round.
_EXECUTIONS = text("""
    SELECT DISTINCT ON (step) step, status, attempt, lost, started_at, completed_at, row_count, error
    FROM core_executions WHERE run_id = :run_id ORDER BY step, round DESC
""")

_QUALITY = text("""
    SELECT step, check_name, value, threshold, passed FROM core_quality AS measured
    WHERE run_id = :run_id AND round = (
        SELECT max(round) FROM core_quality AS last WHERE last.run_id = :run_id AND last.step = measured.step
    )
    ORDER BY step, measured_at, check_name
""")

_STAGES = text("""
    SELECT stage, row_count, updated_at FROM core_manifest
    WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb) AND updated_at >= :started_at
""")

_HELD = text("""
    SELECT stage, message, detected_at FROM core_anomalies
    WHERE resolved_at IS NULL AND category = 'GATE_HELD' AND metadata ->> 'run_id' = :run_id
""")


@dataclass(frozen=True, kw_only=True)
class RunRows:
    """The rows of a run; each list as the database has it, by the columns' names."""

    run: RunRow
    completed_at: datetime | None
    executions: list[Mapping[str, Any]]
    quality: list[Mapping[str, Any]]
    #: Stages that the partition has reached since the run began.
    stages: list[Mapping[str, Any]]
    #: Gates that are held, with what they say and since when: stage, message, detected_at.
    held: list[Mapping[str, Any]]


def find_run(connection: Connection, identity: str) -> RunRow:
    """Return the run of a run id, or the newest of a workflow id; raise ``ParamsError`` where neither has begun."""
    row = run_of(connection, identity) or latest_run(connection, identity)
    if row is None:
        raise ParamsError(
            f"no run with the run id or workflow id {identity[:300]!r} has begun",
            advice="`spine-temporal list` has the workflow ids of runs",
        )
    return row


def rows_of_run(connection: Connection, row: RunRow) -> RunRows:
    """Return what the database knows of a run."""
    values = {
        "run_id": row.run_id,
        "domain": row.domain,
        "partition_key": json.dumps(row.partition_key),
        "started_at": row.started_at,
    }

    def rows(query: TextClause) -> list[Mapping[str, Any]]:
        return [dict(one) for one in connection.execute(query, values).mappings()]

    return RunRows(
        run=row,
        completed_at=connection.execute(_COMPLETED_AT, values).scalar_one(),
        executions=rows(_EXECUTIONS),
        quality=rows(_QUALITY),
        stages=rows(_STAGES),
        held=rows(_HELD),
    )
