"""What Postgres knows of open runs that do not move: held gates, partitions that are late, runs that wait for one."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from spine_temporal.recording.lateness import LATE_PARTITION

# One look for all runs, however many are open. A run is late where its workflow's partition is.
_OPEN = text("""
    WITH held AS MATERIALIZED (
        SELECT DISTINCT ON (metadata ->> 'run_id') metadata ->> 'run_id' AS run_id, stage, message FROM core_anomalies
        WHERE resolved_at IS NULL AND category = 'GATE_HELD' ORDER BY metadata ->> 'run_id', detected_at DESC
    ), late AS MATERIALIZED (
        SELECT DISTINCT ON (metadata ->> 'workflow', partition_key) metadata ->> 'workflow' AS workflow, partition_key,
            message FROM core_anomalies
        WHERE resolved_at IS NULL AND category = :late ORDER BY metadata ->> 'workflow', partition_key, detected_at
    )
    SELECT runs.run_id, runs.workflow_id, held.stage AS held_stage, held.message AS held_for, late.message AS late
    FROM core_runs AS runs LEFT JOIN held USING (run_id)
        LEFT JOIN late ON late.workflow = runs.workflow AND late.partition_key = runs.partition_key
    WHERE runs.status = 'RUNNING' AND (CAST(:workflow AS text) IS NULL OR runs.workflow = :workflow)
""")


@dataclass(frozen=True, kw_only=True)
class OpenRow:
    """An open run as Postgres knows it."""

    run_id: str
    workflow_id: str
    #: The stage of the gate that is held, and what it had answered.
    held_stage: str | None
    held_for: str | None
    #: Why its partition is late; None: it is not.
    late: str | None


def open_rows(connection: Connection, workflow: str | None = None) -> Mapping[str, OpenRow]:
    """Return the open runs of a workflow or of all, by workflow id."""
    rows = connection.execute(_OPEN, {"late": LATE_PARTITION, "workflow": workflow}).mappings()
    return {row["workflow_id"]: OpenRow(**row) for row in rows}
