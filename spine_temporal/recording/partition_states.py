"""How partitions of a workflow stand: complete, failed, held, running, or never run; one query for thousands."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.run_key import recording_domain

# Every run that ends writes its stage and deletes that of the run before, so that a partition has one of them.
_STATES = text("""
    WITH asked AS MATERIALIZED (
        SELECT ordinality - 1 AS index, key
        FROM jsonb_array_elements(CAST(:keys AS jsonb)) WITH ORDINALITY AS one (key, ordinality)
    )
    SELECT DISTINCT ON (asked.index) asked.index, reached.stage AS status, ended.run_id, ended.workflow_id,
        ended.result ->> 'error_step' AS error_step, ended.result ->> 'error' AS error,
        ended.result ->> 'error_category' AS error_category, holder.run_id AS holder,
        (
            SELECT min(stage) FROM core_anomalies
            WHERE resolved_at IS NULL AND category = 'GATE_HELD' AND metadata ->> 'run_id' = holder.run_id
        ) AS held_stage
    FROM asked
    LEFT JOIN core_manifest AS reached ON reached.domain = :domain AND reached.partition_key = asked.key
        AND reached.stage IN ('COMPLETED', 'PARTIAL', 'FAILED', 'CANCELLED')
    LEFT JOIN core_runs AS ended ON ended.run_id = reached.execution_id
    LEFT JOIN core_partitions AS held ON held.domain = :domain AND held.partition_key = asked.key
    LEFT JOIN core_runs AS holder ON holder.run_id = held.run_id AND holder.status = 'RUNNING'
    ORDER BY asked.index, reached.updated_at DESC
""")


@dataclass(frozen=True, kw_only=True)
class PartitionState:
    """How a partition stands."""

    #: How its newest run ended, a ``WorkflowStatus``; None: none has.
    status: str | None
    #: That run, and its workflow id.
    run_id: str | None
    workflow_id: str | None
    error_step: str | None
    error: str | None
    error_category: str | None
    #: The run that works on it now.
    holder: str | None
    #: The stage of that run's gate that waits for a person.
    held_stage: str | None

    @property
    def held_step(self) -> str | None:
        """The gate that waits for a person."""
        return self.held_stage.removeprefix("workflow.") if self.held_stage else None


def partition_states(
    connection: Connection, workflow: str, partitions: Sequence[Mapping[str, Any]]
) -> list[PartitionState]:
    """Return how each of the partitions stands, in their order."""
    values = {"domain": recording_domain(workflow), "keys": json.dumps([dict(one) for one in partitions])}
    rows = [dict(row) for row in connection.execute(_STATES, values).mappings()]
    for row in rows:
        del row["index"]
    return [PartitionState(**row) for row in rows]
