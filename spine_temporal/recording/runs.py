"""Runs, read: what each was given, the plan that it keeps, and what it came to."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.run_result import WorkflowStatus
from spine_temporal.recording.fence import partition_values

_COLUMNS = """run_id, workflow_id, workflow, domain, partition_key, params, plan, status, started_at, result,
    temporal, resumed_from, correction, lineage_id, first_run_id, execution_run_id, epoch, resume_request, task_queue,
    fingerprints"""

_RUN = text(f"SELECT {_COLUMNS} FROM core_runs WHERE run_id = :run_id")

_LOCKED = text(f"SELECT {_COLUMNS} FROM core_runs WHERE run_id = :run_id FOR UPDATE")

# The run itself, and the one that completed its partition before.
_KNOWN = text(f"""
    WITH mine AS MATERIALIZED (
        SELECT {_COLUMNS} FROM core_runs WHERE run_id = :run_id FOR UPDATE
    )
    SELECT {_COLUMNS} FROM mine
    UNION ALL
    SELECT {_COLUMNS} FROM core_runs
    WHERE status = 'COMPLETED' AND run_id <> :run_id AND run_id = (
        SELECT execution_id FROM core_manifest
        WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb) AND stage = 'COMPLETED'
    )
""")

_LATEST_OF_ID = text(f"""
    SELECT {_COLUMNS} FROM core_runs WHERE workflow_id = :workflow_id ORDER BY started_at DESC, run_id LIMIT 1
""")

_LATEST_OF_PARTITION = text(f"""
    SELECT {_COLUMNS} FROM core_runs
    WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb) AND run_id <> :run_id
    ORDER BY started_at DESC, run_id LIMIT 1
""")

_RUNNING = text(f"""
    SELECT {_COLUMNS} FROM core_runs
    WHERE status = 'RUNNING' AND started_at < :before AND temporal = :temporal
    ORDER BY random() LIMIT :limit
""")

_LATEST_OF_LINEAGE = text(f"""
    SELECT {_COLUMNS} FROM core_runs
    WHERE lineage_id = :lineage_id AND run_id <> :run_id ORDER BY started_at DESC, run_id LIMIT 1
""")

_LATEST_OF_CHAIN = text(f"""
    SELECT {_COLUMNS} FROM core_runs
    WHERE workflow_id = :workflow_id AND first_run_id = :first_run_id AND temporal = :temporal AND run_id <> :run_id
    ORDER BY started_at DESC, run_id LIMIT 1
""")

_LATEST_OF_FIRST = text(f"""
    SELECT {_COLUMNS} FROM core_runs WHERE workflow_id = :workflow_id AND first_run_id = :first_run_id
    ORDER BY started_at DESC, run_id LIMIT 1
""")

_ALL_RUNNING = text(f"SELECT {_COLUMNS} FROM core_runs WHERE status = 'RUNNING' ORDER BY started_at")

_WORKFLOWS = text("SELECT DISTINCT workflow FROM core_runs ORDER BY workflow")

_LINEAGE = text(f"SELECT {_COLUMNS} FROM core_runs WHERE lineage_id = :lineage_id ORDER BY started_at, run_id")


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """A run as Postgres knows it: the one form in which its row is read, but in lists (``ListedRun``)."""

    run_id: str
    workflow_id: str
    workflow: str
    domain: str
    partition_key: Any
    params: Mapping[str, Any]
    plan: Mapping[str, Any]
    status: str
    started_at: datetime
    #: What it came to; None: it has not ended, or its books were closed without a result.
    result: Mapping[str, Any] | None
    #: Which Temporal runs it.
    temporal: str | None
    resumed_from: str | None
    correction: Mapping[str, Any] | None
    lineage_id: str
    first_run_id: str | None
    execution_run_id: str | None
    epoch: int
    resume_request: Mapping[str, Any] | None
    #: None: not known, it began before this was kept.
    task_queue: str | None
    #: By step: what its pipeline's inputs were.
    fingerprints: Mapping[str, Any] | None

    @property
    def has_ended(self) -> bool:
        """Whether its end is recorded."""
        return self.status != WorkflowStatus.RUNNING.value

    @property
    def key(self) -> RunKey:
        """The run's identity."""
        return RunKey(
            run_id=self.run_id,
            workflow=self.workflow,
            workflow_id=self.workflow_id,
            domain=self.plan.get("domain") or self.workflow,
            partition=self.partition_key,
            epoch=self.epoch,
            lineage=self.lineage_id,
            execution=self.execution_run_id or "",
        )


