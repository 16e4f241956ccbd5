"""Partitions have one holder, and an epoch that only grows: each claim takes the next one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from spine_temporal.definition.params import canonical
from spine_temporal.definition.run_key import RunKey
from spine_temporal.recording.fence import HELD, partition_values

# Milliseconds of the clock, so that a database that was restored never gives an epoch a second time.
_NEXT_EPOCH = "greatest(held.epoch + 1, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint))"

# A run that claims what it holds already, as its first answer was lost, keeps its epoch. Where the row is new (``xmax``
# is 0), nobody has ever committed a claim of the partition. What was done before such rows stayed, the manifest shows.
_CLAIM = text(f"""
    INSERT INTO core_partitions AS held (domain, partition_key, workflow_id, run_id, execution_run_id, epoch)
    VALUES (:domain, CAST(:partition_key AS jsonb), :workflow_id, :run_id, :execution_run_id,
        CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint))
    ON CONFLICT (domain, partition_key) DO UPDATE SET
        workflow_id = excluded.workflow_id, run_id = excluded.run_id, execution_run_id = excluded.execution_run_id,
        claimed_at = now(), epoch = CASE WHEN held.run_id = excluded.run_id THEN held.epoch ELSE {_NEXT_EPOCH} END
    WHERE held.run_id IS NULL OR held.run_id = excluded.run_id
    RETURNING epoch, xmax = 0 AND NOT EXISTS (
        SELECT FROM core_manifest WHERE domain = held.domain AND partition_key = held.partition_key
    ) AS is_new
""")

# Only from the state that was seen: whoever took the partition meanwhile keeps it.
_TAKE_OVER = text(f"""
    UPDATE core_partitions AS held SET
        workflow_id = :workflow_id, run_id = :run_id, execution_run_id = :execution_run_id, claimed_at = now(),
        epoch = {_NEXT_EPOCH}
    WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb) AND epoch = :seen
        AND (run_id IS NULL OR run_id = :run_id)
    RETURNING epoch
""")

_CLAIMS = """
    SELECT held.domain, held.partition_key AS partition, held.epoch, held.run_id, held.workflow_id,
        held.execution_run_id, held.claimed_at, runs.status AS run_status, runs.temporal, runs.first_run_id,
        runs.lineage_id
    FROM core_partitions AS held LEFT JOIN core_runs AS runs USING (run_id)
"""

_HELD = text(f"{_CLAIMS} WHERE held.domain = :domain AND held.partition_key = CAST(:partition_key AS jsonb)")

_HELD_BY_ID = text(f"{_CLAIMS} WHERE held.workflow_id = :workflow_id AND held.run_id IS NOT NULL LIMIT 1")

_RELEASE = text("""
    UPDATE core_partitions SET run_id = NULL, execution_run_id = NULL
    WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb) AND run_id = :run_id
""")

_LOCK_PARTITION = text(f"{HELD} FOR UPDATE")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A partition as it is claimed now."""

    domain: str
    partition: Mapping[str, Any]
    epoch: int
    #: The run that holds it; None: nobody.
    run_id: str | None
    workflow_id: str
    #: The Temporal run that works for the holder: another one than ``run_id`` after a reset.
    execution_run_id: str | None
    #: Of the holder's row; None: the database has none.
    run_status: str | None
    #: Which Temporal runs it.
    temporal: str | None
    #: The first Temporal run of its chain of resets.
    first_run_id: str | None
    lineage_id: str | None
    #: When the holder took it.
    claimed_at: datetime


class Taken(NamedTuple):
    """A partition that was claimed."""

    epoch: int
    #: Whether no run has ever begun on it.
    is_new: bool


def claim(connection: Connection, key: RunKey) -> Taken | None:
    """Claim the partition; None where another run holds it."""
    row = connection.execute(_CLAIM, _values(key)).one_or_none()
    return None if row is None else Taken(*row)


def take_over(connection: Connection, key: RunKey, seen: int) -> int | None:
    """Claim the partition again for a run that was reset, from the epoch that was ``seen``; return the new one.

    None where the partition has changed since, or another run holds it.
    """
    epoch: int | None = connection.execute(_TAKE_OVER, _values(key) | {"seen": seen}).scalar()
    return epoch


def claim_of(connection: Connection, recording_domain: str, partition: Mapping[str, Any]) -> Claim | None:
    """Return how the partition is claimed; None where it never was."""
    values = {"domain": recording_domain, "partition_key": canonical(dict(partition))}
    row = connection.execute(_HELD, values).mappings().one_or_none()
    return Claim(**row) if row else None


def claim_of_workflow_id(connection: Connection, workflow_id: str) -> Claim | None:
    """Return the claim that a run of the workflow id holds; None where none does."""
    row = connection.execute(_HELD_BY_ID, {"workflow_id": workflow_id}).mappings().one_or_none()
    return Claim(**row) if row else None


def release(connection: Connection, recording_domain: str, partition: Mapping[str, Any], run_id: str) -> None:
    """Give the partition back, where the run still holds it. Its epoch stays, so that the next one is newer."""
    values = {"domain": recording_domain, "partition_key": canonical(dict(partition)), "run_id": run_id}
    connection.execute(_RELEASE, values)


def lock_partition(connection: Connection, key: RunKey) -> bool:
    """Keep the partition as it is until the transaction has ended; return whether the run holds it."""
    holder = connection.execute(_LOCK_PARTITION, partition_values(key)).scalar()
    return bool(holder == key.run_id)


def _values(key: RunKey) -> dict[str, Any]:
    return {
        **partition_values(key),
        "workflow_id": key.workflow_id,
        "execution_run_id": key.execution_run_id,
    }
