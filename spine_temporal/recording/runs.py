"""Runs: what each was given, the plan that it keeps, and what it came to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.outcome import WorkflowStatus
from spine_temporal.recording.manifest import UPSERT_STAGES

_OPEN = text(f"""
    WITH run AS (
        INSERT INTO core_runs (run_id, workflow_id, workflow, domain, partition_key, params, plan, status, started_at,
            temporal, resumed_from, correction)
        VALUES (:run_id, :workflow_id, :workflow, :domain, CAST(:partition_key AS jsonb), CAST(:params AS jsonb),
            CAST(:plan AS jsonb), 'RUNNING', :started_at, :temporal, :resumed_from, CAST(:correction AS jsonb))
        ON CONFLICT (run_id) DO UPDATE SET
            params = excluded.params, plan = excluded.plan, resumed_from = excluded.resumed_from,
            correction = excluded.correction
        WHERE excluded.resumed_from IS NOT NULL
    )
    {UPSERT_STAGES}
""")

_BEGUN = text("SELECT plan, status FROM core_runs WHERE run_id = :run_id FOR UPDATE")

# What is known of the run itself, and of the one that completed its partition before.
_KNOWN = text("""
    WITH mine AS MATERIALIZED (
        SELECT plan, status FROM core_runs WHERE run_id = :run_id FOR UPDATE
    ), earlier AS (
        SELECT runs.run_id, runs.params, runs.result
        FROM core_manifest AS manifest JOIN core_runs AS runs ON runs.run_id = manifest.execution_id
        WHERE manifest.domain = :domain AND manifest.partition_key = CAST(:partition_key AS jsonb)
            AND manifest.stage = 'COMPLETED' AND runs.status = 'COMPLETED' AND runs.run_id <> :run_id
    )
    SELECT plan, status, run_id, params, result
    FROM (VALUES (1)) AS one LEFT JOIN mine ON TRUE LEFT JOIN earlier ON TRUE
""")

# An end that is recorded already is left alone. A claim that was released comes back to the run that had it: it was
# reset after it had ended.
_BEGIN_END = text("""
    WITH mine AS MATERIALIZED (
        SELECT status = :status AND NOT :was_reset AS recorded FROM core_runs WHERE run_id = :run_id FOR UPDATE
    ), held AS (
        INSERT INTO core_partitions AS held (domain, partition_key, workflow_id, run_id)
        SELECT :domain, CAST(:partition_key AS jsonb), :workflow_id, :run_id
        WHERE NOT EXISTS (SELECT FROM mine WHERE recorded)
        ON CONFLICT (domain, partition_key) DO UPDATE SET claimed_at = held.claimed_at
        WHERE held.run_id = excluded.run_id
        RETURNING run_id
    )
    SELECT EXISTS (SELECT FROM mine WHERE recorded), EXISTS (SELECT FROM held)
""")

_CLOSE = text(f"""
    WITH closed AS (
        UPDATE core_runs SET status = :status, completed_at = :completed_at, result = CAST(:result AS jsonb)
        WHERE run_id = :run_id
    ), stages AS (
        {UPSERT_STAGES}
    ), forgotten AS (
        DELETE FROM core_manifest
        WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb) AND stage = ANY(:forgotten)
    )
    DELETE FROM core_partitions
    WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb) AND run_id = :run_id
""")

_COLUMNS = """run_id, workflow_id, workflow, domain, partition_key, params, plan, status, started_at, result,
    temporal, resumed_from, correction"""

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

_REQUEST = text("UPDATE core_runs SET resume_request = CAST(:request AS jsonb) WHERE run_id = :run_id")

_TAKE = text("""
    UPDATE core_runs SET resume_request = resume_request || jsonb_build_object('taken_by', CAST(:taken_by AS text))
    WHERE run_id = :run_id AND resume_request IS NOT NULL
""")

# A request is for one reset: the run that has taken it finds it again, as its first answer may have been lost.
_REQUESTED = text("""
    SELECT resume_request -> 'options' FROM core_runs
    WHERE (run_id = :run_id OR workflow_id = :workflow_id) AND resume_request IS NOT NULL
        AND coalesce(resume_request ->> 'taken_by', :asked_by) = :asked_by
    ORDER BY started_at DESC LIMIT 1
""")

_LEDGER = text("""
    SELECT run_id, step, output, attempt, started_at, completed_at FROM core_executions
    WHERE run_id = ANY(:run_ids) AND status = 'COMPLETED' ORDER BY completed_at
