"""Deadlines and the partitions that were due by them: one row for each, however often it is judged."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.run_key import recording_domain

#: Category of the anomaly of a late partition.
LATE_PARTITION = "LATE_PARTITION"


class Lateness(StrEnum):
    """How a partition stands to its deadline. Before that it is unknown, and has no row."""

    ON_TIME = "on time"
    LATE = "late"
    #: Complete, after its deadline.
    RECOVERED = "recovered"


# The first to ask watches from then on: what was due before is nobody's to judge. The row is locked, so that whoever
# judges does so alone.
_WATCH = text("""
    INSERT INTO core_deadlines AS known (deadline, workflow, watched_from, judged_until)
    VALUES (:deadline, :workflow, :now, :now)
    ON CONFLICT (deadline) DO UPDATE SET workflow = excluded.workflow
    RETURNING judged_until
""")

_JUDGED = text("UPDATE core_deadlines SET judged_until = :until WHERE deadline = :deadline AND judged_until < :until")

#: The run that first completed a partition, and the newest one.
_RUNS = """
    LEFT JOIN LATERAL (
        SELECT run_id, completed_at FROM core_runs
        WHERE domain = :domain AND partition_key = due.partition_key AND status IN ('COMPLETED', 'PARTIAL')
        ORDER BY completed_at, run_id LIMIT 1
    ) AS done ON TRUE
    LEFT JOIN LATERAL (
        SELECT run_id, status FROM core_runs WHERE domain = :domain AND partition_key = due.partition_key
        ORDER BY started_at DESC, run_id LIMIT 1
    ) AS newest ON TRUE
"""

_JUDGE = text(f"""
    WITH judged AS (
        INSERT INTO core_lateness (deadline, workflow, partition_key, due_at, state, run_id, completed_at)
        SELECT :deadline, :workflow, due.partition_key, due.due_at,
            CASE WHEN done.completed_at <= due.due_at THEN '{Lateness.ON_TIME}'
                WHEN done.run_id IS NOT NULL THEN '{Lateness.RECOVERED}' ELSE '{Lateness.LATE}' END,
            coalesce(done.run_id, newest.run_id), done.completed_at
        FROM jsonb_to_recordset(CAST(:due AS jsonb)) AS due (partition_key jsonb, due_at timestamptz) {_RUNS}
        ON CONFLICT (deadline, partition_key, due_at) DO NOTHING
        RETURNING deadline, workflow, partition_key, due_at, state, run_id, completed_at
    )
    SELECT judged.*, runs.status AS run_status FROM judged LEFT JOIN core_runs AS runs ON runs.run_id = judged.run_id
    ORDER BY judged.due_at, CAST(judged.partition_key AS text)
""")

_RECOVER = text(f"""
    UPDATE core_lateness AS late
    SET state = '{Lateness.RECOVERED}', run_id = due.run_id, completed_at = due.completed_at
    FROM (
        SELECT due.deadline, due.partition_key, due.due_at, done.run_id, done.completed_at
        FROM core_lateness AS due {_RUNS}
        WHERE due.deadline = :deadline AND due.state = '{Lateness.LATE}' AND done.run_id IS NOT NULL
    ) AS due
    WHERE late.deadline = due.deadline AND late.partition_key = due.partition_key AND late.due_at = due.due_at
    RETURNING late.deadline, late.workflow, late.partition_key, late.due_at, late.state, late.run_id,
        late.completed_at, 'COMPLETED' AS run_status
""")


@dataclass(frozen=True, kw_only=True)
class JudgedPartition:
    """A partition that was due, and how it stands."""

    deadline: str
    workflow: str
    partition_key: Mapping[str, Any]
    due_at: datetime
    state: Lateness
    #: The run that first completed it; where none has, the newest one that there is.
    run_id: str | None
    completed_at: datetime | None
    #: How that run stands; None: there is none.
    run_status: str | None

    @property
    def late_by(self) -> str:
        """How late it was complete, as ``3:12:05``; empty where it is not complete, or was not late."""
        if self.completed_at is None or self.completed_at <= self.due_at:
            return ""
        return str(self.completed_at - self.due_at).partition(".")[0]


def watch(connection: Connection, deadline: str, workflow: str, *, now: datetime) -> datetime:
    """Return until when a deadline is judged, and keep others from judging it until the transaction ends.

    A deadline that is new is watched from ``now`` on.
    """
    values = {"deadline": deadline, "workflow": workflow, "now": now}
    until: datetime = connection.execute(_WATCH, values).scalar_one()
    return until


def judge(
    connection: Connection, deadline: str, workflow: str, due: Sequence[tuple[Mapping[str, Any], datetime]]
) -> list[JudgedPartition]:
    """Write how the partitions stand that were due, and return those that were not judged before."""
    rows = [{"partition_key": dict(partition), "due_at": moment.isoformat()} for partition, moment in due]
    return _rows(connection, _JUDGE, deadline, workflow, due=json.dumps(rows))


def recover(connection: Connection, deadline: str, workflow: str) -> list[JudgedPartition]:
    """Write which late partitions are complete by now, and return them."""
    return _rows(connection, _RECOVER, deadline, workflow)


def judged(connection: Connection, deadline: str, *, until: datetime) -> None:
    """Note until when a deadline is judged."""
    connection.execute(_JUDGED, {"deadline": deadline, "until": until})


def list_lateness(
    connection: Connection, *, workflow: str | None = None, states: Sequence[Lateness] = (), limit: int = 1000
) -> list[JudgedPartition]:
    """Return how partitions stand to their deadlines, the newest due time first; of a late one, the newest run now."""
    conditions = ["TRUE"]
    if workflow is not None:
        conditions.append("due.workflow = :workflow")
    if states:
        conditions.append("due.state = ANY(:states)")
    order = "due.due_at DESC, due.deadline, CAST(due.partition_key AS text)"
    query = f"""
        WITH due AS (
            SELECT * FROM core_lateness AS due WHERE {" AND ".join(conditions)} ORDER BY {order} LIMIT :limit
        )
        SELECT due.deadline, due.workflow, due.partition_key, due.due_at, due.state, due.completed_at,
            coalesce(newest.run_id, due.run_id) AS run_id, coalesce(newest.status, done.status) AS run_status
        FROM due LEFT JOIN core_runs AS done ON done.run_id = due.run_id
        LEFT JOIN LATERAL (
            SELECT run_id, status FROM core_runs
            WHERE due.completed_at IS NULL AND domain = '{recording_domain("")}' || due.workflow
                AND partition_key = due.partition_key
            ORDER BY started_at DESC, run_id LIMIT 1
        ) AS newest ON TRUE
        ORDER BY {order}
    """
    values = {"workflow": workflow, "states": [state.value for state in states], "limit": limit}
    return [_row(dict(row)) for row in connection.execute(text(query), values).mappings()]


def _rows(connection: Connection, query: Any, deadline: str, workflow: str, **values: Any) -> list[JudgedPartition]:
    given = {"deadline": deadline, "workflow": workflow, "domain": recording_domain(workflow)} | values
    return [_row(dict(row)) for row in connection.execute(query, given).mappings()]


def _row(row: dict[str, Any]) -> JudgedPartition:
    return JudgedPartition(**{**row, "state": Lateness(row["state"])})
