"""How the partitions stand that a workflow should have, and whether what they were made from has changed since."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.run_key import recording_domain
from spine_temporal.recording.partition_states import ASKED, STATE_COLUMNS, STATES, PartitionState

# A complete partition is stale where a partition of one of its run's parents was completed by a run that is none.
_COVERAGE = text(f"""
    WITH {ASKED}, late AS MATERIALIZED (
        SELECT partition_key, min(due_at) AS since FROM core_lateness
        WHERE workflow = :workflow AND state = 'late' GROUP BY 1
    )
    SELECT {STATE_COLUMNS}, ended.completed_at, ended.params, ended.fingerprints,
        newer.workflow AS newer_workflow, newer.partition_key AS newer_partition, newer.run_id AS newer_run,
        late.since AS late_since
    FROM {STATES}
    LEFT JOIN LATERAL (
        SELECT parent.workflow, parent.partition_key, now.run_id
        FROM jsonb_array_elements_text(ended.parents) AS one (run_id)
        CROSS JOIN LATERAL (SELECT * FROM core_runs WHERE run_id = one.run_id LIMIT 1) AS parent
        CROSS JOIN LATERAL (
            SELECT execution_id AS run_id FROM core_manifest
            WHERE domain = parent.domain AND partition_key = parent.partition_key AND stage = 'COMPLETED' LIMIT 1
        ) AS now
        WHERE NOT ended.parents ? now.run_id
        LIMIT 1
    ) AS newer ON reached.stage = 'COMPLETED'
    LEFT JOIN late ON late.partition_key = asked.key
    ORDER BY asked.index
""")

_OF_STATE = PartitionState.__dataclass_fields__


@dataclass(frozen=True, kw_only=True)
class CoveredPartition:
    """A partition, and what is known of how it was made."""

    state: PartitionState
    completed_at: datetime | None
    params: Mapping[str, Any] | None
    #: By step: what its pipeline's inputs were.
    fingerprints: Mapping[str, Any] | None
    #: A partition that its run relied on, and the run that has completed that one since; None: there is none.
    newer_workflow: str | None
    newer_partition: Mapping[str, Any] | None
    newer_run: str | None
    #: The first deadline that it has not met; None: it has met those that it had.
    late_since: datetime | None


def covered_partitions(
    connection: Connection, workflow: str, partitions: Sequence[Mapping[str, Any]]
) -> list[CoveredPartition]:
    """Return how each of the partitions stands, in their order; one query, however many they are."""
    values = {
        "workflow": workflow,
        "domain": recording_domain(workflow),
        "keys": json.dumps([dict(one) for one in partitions]),
    }
    return [_covered(row) for row in connection.execute(_COVERAGE, values).mappings()]


def _covered(row: Mapping[Any, Any]) -> CoveredPartition:
    state = PartitionState(**{name: row[name] for name in _OF_STATE})
    return CoveredPartition(state=state, **{name: value for name, value in row.items() if name not in _OF_STATE})
