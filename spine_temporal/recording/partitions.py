"""Partitions have one holder: the claim of a run, and who holds one now."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

# A new row is ours; a row of our own workflow id is of an earlier run, as Temporal has one open run per id.
_CLAIM = text("""
    INSERT INTO core_partitions AS held (domain, partition_key, workflow_id, run_id)
    VALUES (:domain, CAST(:partition_key AS jsonb), :workflow_id, :run_id)
    ON CONFLICT (domain, partition_key) DO UPDATE SET
        workflow_id = excluded.workflow_id, run_id = excluded.run_id, claimed_at = now()
    WHERE held.workflow_id = excluded.workflow_id
    RETURNING run_id
""")

# A claim that was released comes back to the run that had it: it was reset after it had ended.
_REGAIN = text("""
    INSERT INTO core_partitions AS held (domain, partition_key, workflow_id, run_id)
    VALUES (:domain, CAST(:partition_key AS jsonb), :workflow_id, :run_id)
    ON CONFLICT (domain, partition_key) DO UPDATE SET claimed_at = held.claimed_at
    WHERE held.run_id = excluded.run_id
    RETURNING run_id
""")

_HOLDER = text("""
    SELECT held.domain, held.partition_key AS partition, held.workflow_id, held.run_id, runs.temporal
    FROM core_partitions AS held LEFT JOIN core_runs AS runs USING (run_id)
    WHERE held.domain = :domain AND held.partition_key = CAST(:partition_key AS jsonb)
""")

_STILL_HOLDS = text("""
    SELECT run_id FROM core_partitions
    WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb) AND run_id = :run_id FOR SHARE
""")

_RELEASE = text("""
    DELETE FROM core_partitions
    WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb) AND run_id = :run_id
""")


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The run that holds a partition."""

    domain: str
    partition: Mapping[str, Any]
    workflow_id: str
    run_id: str
    #: Which Temporal runs it.
    temporal: str | None


def claim(connection: Connection, domain: str, partition: Mapping[str, Any], *, workflow_id: str, run_id: str) -> bool:
    """Claim the partition; False where a run of another workflow id holds it."""
    values = _key(domain, partition) | {"workflow_id": workflow_id, "run_id": run_id}
    return connection.execute(_CLAIM, values).scalar() is not None


def regain(connection: Connection, domain: str, partition: Mapping[str, Any], *, workflow_id: str, run_id: str) -> bool:
    """Claim the partition where nobody holds it; False where any other run does."""
    values = _key(domain, partition) | {"workflow_id": workflow_id, "run_id": run_id}
    return connection.execute(_REGAIN, values).scalar() is not None


def holder_of(connection: Connection, domain: str, partition: Mapping[str, Any]) -> Holder | None:
    """Return who holds the partition now."""
    row = connection.execute(_HOLDER, _key(domain, partition)).mappings().one_or_none()
    return Holder(**row) if row else None


def still_holds(connection: Connection, domain: str, partition: Mapping[str, Any], run_id: str) -> bool:
    """Return whether the run holds the partition, and keep it so until the transaction has ended."""
    values = _key(domain, partition) | {"run_id": run_id}
    return connection.execute(_STILL_HOLDS, values).scalar() is not None


def release(connection: Connection, domain: str, partition: Mapping[str, Any], run_id: str) -> None:
    """Give the partition back, where the run still holds it."""
    connection.execute(_RELEASE, _key(domain, partition) | {"run_id": run_id})


def _key(domain: str, partition: Mapping[str, Any]) -> dict[str, Any]:
    return {"domain": domain, "partition_key": json.dumps(dict(partition))}