""")


@dataclass(frozen=True, kw_only=True)
class CompletedRun:
    """The run that completed a partition."""

    run_id: str
    params: Mapping[str, Any]
    result: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class BegunRun:
    """The plan that a run began with, and how it stands."""

    plan: Mapping[str, Any]
    status: str

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


@dataclass(frozen=True, kw_only=True)
class LedgerOutput:
    """What the ledger holds of a completed pipeline execution."""

    run_id: str
    step: str
    output: Mapping[str, Any] | None
    attempt: int
    started_at: datetime
    completed_at: datetime | None


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
    temporal: str,
    stage: Mapping[str, Any],
    resumed_from: str | None = None,
    correction: Mapping[str, Any] | None = None,
) -> None:
    """Write the run's row and its first stage; a second time the row changes only where the run resumes another.

    ``plan`` is JSON text.
    """
    values = {"run_id": run_id, "workflow_id": workflow_id, "workflow": workflow, "domain": domain, "plan": plan}
    connection.execute(
        _OPEN,
        values
        | {
            "partition_key": json.dumps(partition),
            "params": json.dumps(params),
            "started_at": started_at,
            "temporal": temporal,
            "stages": json.dumps([stage]),
            "resumed_from": resumed_from,
            "correction": None if correction is None else json.dumps(correction),
        },
    )


def lock_run(connection: Connection, run_id: str) -> BegunRun | None:
    """Return the run that has begun, and keep others from changing it until the transaction ends."""
    row = connection.execute(_BEGUN, {"run_id": run_id}).mappings().one_or_none()
    return BegunRun(**row) if row else None


def known_runs(
    connection: Connection, run_id: str, domain: str, partition: Mapping[str, Any]
) -> tuple[BegunRun | None, CompletedRun | None]:
    """Return the run where it has begun before, locked; and the run that completed its partition."""
    values = {"domain": domain, "partition_key": json.dumps(partition), "run_id": run_id}
    row = connection.execute(_KNOWN, values).mappings().one()
    mine = None if row["status"] is None else BegunRun(plan=row["plan"], status=row["status"])
    if row["run_id"] is None:
        return mine, None
    return mine, CompletedRun(run_id=row["run_id"], params=row["params"], result=row["result"])


def begin_end(
    connection: Connection,
    run_id: str,
    status: str,
    domain: str,
    partition: Mapping[str, Any],
    *,
    workflow_id: str,
    was_reset: bool,
) -> tuple[bool, bool]:
    """Lock the run that ends, and claim its partition where nobody holds it.

    Return whether this end is recorded already, and whether the run holds its partition.
    """
    values = {"run_id": run_id, "status": status, "domain": domain, "partition_key": json.dumps(partition)}
    row = connection.execute(_BEGIN_END, values | {"workflow_id": workflow_id, "was_reset": was_reset}).one()
    return bool(row[0]), bool(row[1])


def close_run(
    connection: Connection,
    run_id: str,
    domain: str,
    partition: Mapping[str, Any],
    *,
    status: str,
    completed_at: datetime,
    result: str,
    stages: Sequence[Mapping[str, Any]],
    forgotten: Sequence[str],
) -> None:
    """Write what the run came to and the stages that it reached, forget others, and give the partition back.

    ``result`` is JSON text.
    """
    values = {"run_id": run_id, "domain": domain, "partition_key": json.dumps(partition), "status": status}
    connection.execute(
        _CLOSE,
        values
        | {
            "completed_at": completed_at,
            "result": result,
            "stages": json.dumps(stages),
            "forgotten": list(forgotten),
        },
    )


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


def request_resume(connection: Connection, run_id: str, request: Mapping[str, Any] | None) -> None:
    """Keep how to go on from an ended run, for the run that will; None: forget it."""
    told = None if request is None else json.dumps({"options": request})
    connection.execute(_REQUEST, {"run_id": run_id, "request": told})


def take_resume(connection: Connection, run_id: str, *, taken_by: str) -> None:
    """Say which run goes on from the ended one; no other finds the request any more."""
    connection.execute(_TAKE, {"run_id": run_id, "taken_by": taken_by})


def requested_resume(
    connection: Connection, *, asked_by: str, run_id: str | None = None, workflow_id: str | None = None
) -> Mapping[str, Any] | None:
    """Return how to go on from a run, or from the newest of a workflow id; None where nobody wants ``asked_by`` to."""
    values = {"run_id": run_id, "workflow_id": workflow_id, "asked_by": asked_by}
    found: Mapping[str, Any] | None = connection.execute(_REQUESTED, values).scalar()
    return found


def ledger_outputs(connection: Connection, run_ids: Sequence[str]) -> list[LedgerOutput]:
    """Return the completed pipeline executions of these runs."""
    rows = connection.execute(_LEDGER, {"run_ids": list(run_ids)}).mappings()
    return [LedgerOutput(**row) for row in rows]


def _one(connection: Connection, query: Any, values: Mapping[str, Any]) -> RunRow | None:
    row = connection.execute(query, values).mappings().one_or_none()
    return RunRow(**row) if row else None
