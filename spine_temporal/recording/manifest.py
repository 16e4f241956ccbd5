"""The manifest: how far each partition has come."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text

from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.json_values import to_json
from spine_temporal.machine.manifest_row import StageReached, rows_of
from spine_temporal.recording.any_connection import AnyConnection, Executing, executing

#: The upsert of any number of stages, as JSON in ``:stages``; part of the statement that completes a step.
UPSERT_STAGES = """
    INSERT INTO core_manifest
        (domain, partition_key, stage, stage_rank, row_count, metrics, execution_id, batch_id, updated_at)
    SELECT :domain, CAST(:partition_key AS jsonb), stage, stage_rank, row_count, metrics, execution_id, batch_id, now()
    FROM jsonb_to_recordset(CAST(:stages AS jsonb)) AS reached
        (stage text, stage_rank int, row_count bigint, metrics jsonb, execution_id text, batch_id text)
    WHERE TRUE
    ON CONFLICT (domain, partition_key, stage) DO UPDATE SET
        stage_rank = excluded.stage_rank, row_count = excluded.row_count, metrics = excluded.metrics,
        execution_id = excluded.execution_id, batch_id = excluded.batch_id, updated_at = excluded.updated_at
"""

_SELECT = """
    SELECT domain, partition_key, stage, stage_rank, row_count, metrics, execution_id, batch_id, updated_at
    FROM core_manifest
"""


@dataclass(frozen=True, kw_only=True)
class ManifestRow:
    """A stage that a partition has reached."""

    domain: str
    partition_key: Any
    stage: str
    stage_rank: int
    row_count: int | None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    execution_id: str | None
    batch_id: str | None
    updated_at: datetime


class WorkManifest:
    """The manifest of one domain, on a connection whose transaction is the caller's.

    The connection is SQLAlchemy's, psycopg's, or one of Spine's own helper. Raises ``SpineError`` for any other.
    """

    def __init__(self, connection: AnyConnection, domain: str, stages: Sequence[str]) -> None:
        self._connection = executing(connection)
        self.domain = domain
        self.stages = tuple(stages)

    def advance_to(
        self,
        key: Mapping[str, Any] | str,
        stage: str,
        *,
        execution_id: str | None = None,
        row_count: int | None = None,
        batch_id: str | None = None,
        **metrics: Any,
    ) -> None:
        """Record that the partition has reached ``stage``; again for the same stage replaces its row."""
        reached = StageReached(
            stage=stage,
            stage_rank=self._rank(stage),
            row_count=row_count,
            metrics=to_json(metrics, "metrics"),
            execution_id=execution_id,
            batch_id=batch_id,
        )
        upsert_stages(self._connection, self.domain, key, [reached])

    def get(self, key: Mapping[str, Any] | str) -> list[ManifestRow]:
        """Return the partition's stages, lowest rank first."""
        rows = self._connection.execute(
            text(
                f"{_SELECT} WHERE domain = :domain AND partition_key = CAST(:key AS jsonb) ORDER BY stage_rank, stage"
            ),
            {"domain": self.domain, "key": json.dumps(key)},
        )
        return [ManifestRow(**row) for row in rows.mappings()]

    def get_latest_stage(self, key: Mapping[str, Any] | str) -> str | None:
        """Return the last of this manifest's stages that the partition has reached, None where it has reached none.

        Stages that are none of these do not count: a run of the same domain writes its own, with ranks of its own.
        """
        reached = self._reached(key)
        return reached[-1] if reached else None

    def has_stage(self, key: Mapping[str, Any] | str, stage: str) -> bool:
        """Return whether this very stage was reached."""
        return any(row.stage == stage for row in self.get(key))

    def is_at_least(self, key: Mapping[str, Any] | str, stage: str) -> bool:
        """Return whether the partition is at ``stage`` or beyond, of this manifest's stages."""
        rank, reached = self._rank(stage), self._reached(key)
        return bool(reached) and self._rank(reached[-1]) >= rank

    def _reached(self, key: Mapping[str, Any] | str) -> list[str]:
        reached = [row.stage for row in self.get(key)]
        if not self.stages:  # a manifest that is only read counts all
            return reached
        return sorted((stage for stage in reached if stage in self.stages), key=self.stages.index)

    def _rank(self, stage: str) -> int:
        if stage not in self.stages:
            raise DefinitionError(f"stage {stage!r} is none of domain {self.domain!r}: it has {', '.join(self.stages)}")
        return self.stages.index(stage)


def upsert_stages(
    connection: Executing, domain: str, key: Mapping[str, Any] | str, stages: Sequence[StageReached]
) -> None:
    """Write the stages of one partition in one statement."""
    if stages:
        connection.execute(
            text(UPSERT_STAGES),
            {"domain": domain, "partition_key": json.dumps(key), "stages": rows_of(stages)},
        )
