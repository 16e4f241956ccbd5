"""A run's row from its beginning to its end: opened, closed, and opened again after a reset."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.run_key import RunKey
from spine_temporal.machine.manifest_row import StageReached, rows_of
from spine_temporal.recording.anomalies import RESOLVE_EARLIER, resolving_values
from spine_temporal.recording.fence import FENCE, HELD, Acknowledged, Fence, FencedStatement, partition_values
from spine_temporal.recording.manifest import UPSERT_STAGES

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

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

# The partition first and then the run, as in every transaction that needs both. An end that another has recorded for
# the run, who has closed its books, is CANCELLED: Temporal would not let the run end any more where it were FAILED.
_BEGIN_END = FencedStatement(f"""
    WITH held AS MATERIALIZED ({HELD} FOR UPDATE), mine AS MATERIALIZED (
        SELECT status, execution_run_id, result FROM core_runs
        WHERE run_id = :run_id AND (SELECT count(*) FROM held) >= 0 FOR UPDATE
    )
    SELECT {FENCE},
        (
            SELECT result FROM mine WHERE execution_run_id = :execution_run_id
                AND (status = :status OR status NOT IN ('RUNNING', 'CANCELLED'))
        ) AS recorded
""")

# Which execution has ended it, so that no other attempt of that one opens it again. Of a run that goes on from another
# the parents of that one count too, whose outputs it may have kept.
_CLOSED = f"""
    WITH closed AS (
        UPDATE core_runs AS runs SET status = :status, completed_at = :completed_at, result = CAST(:result AS jsonb),
            execution_run_id = :execution_run_id,
            parents = nullif(coalesce(runs.parents, '[]') || coalesce(
                (SELECT parents FROM core_runs AS before WHERE before.run_id = runs.resumed_from), '[]'
            ) || CAST(:parents AS jsonb), '[]')
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
"""
_CLOSE = text(f"{_CLOSED} SELECT run_id FROM closed")
_COMPLETE = text(f"{_CLOSED}, {RESOLVE_EARLIER} SELECT run_id FROM closed")

# A run that was reset after it had ended works again.
_REOPEN = text("""
    UPDATE core_runs SET status = 'RUNNING', completed_at = NULL, execution_run_id = :execution_run_id, epoch = :epoch
    WHERE run_id = :run_id
        AND (execution_run_id IS DISTINCT FROM :execution_run_id OR status IN ('RUNNING', 'CANCELLED'))
    RETURNING run_id
""")


# A stage says which run, or which execution of one, has reached it.
_ADD_PARENTS = text("""
    UPDATE core_runs SET parents = coalesce(parents, '[]') || coalesce((
        SELECT jsonb_agg(run_id) FROM (
            SELECT run_id FROM core_runs WHERE run_id = ANY(:reached_by)
            UNION SELECT run_id FROM core_executions WHERE execution_id = ANY(CAST(:executions AS uuid[]))
        ) AS parent
    ), '[]')
    WHERE workflow_id = :workflow_id AND status = 'RUNNING' AND :execution_run_id IN (run_id, execution_run_id)
""")

_RECORDED = text("""
    SELECT result FROM core_runs
    WHERE run_id = :run_id AND execution_run_id = :execution_run_id AND status NOT IN ('RUNNING', 'CANCELLED')
""")


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """What is written of a run that begins: ``RunRow`` cannot tell it, which has what comes about later as well.

    ``plan`` is the JSON text that history has, so that it is not parsed only to be written again.
    """

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


def begin_end(
    connection: Connection, key: RunKey, status: str, acknowledged: Acknowledged
) -> tuple[Mapping[str, Any] | None, Fence]:
    """Lock the partition of a run that ends, and the run.

    Return the result where this execution has recorded an end already, which stands, and the fence.
    """
    values = partition_values(key) | {"execution_run_id": key.execution_run_id}
    row = _BEGIN_END.row(connection, values | {"status": status}, acknowledged)
    return row["recorded"], Fence.of(row)


def recorded_end(connection: Connection, key: RunKey) -> Mapping[str, Any] | None:
    """Return the result where this execution has recorded an end already, which stands (``begin_end``); else None."""
    values = {"run_id": key.run_id, "execution_run_id": key.execution_run_id}
    result: Mapping[str, Any] | None = connection.execute(_RECORDED, values).scalar()
    return result


def close_run(
    connection: Connection,
    key: RunKey,
    *,
    status: str,
    completed_at: datetime,
    result: str,
    stages: Sequence[StageReached],
    forgotten: Sequence[str],
    parents: Sequence[str] = (),
    resolves: bool = False,
) -> bool:
    """Write the run's result and the stages that it reached, delete the ``forgotten`` ones, and release the partition.

    ``result`` is JSON text; ``parents`` are runs that it relied on. A run that ``resolves`` has completed the
    partition: what earlier ones met in it and this one did not is resolved. False where the database has no row of the
    run.
    """
    values = {
        "status": status,
        "completed_at": completed_at,
        "execution_run_id": key.execution_run_id,
        "result": result,
        "stages": rows_of(stages),
        "forgotten": list(forgotten),
        "parents": json.dumps(list(parents)),
    }
    if resolves:
        return (
            connection.execute(_COMPLETE, resolving_values(key) | partition_values(key) | values).scalar() is not None
        )
    return connection.execute(_CLOSE, partition_values(key) | values).scalar() is not None


def add_parents(
    connection: Connection, workflow_id: str, execution_run_id: str, reached_by: Collection[str | None]
) -> None:
    """Write that a run at work relies on those that have reached stages.

    ``execution_run_id`` is the Temporal run that works on it; ``reached_by`` are the manifest's ids of runs and of
    executions.
    """
    known = sorted({one for one in reached_by if one})
    values = {"workflow_id": workflow_id, "execution_run_id": execution_run_id, "reached_by": known}
    connection.execute(_ADD_PARENTS, values | {"executions": [one for one in known if _UUID.fullmatch(one)]})


def reopen_run(connection: Connection, key: RunKey) -> bool:
    """Let a run that was reset work again.

    False where the database has no row of it, or has how this very execution ended, which stands (``begin_end``).
    """
    values = {"run_id": key.run_id, "execution_run_id": key.execution_run_id, "epoch": key.epoch}
    return connection.execute(_REOPEN, values).scalar() is not None
