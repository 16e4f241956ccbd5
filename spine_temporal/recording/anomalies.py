"""Anomalies: what went wrong. A fault that has an id is one open row, however many runs meet it."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from sqlalchemy import Connection, text

from spine_temporal.definition.json_values import clean_text, to_json
from spine_temporal.definition.notification import Notification, NotificationKind
from spine_temporal.definition.params import canonical
from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.severity import Severity
from spine_temporal.recording.any_connection import AnyConnection, executing
from spine_temporal.recording.outbox import COLUMNS

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

#: Resolves what earlier runs of a workflow met in a partition, as the end of a statement's ``WITH``. Of what a person
#: was told, the recovery is told as well; it goes where that went, so it has its severity and category.
RESOLVE_EARLIER = f"""
    resolved AS (
        UPDATE core_anomalies SET resolved_at = now(), resolution = :resolution, resolved_by = :run_id
        WHERE domain = :fault_domain AND partition_key = CAST(:partition_key AS jsonb) AND fault_id IS NOT NULL
            AND metadata ->> 'workflow' = :workflow AND metadata ->> 'run_id' IS DISTINCT FROM :run_id
            AND resolved_at IS NULL
        RETURNING anomaly_id, CAST(metadata ->> 'due_at' AS timestamptz) AS due_at
    ), told AS (
        SELECT count(*) AS faults, min(created_at) AS since,
            (array_agg(severity ORDER BY severity = 'ERROR' DESC, severity = 'WARN' DESC))[1] AS severity,
            (array_agg(category ORDER BY severity = 'ERROR' DESC, created_at DESC))[1] AS category
        FROM core_outbox WHERE anomaly_id IN (SELECT anomaly_id FROM resolved)
    ), late AS (
        SELECT date_trunc('second', CAST(:completed_at AS timestamptz) - min(due_at)) AS late_by
        FROM resolved WHERE due_at < :completed_at
    ), recovered AS (
        INSERT INTO core_outbox ({COLUMNS})
        SELECT :notification_id, :kind, :cause, :fault_domain, :workflow, CAST(:partition_key AS jsonb), severity,
            category, :message || coalesce(', ' || late_by || ' late', ''), NULL, :run_id, :workflow_id, NULL,
            jsonb_build_object('faults', faults, 'since', since, 'late_by', late_by)
        FROM told, late WHERE faults > 0
        ON CONFLICT (notification_id) DO NOTHING
    )
"""


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
        given = {**(metadata or {}), **executed}
        return self.write(stage, partition_key, severity, category, message, given, fault_id=fault_id) or uuid4()

    def write(
        self,
        stage: str,
        partition_key: Mapping[str, Any] | str,
        severity: str,
        category: str,
        message: str,
        metadata: Mapping[str, Any],
        *,
        fault_id: UUID | None,
    ) -> UUID | None:
        """Do so, and return None where nothing is written: a person has resolved what its run meets again."""
        given = to_json(metadata, "metadata")
        written: UUID | None = self._connection.execute(
            _UPSERT,
            {
                "anomaly_id": uuid4(),
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
        return written

    def resolve(
        self, partition_key: Mapping[str, Any] | str, category: str, resolution: str, *, by: str | None = None
    ) -> int:
        """Resolve the partition's open anomalies of a category; return how many."""
        values = self._of(partition_key) | {"category": category, "resolved_by": by}
        done = self._connection.execute(_RESOLVE, values | {"resolution": clean_text(resolution)})
        return int(done.rowcount)

    def _of(self, partition_key: Mapping[str, Any] | str) -> dict[str, Any]:
        return {"domain": self.domain, "partition_key": json.dumps(partition_key)}


def resolving_values(key: RunKey) -> dict[str, Any]:
    """Return what ``RESOLVE_EARLIER`` needs of the run that has completed the partition, beside the partition's own."""
    recovery = Notification(
        kind=NotificationKind.RECOVERED,
        key=key.run_id,
        domain=key.domain,
        workflow=key.workflow,
        severity=Severity.INFO,
        category="",
        message=f"completed by run {key.run_id}",
        run_id=key.run_id,
        workflow_id=key.workflow_id,
    )
    return {
        "fault_domain": key.domain,
        "workflow": key.workflow,
        "workflow_id": key.workflow_id,
        "resolution": recovery.message,
        "notification_id": recovery.notification_id,
        "kind": recovery.kind.value,
        "cause": recovery.cause,
        "message": recovery.message,
    }


def resolve_fault(connection: Connection, fault_id: UUID, resolution: str, *, by: str) -> bool:
    """Resolve the open row of one fault; return whether there was one."""
    values = {"fault_id": fault_id, "resolution": clean_text(resolution), "resolved_by": by}
    return bool(connection.execute(_RESOLVE_FAULT, values).rowcount)


def fault_id_of(workflow: str, partition: Mapping[str, Any], step: str, category: str) -> UUID:
    """Return the id of a step's fault of one category in one partition, the same for every run."""
    return uuid5(_FAULTS, canonical([workflow, dict(partition), step, category]))
