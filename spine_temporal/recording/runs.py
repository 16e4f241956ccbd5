"""Runs: what each was given, the plan that it keeps, and what it came to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.run_result import WorkflowStatus
from spine_temporal.machine.manifest_row import StageReached, rows_of
from spine_temporal.recording.fence import FENCE_COLUMNS, HELD, Acknowledged, Fence, partition_values
from spine_temporal.recording.manifest import UPSERT_STAGES

_OPEN = text(f"""
    WITH run AS (
        INSERT INTO core_runs (run_id, workflow_id, workflow, domain, partition_key, params, plan, status, started_at,
            temporal, resumed_from, correction, lineage_id, first_run_id, execution_run_id, epoch, fingerprints,
            task_queue)
        VALUES (:run_id, :workflow_id, :workflow, :domain, CAST(:partition_key AS jsonb), CAST(:params AS jsonb),
            CAST(:plan AS jsonb), 'RUNNING', :started_at, :temporal, :resumed_from, CAST(:correction AS jsonb),
            :lineage_id, :first_run_id, :run_id, :epoch, CAST(:fingerprints AS jsonb), :task_queue)
        ON CONFLICT (run_id) DO UPDATE SET
            params = excluded.params, plan = excluded.plan, resumed_from = excluded.resumed_from,
            correction = excluded.correction
        WHERE excluded.resumed_from IS NOT NULL
    )
    {UPSERT_STAGES}
""")

_BEGUN = text("SELECT plan, status, epoch, result AS own_result FROM core_runs WHERE run_id = :run_id FOR UPDATE")

# What is known of the run itself, and of the one that completed its partition before.
_KNOWN = text("""
    WITH mine AS MATERIALIZED (
        SELECT plan, status, epoch, result AS own_result FROM core_runs WHERE run_id = :run_id FOR UPDATE
    ), earlier AS (
        SELECT runs.run_id, runs.params, runs.result, runs.fingerprints
        FROM core_manifest AS manifest JOIN core_runs AS runs ON runs.run_id = manifest.execution_id
        WHERE manifest.domain = :domain AND manifest.partition_key = CAST(:partition_key AS jsonb)
            AND manifest.stage = 'COMPLETED' AND runs.status = 'COMPLETED' AND runs.run_id <> :run_id
    )
    SELECT plan, status, epoch, own_result, run_id, params, result, fingerprints
    FROM (VALUES (1)) AS one LEFT JOIN mine ON TRUE LEFT JOIN earlier ON TRUE
""")

# The partition first and then the run, as in every transaction that needs both. An end that another has recorded for
# the run, who has closed its books, is CANCELLED: Temporal would not let the run end any more where it were FAILED.
_BEGIN_END = text(f"""
    WITH held AS MATERIALIZED ({HELD} FOR UPDATE), mine AS MATERIALIZED (
        SELECT status, execution_run_id, result FROM core_runs
        WHERE run_id = :run_id AND (SELECT count(*) FROM held) >= 0 FOR UPDATE
    )
    SELECT {FENCE_COLUMNS},
        (
            SELECT result FROM mine WHERE execution_run_id = :execution_run_id
                AND (status = :status OR status NOT IN ('RUNNING', 'CANCELLED'))
        ) AS recorded
""")

_CLOSE = text(f"""
    WITH closed AS (
        UPDATE core_runs SET status = :status, completed_at = :completed_at, result = CAST(:result AS jsonb)
        WHERE run_id = :run_id
        RETURNING run_id
    ), stages AS (
        {UPSERT_STAGES}
    ), forgotten AS (
        DELETE FROM core_manifest
        WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb) AND stage = ANY(:forgotten)
    ), released AS (
        UPDATE core_partitions SET run_id = NULL, execution_run_id = NULL
        WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb) AND run_id = :run_id
    )
    SELECT run_id FROM closed
""")

# A run that was reset after it had ended works again.
_REOPEN = text("""
    UPDATE core_runs SET status = 'RUNNING', completed_at = NULL, execution_run_id = :execution_run_id, epoch = :epoch
    WHERE run_id = :run_id
        AND (execution_run_id IS DISTINCT FROM :execution_run_id OR status IN ('RUNNING', 'CANCELLED'))
    RETURNING run_id
""")

_LOCK_PARTITION = text(f"{HELD} FOR UPDATE")

_COLUMNS = """run_id, workflow_id, workflow, domain, partition_key, params, plan, status, started_at, result,
    temporal, resumed_from, correction, lineage_id, first_run_id, execution_run_id, epoch, resume_request, task_queue"""

_RUN = text(f"SELECT {_COLUMNS} FROM core_runs WHERE run_id = :run_id")

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

# Of what was done more than once, as an earlier version did, the last.
_LEDGER = text("""
    SELECT run_id, step, output, attempt, started_at, completed_at FROM core_executions
    WHERE run_id IN (SELECT run_id FROM core_runs WHERE lineage_id = :lineage_id) AND status = 'COMPLETED'
        AND NOT (step LIKE '%[%]')
    ORDER BY completed_at
