"""The ledger: one row per pipeline execution, which is what makes a step happen once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import Connection, text

from spine_temporal.definition.pipeline import PipelineStatus
from spine_temporal.definition.run_key import RunKey
from spine_temporal.machine.manifest_row import StageReached, row_count_of, rows_of
from spine_temporal.recording.database import IDLE_TIMEOUT
from spine_temporal.recording.fence import FENCE, HELD, NOTHING, Acknowledged, Fence, FencedStatement, partition_values
from spine_temporal.recording.lending import TransactionEndedError
from spine_temporal.recording.manifest import UPSERT_STAGES
from spine_temporal.recording.quality import UPSERT_QUALITY, quality_rows

_NAMESPACE = uuid5(NAMESPACE_URL, "spine-temporal/executions")

#: Of a row that was open before: never committed.
_REOPENED = "REOPENED"
#: Of a row that is never run again.
_DONE = "ledger.status IN ('COMPLETED', 'SUPERSEDED')"
#: Runs that go on from each other, and from which a step's output is taken over.
LINEAGE = "run_id IN (SELECT run_id FROM core_runs WHERE lineage_id = :lineage_id)"

# The advisory lock comes first in the plan, as the INSERT reads from it: a second attempt waits here until the
# first has committed or gone, and then meets its row. A pipeline may compute for long between two statements.
_OPEN = FencedStatement(f"""
    WITH turn AS MATERIALIZED (
        SELECT CASE WHEN :patience <> '' THEN set_config('lock_timeout', :patience, true) END,
            pg_advisory_xact_lock(:lock_key), pg_advisory_xact_lock_shared(:run_key),
            CASE WHEN :patience <> '' THEN set_config('lock_timeout', '0', true) END,
            set_config('idle_in_transaction_session_timeout', '0', true)
    ), held AS MATERIALIZED (
        {HELD}
    ), opened AS (
        INSERT INTO core_executions AS ledger
            (execution_id, run_id, epoch, workflow, step, round, pipeline, params, status, attempt, started_at)
        SELECT :execution_id, :run_id, :epoch, :workflow, :step, :round, :pipeline, CAST(:params AS jsonb),
            'RUNNING', 1, now() FROM turn
        ON CONFLICT (execution_id) DO UPDATE SET
            status = CASE WHEN {_DONE} THEN ledger.status
                WHEN ledger.status = 'RUNNING' AND :is_whole THEN '{_REOPENED}' ELSE 'RUNNING' END,
            attempt = ledger.attempt + CASE ledger.status WHEN 'FAILED' THEN 1 ELSE 0 END,
            epoch = CASE WHEN {_DONE} THEN ledger.epoch ELSE excluded.epoch END,
            params = CASE WHEN {_DONE} THEN ledger.params ELSE excluded.params END,
            started_at = CASE WHEN {_DONE} THEN ledger.started_at ELSE excluded.started_at END
        RETURNING status, attempt, output, started_at, completed_at
    )
    SELECT opened.*, pg_current_xact_id()::text AS transaction, {FENCE} FROM opened
""")

# Nothing is written where the run does not hold its partition any more; the lock on the claim keeps it until the
# transaction has ended, so that no other run begins in between. From here on nothing but the commit is left to do: a
# process that freezes now loses its session like any other, so that nobody waits for its lock for ever. Nor is anything
# written in another transaction than the one that opened the row: the pipeline has ended that one.
_COMPLETE = text(f"""
    WITH opened AS MATERIALIZED (
        SELECT set_config('idle_in_transaction_session_timeout', :idle_timeout, true)
        FROM (VALUES (CAST(:transaction AS text))) AS given (id)
        WHERE id IS NULL OR id = pg_current_xact_id_if_assigned()::text
    ), held AS MATERIALIZED (
        {HELD} AND run_id = :run_id AND epoch = :epoch AND (SELECT count(*) FROM opened) > 0 FOR SHARE
    ), mine AS MATERIALIZED (
        SELECT held.run_id FROM held JOIN core_runs AS runs USING (run_id) WHERE runs.status = 'RUNNING'
    ), ledger AS (
        UPDATE core_executions SET status = 'COMPLETED', completed_at = :completed_at, row_count = :row_count,
            output = CAST(:output AS jsonb), error = NULL, traceback = NULL
        WHERE execution_id = :execution_id AND EXISTS (SELECT FROM mine)
        RETURNING execution_id
    ), stages AS (
        {UPSERT_STAGES.replace("WHERE TRUE", "WHERE EXISTS (SELECT FROM mine)")}
    ), quality AS (
        {UPSERT_QUALITY.replace("WHERE TRUE", "WHERE EXISTS (SELECT FROM mine)")}
    )
    SELECT EXISTS (SELECT FROM mine), EXISTS (SELECT FROM opened) AND (
        EXISTS (SELECT FROM ledger) OR NOT EXISTS (SELECT FROM mine)
    )
