"""Anomalies: what went wrong, one row per fault however often it is met."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from spine_temporal.definition.json_values import clean_text, to_json

_UPSERT = text("""
    INSERT INTO core_anomalies
        (anomaly_id, domain, stage, partition_key, severity, category, message, metadata)
    VALUES (:anomaly_id, :domain, :stage, CAST(:partition_key AS jsonb), :severity, :category, :message,
        CAST(:metadata AS jsonb))
    ON CONFLICT (anomaly_id) DO UPDATE SET
        severity = excluded.severity, message = excluded.message, metadata = excluded.metadata
""")

_RESOLVE = text("""
    UPDATE core_anomalies SET resolved_at = now(), resolution = :resolution
    WHERE domain = :domain AND partition_key = CAST(:partition_key AS jsonb) AND category = :category
        AND resolved_at IS NULL
""")


class AnomalyRecorder:
    """Writes the anomalies of one domain, on a SQLAlchemy connection whose transaction is the caller's."""

    def __init__(self, connection: Connection, domain: str) -> None:
        self._connection = connection
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
        anomaly_id: UUID | None = None,
    ) -> UUID:
        """Write an anomaly and return its id; the same id again updates its row."""
        anomaly_id = anomaly_id or uuid4()
        self._connection.execute(
            _UPSERT,
            {
                "anomaly_id": anomaly_id,
                "domain": self.domain,
                "stage": stage,
                "partition_key": json.dumps(partition_key),
                "severity": severity,
                "category": category,
                "message": clean_text(message),
                "metadata": json.dumps(to_json(metadata or {}, "metadata")),
            },
        )
        return anomaly_id

    def resolve(self, partition_key: Mapping[str, Any] | str, category: str, resolution: str) -> int:
        """Resolve the partition's open anomalies of a category; return how many."""
        return self._connection.execute(
            _RESOLVE,
            {
                "domain": self.domain,
                "partition_key": json.dumps(partition_key),
                "category": category,
                "resolution": clean_text(resolution),
            },
        ).rowcount
