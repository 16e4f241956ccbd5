"""Partitions have one holder: the claim of a run, and who holds one now."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

# A new row is ours; a row of our own workflow id is of an earlier run, as Temporal has one open run per id; a row
# of a run that the caller found closed is taken over.
_CLAIM = text("""
    INSERT INTO core_partitions AS held (domain, partition_key, workflow_id, run_id)
    VALUES (:domain, CAST(:partition_key AS jsonb), :workflow_id, :run_id)
    ON CONFLICT (domain, partition_key) DO UPDATE SET
        workflow_id = excluded.workflow_id, run_id = excluded.run_id, claimed_at = now()
    WHERE held.workflow_id = excluded.workflow_id OR held.run_id = :closed_run_id
    RETURNING run_id
""")

_HOLDER = text("""
    SELECT workflow_id, run_id FROM core_partitions
    WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb)
""")

_RELEASE = text("""
    DELETE FROM core_partitions
    WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb) AND run_id = :run_id
""")


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The run that holds a partition."""

    workflow_id: str
    run_id: str


def claim(
    connection: Connection,
    domain: str,
    partition: Mapping[str, Any],
    *,
    workflow_id: str,
    run_id: str,
    closed_run_id: str = "",
) -> bool:
    """Claim the partition; False where another run holds it. ``closed_run_id``: a holder known to have ended."""
    values = _key(domain, partition) | {
        "workflow_id": workflow_id,
        "run_id": run_id,
        "closed_run_id": closed_run_id,
    }
    return connection.execute(_CLAIM, values).scalar() is not None


def holder_of(connection: Connection, domain: str, partition: Mapping[str, Any]) -> Holder | None:
    """Return who holds the partition now."""
    row = connection.execute(_HOLDER, _key(domain, partition)).mappings().one_or_none()
    return Holder(**row) if row else None


def release(connection: Connection, domain: str, partition: Mapping[str, Any], run_id: str) -> None:
    """Give the partition back, where the run still holds it."""
    connection.execute(_RELEASE, _key(domain, partition) | {"run_id": run_id})


def _key(domain: str, partition: Mapping[str, Any]) -> dict[str, Any]:
    return {"domain": domain, "partition_key": json.dumps(partition)}