""")

_FAIL = text("""
    WITH before AS (
        SELECT status FROM core_executions WHERE execution_id = :execution_id
    )
    INSERT INTO core_executions AS ledger
        (execution_id, run_id, epoch, workflow, step, round, pipeline, params, status, attempt, started_at,
        completed_at, error, traceback)
    VALUES (:execution_id, :run_id, :epoch, :workflow, :step, :round, :pipeline, CAST(:params AS jsonb), 'FAILED', 1,
        :started_at, now(), :error, :traceback)
    ON CONFLICT (execution_id) DO UPDATE SET
        status = 'FAILED', attempt = ledger.attempt + CASE ledger.status WHEN 'FAILED' THEN 1 ELSE 0 END,
        completed_at = excluded.completed_at, error = excluded.error, traceback = excluded.traceback
    WHERE ledger.status NOT IN ('COMPLETED', 'SUPERSEDED')
    RETURNING attempt, (SELECT status FROM before)
""")

_STATUS = text("SELECT status FROM core_executions WHERE execution_id = :execution_id")

# LOST: nothing is known of the attempts so far but that their workers are gone. Any other status says more.
_COUNT_LOST = text("""
    INSERT INTO core_executions AS ledger
        (execution_id, run_id, epoch, workflow, step, round, pipeline, params, status, attempt, started_at, lost)
    VALUES (:execution_id, :run_id, :epoch, :workflow, :step, :round, :pipeline, CAST(:params AS jsonb), 'LOST', 1,
        now(), 1)
    ON CONFLICT (execution_id) DO UPDATE SET lost = ledger.lost + 1
    WHERE ledger.status NOT IN ('COMPLETED', 'SUPERSEDED')
    RETURNING lost
""")

# A map's items are named after it. What the run has done in a later round than the one that was sent back stays: a
# decision may be recorded late.
_SUPERSEDE = text(f"""
    UPDATE core_executions AS ledger SET status = 'SUPERSEDED'
    FROM jsonb_each_text(CAST(:rounds AS jsonb)) AS sent_back (step, round)
    WHERE ledger.{LINEAGE} AND ledger.status = 'COMPLETED' AND split_part(ledger.step, '[', 1) = sent_back.step
        AND (ledger.run_id <> :run_id OR ledger.round <= CAST(sent_back.round AS int))
""")


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Which pipeline execution this is: one step of one run."""

    key: RunKey
    step: str
    pipeline: str
    params: Mapping[str, Any]
    #: How many times a person has sent the run back to this step.
    round: int = 0

    @property
    def execution_id(self) -> UUID:
        """The same for every attempt of this step in this run."""
        return execution_id_of(self.key.run_id, self.step, self.round)

    @property
    def lock_key(self) -> int:
        """A 64-bit key for the advisory lock."""
        return lock_key_of(self.execution_id)

    def values(self) -> dict[str, Any]:
        """Return the row's first columns, and what finds the run's partition."""
        return {
            **partition_values(self.key),
            "execution_id": self.execution_id,
            "lineage_id": self.key.lineage_id,
            "workflow": self.key.workflow,
            "step": self.step,
            "round": self.round,
            "pipeline": self.pipeline,
            "params": json.dumps(dict(self.params)),
        }


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """What the ledger says of an execution that was opened."""

    status: PipelineStatus
    attempt: int
    output: Mapping[str, Any] | None
    started_at: datetime
    completed_at: datetime | None
    fence: Fence
    #: The transaction that opened the row.
    transaction: str
    #: Whether somebody has committed the row of an attempt that is one transaction, before it had come to its end.
    was_committed_open: bool = False


