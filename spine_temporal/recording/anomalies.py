"""Anomalies: what went wrong. A fault that has an id is one open row, however many runs meet it."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from sqlalchemy import Connection, text

from spine_temporal.definition.json_values import clean_text, to_json
from spine_temporal.definition.params import canonical
from spine_temporal.recording.any_connection import AnyConnection, executing

_FAULTS = uuid5(NAMESPACE_URL, "spine-temporal/faults")

# A run that meets its own fault again (its last activity was repeated) neither counts it twice nor opens it again
# after a person has resolved it.
_UPSERT = text("""
    INSERT INTO core_anomalies AS open
        (anomaly_id, domain, stage, partition_key, severity, category, message, metadata, fault_id)
    SELECT :anomaly_id, :domain, :stage, CAST(:partition_key AS jsonb), :severity, :category, :message,
        CAST(:metadata AS jsonb), CAST(:fault_id AS uuid)
    WHERE NOT EXISTS (
        SELECT FROM core_anomalies
        WHERE fault_id = CAST(:fault_id AS uuid) AND resolved_at IS NOT NULL AND metadata ->> 'run_id' = :run_id
    )
    ON CONFLICT (fault_id) WHERE resolved_at IS NULL DO UPDATE SET
        severity = excluded.severity, message = excluded.message, metadata = excluded.metadata,
        last_seen_at = excluded.last_seen_at,
        occurrences = open.occurrences
            + (open.metadata ->> 'run_id' IS DISTINCT FROM excluded.metadata ->> 'run_id')::int
    RETURNING anomaly_id
""")

_RESOLVE = text("""
    UPDATE core_anomalies SET resolved_at = now(), resolution = :resolution, resolved_by = :resolved_by
    WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb) AND category = :category
        AND resolved_at IS NULL
""")

_RESOLVE_FAULT = text("""
    UPDATE core_anomalies SET resolved_at = now(), resolution = :resolution, resolved_by = :resolved_by
    WHERE fault_id = :fault_id AND resolved_at IS NULL
""")

_SUPERSEDE = text("""
    UPDATE core_anomalies SET resolved_at = now(), resolution = :resolution, resolved_by = :run_id
    WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb) AND fault_id IS NOT NULL
        AND metadata ->> 'workflow' = :workflow AND metadata ->> 'run_id' <> :run_id AND resolved_at IS NULL
""")


class AnomalyRecorder:
    """Writes the anomalies of one domain, on a connection whose transaction is the caller's, as ``WorkManifest``."""

    def __init__(self, connection: AnyConnection, domain: str) -> None:
        self._connection = executing(connection)
        self.domain = domain

    def record(
        self,
        stage: str,
        partition_key: Mapping[str, Any] | str,
        severity: str,
        category: str,
        message: str,
        metadata: Mapping[str, Any] | None = None,
        *,
        execution_id: str | None = None,
        fault_id: UUID | None = None,
    ) -> UUID:
        """Write an anomaly and return its id; the open one of the same fault is updated and counted.

        ``execution_id`` is kept among the metadata, as in Spine.
        """
        executed = {} if execution_id is None else {"execution_id": execution_id}
        anomaly_id, given = uuid4(), to_json({**(metadata or {}), **executed}, "metadata")
        written = self._connection.execute(
            _UPSERT,
            {
                "anomaly_id": anomaly_id,
                "fault_id": fault_id,
                "domain": self.domain,
                "stage": stage,
                "partition_key": json.dumps(partition_key),
                "severity": severity,
                "category": category,
                "message": clean_text(message),
                "metadata": json.dumps(given),
                "run_id": given.get("run_id"),
            },
        ).scalar()
        return written or anomaly_id

    def resolve(
        self, partition_key: Mapping[str, Any] | str, category: str, resolution: str, *, by: str | None = None
    ) -> int:
        """Resolve the partition's open anomalies of a category; return how many."""
        values = self._of(partition_key) | {"category": category, "resolved_by": by}
        done = self._connection.execute(_RESOLVE, values | {"resolution": clean_text(resolution)})
        return int(done.rowcount)

    def supersede(self, partition_key: Mapping[str, Any] | str, *, workflow: str, run_id: str) -> int:
        """Resolve what earlier runs of the workflow met in the partition and this completed one did not."""
        values = self._of(partition_key) | {"workflow": workflow, "run_id": run_id}
        done = self._connection.execute(_SUPERSEDE, values | {"resolution": f"completed by run {run_id}"})
        return int(done.rowcount)

    def _of(self, partition_key: Mapping[str, Any] | str) -> dict[str, Any]:
        return {"domain": self.domain, "partition_key": json.dumps(partition_key)}


def resolve_fault(connection: Connection, fault_id: UUID, resolution: str, *, by: str) -> None:
    """Resolve the open row of one fault."""
    values = {"fault_id": fault_id, "resolution": clean_text(resolution), "resolved_by": by}
    connection.execute(_RESOLVE_FAULT, values)


def fault_id_of(workflow: str, partition: Mapping[str, Any], step: str, category: str) -> UUID:
    """Return the id of a step's fault of one category in one partition, the same for every run."""
    return uuid5(_FAULTS, canonical([workflow, dict(partition), step, category]))