def lock_run(connection: Connection, run_id: str) -> RunRow | None:
    """Return the run, and keep others from changing it until the transaction ends."""
    return _one(connection, _LOCKED, {"run_id": run_id})


def known_runs(connection: Connection, key: RunKey) -> tuple[RunRow | None, RunRow | None]:
    """Return the run where it has begun before, locked; and the run that completed its partition."""
    rows = [RunRow(**row) for row in connection.execute(_KNOWN, partition_values(key)).mappings()]
    mine = next((row for row in rows if row.run_id == key.run_id), None)
    return mine, next((row for row in rows if row.run_id != key.run_id), None)


def run_of(connection: Connection, run_id: str) -> RunRow | None:
    """Return the run."""
    return _one(connection, _RUN, {"run_id": run_id})


def latest_run(connection: Connection, workflow_id: str) -> RunRow | None:
    """Return the newest run that began under a workflow id."""
    return _one(connection, _LATEST_OF_ID, {"workflow_id": workflow_id})


def latest_run_of_partition(
    connection: Connection, recording_domain: str, partition: Mapping[str, Any], *, other_than: str
) -> RunRow | None:
    """Return the newest run that began on a partition."""
    values = {"domain": recording_domain, "partition_key": json.dumps(partition), "run_id": other_than}
    return _one(connection, _LATEST_OF_PARTITION, values)


def running_runs(connection: Connection, *, temporal: str, before: datetime, limit: int) -> list[RunRow]:
    """Return some of the runs of one Temporal that have begun before then and not ended."""
    rows = connection.execute(_RUNNING, {"temporal": temporal, "before": before, "limit": limit}).mappings()
    return [RunRow(**row) for row in rows]


def latest_run_of_lineage(connection: Connection, lineage_id: str, *, other_than: str) -> RunRow | None:
    """Return the newest run of a lineage."""
    return _one(connection, _LATEST_OF_LINEAGE, {"lineage_id": lineage_id, "run_id": other_than})


def latest_run_of_chain(
    connection: Connection, workflow_id: str, first_run_id: str, temporal: str, *, other_than: str
) -> RunRow | None:
    """Return the newest run that began in a chain of Temporal's resets."""
    values = {"workflow_id": workflow_id, "first_run_id": first_run_id, "temporal": temporal, "run_id": other_than}
    return _one(connection, _LATEST_OF_CHAIN, values)


def latest_run_of_first(connection: Connection, workflow_id: str, first_run_id: str) -> RunRow | None:
    """Return the newest run that began in a chain of resets, of whichever Temporal."""
    return _one(connection, _LATEST_OF_FIRST, {"workflow_id": workflow_id, "first_run_id": first_run_id})


def all_running_runs(connection: Connection) -> list[RunRow]:
    """Return every run that has begun and not ended, of whichever Temporal."""
    return [RunRow(**row) for row in connection.execute(_ALL_RUNNING).mappings()]


def known_workflows(connection: Connection) -> tuple[str, ...]:
    """Return the names of the workflows that have ever run."""
    return tuple(connection.execute(_WORKFLOWS).scalars())


def runs_of_lineage(connection: Connection, lineage_id: str) -> list[RunRow]:
    """Return the runs that went on from each other, the first one first."""
    return [RunRow(**row) for row in connection.execute(_LINEAGE, {"lineage_id": lineage_id}).mappings()]


def _one(connection: Connection, query: Any, values: Mapping[str, Any]) -> RunRow | None:
    row = connection.execute(query, values).mappings().one_or_none()
    return RunRow(**row) if row else None