""")


@dataclass(frozen=True, kw_only=True)
class CompletedRun:
    """The run that completed a partition."""

    run_id: str
    params: Mapping[str, Any]
    result: Mapping[str, Any]
    #: By step: what its pipeline's inputs were.
    fingerprints: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class BegunRun:
    """The plan that a run began with, and how it stands."""

    plan: Mapping[str, Any]
    status: str
    epoch: int
    #: What it came to; None: it has not ended, or its books were closed without a result.
    own_result: Mapping[str, Any] | None

    @property
    def has_ended(self) -> bool:
        """Whether its end is recorded."""
        return self.status != WorkflowStatus.RUNNING.value


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """A run as Postgres knows it."""

    run_id: str
    workflow_id: str
    workflow: str
    domain: str
    partition_key: Any
    params: Mapping[str, Any]
    plan: Mapping[str, Any]
    status: str
    started_at: datetime
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


@dataclass(frozen=True, kw_only=True)
class LedgerOutput:
    """What the ledger holds of a completed pipeline execution."""

    run_id: str
    step: str
    output: Mapping[str, Any] | None
    attempt: int
    started_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """The row of a run that begins. ``plan`` is JSON text."""

    key: RunKey
    params: Mapping[str, Any]
    plan: str
    started_at: datetime
    #: Which Temporal runs it, and the first run of its chain there.
    temporal: str
    first_run_id: str
    #: Where it asks for workers.
    task_queue: str | None = None
    resumed_from: str | None = None
    correction: Mapping[str, Any] | None = None
    fingerprints: Mapping[str, Any] | None = None


def open_run(connection: Connection, run: NewRun, stage: StageReached) -> None:
    """Write the run's row and its first stage; a second time the row changes only where the run resumes another."""
    connection.execute(
        _OPEN,
        {
            **partition_values(run.key),
            "workflow_id": run.key.workflow_id,
            "workflow": run.key.workflow,
            "lineage_id": run.key.lineage_id,
            "first_run_id": run.first_run_id,
            "plan": run.plan,
            "params": json.dumps(run.params),
            "started_at": run.started_at,
            "temporal": run.temporal,
            "task_queue": run.task_queue,
            "stages": rows_of([stage]),
            "resumed_from": run.resumed_from,
            "correction": None if run.correction is None else json.dumps(run.correction),
            "fingerprints": json.dumps(run.fingerprints) if run.fingerprints else None,
        },
    )


def lock_run(connection: Connection, run_id: str) -> BegunRun | None:
    """Return the run that has begun, and keep others from changing it until the transaction ends."""
    row = connection.execute(_BEGUN, {"run_id": run_id}).mappings().one_or_none()
    return BegunRun(**row) if row else None


def known_runs(connection: Connection, key: RunKey) -> tuple[BegunRun | None, CompletedRun | None]:
    """Return the run where it has begun before, locked; and the run that completed its partition."""
    row = connection.execute(_KNOWN, partition_values(key)).mappings().one()
    mine = None if row["status"] is None else BegunRun(**{name: row[name] for name in BegunRun.__dataclass_fields__})
    if row["run_id"] is None:
        return mine, None
    return mine, CompletedRun(**{name: row[name] for name in CompletedRun.__dataclass_fields__})


def begin_end(
    connection: Connection, key: RunKey, status: str, acknowledged: Acknowledged
) -> tuple[Mapping[str, Any] | None, Fence]:
    """Lock the partition of a run that ends, and the run.

    Return the result where this execution has recorded an end already, which stands, and the fence.
    """
    values = partition_values(key) | {"execution_run_id": key.execution_run_id}
    row = connection.execute(_BEGIN_END, values | acknowledged.values() | {"status": status}).mappings().one()
    return row["recorded"], Fence.of(row)


def lock_partition(connection: Connection, key: RunKey) -> bool:
    """Keep the partition as it is until the transaction has ended; return whether the run holds it."""
    holder = connection.execute(_LOCK_PARTITION, partition_values(key)).scalar()
    return bool(holder == key.run_id)


def close_run(
    connection: Connection,
    key: RunKey,
    *,
    status: str,
    completed_at: datetime,
    result: str,
    stages: Sequence[StageReached],
    forgotten: Sequence[str],
) -> bool:
    """Write what the run came to and the stages that it reached, forget others, and give the partition back.

    ``result`` is JSON text. False where the database has no row of the run.
    """
    values = {
        "status": status,
        "completed_at": completed_at,
        "result": result,
        "stages": rows_of(stages),
        "forgotten": list(forgotten),
    }
    return connection.execute(_CLOSE, partition_values(key) | values).scalar() is not None


def reopen_run(connection: Connection, key: RunKey) -> bool:
    """Let a run that was reset work again.

    False where the database has no row of it, or has how this very execution ended, which stands (``begin_end``).
    """
    values = {"run_id": key.run_id, "execution_run_id": key.execution_run_id, "epoch": key.epoch}
    return connection.execute(_REOPEN, values).scalar() is not None


def run_of(connection: Connection, run_id: str) -> RunRow | None:
    """Return the run."""
    return _one(connection, _RUN, {"run_id": run_id})


def latest_run(connection: Connection, workflow_id: str) -> RunRow | None:
    """Return the newest run that began under a workflow id."""
    return _one(connection, _LATEST_OF_ID, {"workflow_id": workflow_id})


def latest_run_of_partition(
    connection: Connection, domain: str, partition: Mapping[str, Any], *, other_than: str
) -> RunRow | None:
    """Return the newest run that began on a partition."""
    values = {"domain": domain, "partition_key": json.dumps(partition), "run_id": other_than}
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


def ledger_outputs(connection: Connection, lineage_id: str) -> list[LedgerOutput]:
    """Return what the runs of a lineage have completed, less the items of maps; the newest last."""
    rows = connection.execute(_LEDGER, {"lineage_id": lineage_id}).mappings()
    return [LedgerOutput(**row) for row in rows]


def _one(connection: Connection, query: Any, values: Mapping[str, Any]) -> RunRow | None:
    row = connection.execute(query, values).mappings().one_or_none()
    return RunRow(**row) if row else None