@dataclass(frozen=True, kw_only=True)
class Failed:
    """What the ledger says of an execution whose attempt has failed."""

    #: How many attempts have failed by now.
    attempts: int = 1
    #: Whether the attempt's row was committed before its end.
    was_committed_open: bool = False
    #: Whether the step is done for all that: the attempt had committed before it was lost.
    is_done: bool = False


def execution_id_of(run_id: str, step: str, round_: int = 0) -> UUID:
    """Return the id of a step's execution: uuid5 of run, step and round."""
    return uuid5(_NAMESPACE, f"{run_id}/{step}#{round_}" if round_ else f"{run_id}/{step}")


def run_key_of(run_id: str) -> int:
    """Return the key of the advisory lock that every attempt of a run shares, by which all of them are found."""
    return lock_key_of(uuid5(_NAMESPACE, run_id))


def lock_key_of(execution_id: UUID) -> int:
    """Return the key of an execution's advisory lock."""
    return int.from_bytes(execution_id.bytes[:8], "big", signed=True)


def open_execution(
    connection: Connection,
    execution: Execution,
    *,
    patience: float | None = None,
    acknowledged: Acknowledged = NOTHING,
    is_whole: bool = True,
) -> LedgerEntry:
    """Take the execution's turn and open its row.

    COMPLETED: another attempt has done it, and this is its output. SUPERSEDED: it was done and sent back, and is never
    done again under this id. ``patience``: seconds to wait for the turn; None: for ever. ``is_whole``: whether the
    attempt is one transaction, so that nobody ever sees its row open.
    """
    values = {
        **execution.values(),
        "lock_key": execution.lock_key,
        "run_key": run_key_of(execution.key.run_id),
        "patience": "" if patience is None else f"{patience:g}s",
        "is_whole": is_whole,
    }
    row = _OPEN.row(connection, values, acknowledged)
    was_committed_open = row["status"] == _REOPENED
    return LedgerEntry(
        status=PipelineStatus.RUNNING if was_committed_open else PipelineStatus(row["status"]),
        attempt=row["attempt"],
        output=row["output"],
        started_at=row["started_at"],
        completed_at=row["completed_at"],
        fence=Fence.of(row),
        transaction=row["transaction"],
        was_committed_open=was_committed_open,
    )


def complete_execution(
    connection: Connection,
    execution: Execution,
    *,
    output: Mapping[str, Any],
    completed_at: datetime,
    stages: Sequence[StageReached],
    measured: Sequence[Mapping[str, Any]] = (),
    transaction: str | None = None,
) -> bool:
    """Write the ledger's, the manifest's and the quality's rows, in one statement of the pipeline's transaction.

    False, with nothing written, where the run does not hold its partition any more. Raises ``TransactionEndedError``
    where this is not the ``transaction`` in which the row was opened.
    """
    values = {
        "transaction": transaction,
        "idle_timeout": f"{IDLE_TIMEOUT}s",
        "completed_at": completed_at,
        "row_count": row_count_of(output),
        "output": json.dumps(output),
        "stages": rows_of(stages),
        "quality": json.dumps(quality_rows(measured)),
    }
    held, same = connection.execute(_COMPLETE, execution.values() | values).one()
    if not same:
        raise TransactionEndedError("has ended")
    return bool(held)


def fail_execution(
    connection: Connection, execution: Execution, error: str, started_at: datetime, *, traceback: str | None = None
) -> Failed:
    """Count a failed attempt, in a transaction of its own."""
    values = {**execution.values(), "error": error, "started_at": started_at, "traceback": traceback}
    row = connection.execute(_FAIL, values).one_or_none()
    if row:
        return Failed(attempts=row[0], was_committed_open=row[1] == PipelineStatus.RUNNING)
    return Failed(is_done=connection.execute(_STATUS, values).scalar() == PipelineStatus.COMPLETED)


def count_lost(connection: Connection, execution: Execution) -> int:
    """Count an attempt that was lost with its worker; return how many were: none, where the execution is completed."""
    return connection.execute(_COUNT_LOST, execution.values()).scalar() or 0


def supersede_executions(connection: Connection, key: RunKey, rounds: Mapping[str, int]) -> None:
    """Mark what a run and those before it have completed of these steps as superseded: a person has sent it back.

    ``rounds``: of each step, the last round of the run that is sent back.
    """
    if rounds:
        values = {"lineage_id": key.lineage_id, "run_id": key.run_id, "rounds": json.dumps(dict(rounds))}
        connection.execute(_SUPERSEDE, values)
