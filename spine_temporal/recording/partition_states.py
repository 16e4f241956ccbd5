"""How partitions of a workflow stand: complete, failed, held, running, or never run; one query for thousands."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.run_key import recording_domain

#: Common tables: those that are asked about, as JSON in ``:keys``, in their order; and the gates that are held.
ASKED = """asked AS MATERIALIZED (
        SELECT ordinality AS index, key
        FROM jsonb_array_elements(CAST(:keys AS jsonb)) WITH ORDINALITY AS one (key, ordinality)
    ), gates AS MATERIALIZED (
        SELECT metadata ->> 'run_id' AS run_id, min(stage) AS stage FROM core_anomalies
        WHERE resolved_at IS NULL AND category = 'GATE_HELD' GROUP BY 1
    )"""
STATE_COLUMNS = """reached.stage AS status, ended.run_id, ended.workflow_id,
        ended.result ->> 'error_step' AS error_step, ended.result ->> 'error' AS error,
        ended.result ->> 'error_category' AS error_category, held.run_id AS holder, gates.stage AS held_stage"""
#: Every run that ends writes its stage and deletes that of the run before, so that a partition has one of them. The
#: LIMITs have each looked up by its key: Postgres cannot know how many are asked about, and joins of whole tables that
#: it would choose for a few are slow for thousands.
STATES = """asked
    LEFT JOIN LATERAL (
        SELECT stage, execution_id FROM core_manifest
        WHERE domain = :domain AND partition_key = asked.key
            AND stage IN ('COMPLETED', 'PARTIAL', 'FAILED', 'CANCELLED')
        ORDER BY updated_at DESC LIMIT 1
    ) AS reached ON TRUE
    LEFT JOIN LATERAL (SELECT * FROM core_runs WHERE run_id = reached.execution_id LIMIT 1) AS ended ON TRUE
    LEFT JOIN LATERAL (
        SELECT run_id FROM core_partitions JOIN core_runs USING (run_id)
        WHERE core_partitions.domain = :domain AND core_partitions.partition_key = asked.key
            AND core_runs.status = 'RUNNING'
        LIMIT 1
    ) AS held ON TRUE
    LEFT JOIN gates ON gates.run_id = held.run_id
"""

_STATES = text(f"WITH {ASKED} SELECT {STATE_COLUMNS} FROM {STATES} ORDER BY asked.index")


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
    return [PartitionState(**row) for row in connection.execute(_STATES, values).mappings()]
