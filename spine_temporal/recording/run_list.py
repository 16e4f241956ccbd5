"""Lists of runs, newest first: what each works on, how it stands or ended."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.names import did_you_mean
from spine_temporal.definition.run_result import WorkflowStatus

#: Status of a run whose gate waits for a person: it has an anomaly that nobody has decided of.
HELD = "HELD"
RUNNING = WorkflowStatus.RUNNING.value

_HELD_GATES = """
    SELECT metadata ->> 'run_id' AS run_id, min(stage) AS stage FROM core_anomalies
    WHERE resolved_at IS NULL AND category = 'GATE_HELD' GROUP BY 1
"""
_STATUS = f"CASE WHEN status = '{RUNNING}' AND held.run_id IS NOT NULL THEN '{HELD}' ELSE status END"

_COLUMNS = f"""
    runs.run_id, workflow_id, workflow, partition_key, {_STATUS} AS status, started_at, completed_at, temporal,
    first_run_id,
    resumed_from, CASE WHEN status = '{RUNNING}' THEN held.stage END AS held_stage,
    result ->> 'error_step' AS error_step, result ->> 'error' AS error, result ->> 'error_category' AS error_category
"""

#: A run that another has started, as a sub-workflow or an item of a map, has the other's run id in its own name.
CHILD = "~[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

_KNOWN = text(f"""
    SELECT run_id, workflow_id, status = '{RUNNING}' FROM core_runs
    WHERE run_id = ANY(:run_ids) OR (workflow_id = ANY(:workflow_ids) AND status = '{RUNNING}')
""")


@dataclass(frozen=True, kw_only=True)
class ListedRun:
    """A run as a list has it: with its held gate, and without its plan, params and outputs, as ``RunRow`` has them."""

    run_id: str
    workflow_id: str
    workflow: str
    partition_key: Any
    #: A ``WorkflowStatus``, or ``HELD``.
    status: str
    started_at: datetime
    completed_at: datetime | None
    temporal: str | None
    first_run_id: str | None
    resumed_from: str | None
    #: The stage of the gate that is held.
    held_stage: str | None
    error_step: str | None
    error: str | None
    error_category: str | None


def list_runs(
    connection: Connection,
    *,
    workflows: Collection[str] | None = None,
    statuses: Collection[str] | None = None,
    categories: Collection[str] = (),
    partition: Mapping[str, str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    children: bool = False,
    limit: int,
) -> list[ListedRun]:
    """Return runs of these workflows or of all, newest first; ``partition`` holds values as text, some keys will do.

    With ``children``, also those that other runs have started.
    """
    conditions = ["TRUE"] if children else [f"workflow_id !~ '{CHILD}'"]
    values = {"limit": limit, "workflows": list(workflows or ()), "statuses": list(statuses or ())}
    values |= {"categories": list(categories), "since": since, "until": until}
    if workflows is not None:
        conditions.append("workflow = ANY(:workflows)")
    if categories:
        conditions.append("result ->> 'error_category' = ANY(:categories)")
    if since is not None:
        conditions.append("started_at >= :since")
    if until is not None:
        conditions.append("started_at < :until")
    if statuses is not None:
        conditions.append(f"{_STATUS} = ANY(:statuses)")
        if set(statuses) <= {RUNNING, HELD}:
            conditions.append(f"status = '{RUNNING}'")  # for which there is an index
    for number, (key, value) in enumerate((partition or {}).items()):
        conditions.append(f"partition_key ->> :key{number} = :value{number}")
        values |= {f"key{number}": key, f"value{number}": value}
    query = (
        f"WITH held AS MATERIALIZED ({_HELD_GATES}) SELECT {_COLUMNS} FROM core_runs AS runs "
        f"LEFT JOIN held ON held.run_id = runs.run_id WHERE {' AND '.join(conditions)} "
        "ORDER BY started_at DESC, runs.run_id LIMIT :limit"
    )
    return [ListedRun(**row) for row in connection.execute(text(query), values).mappings()]


def unknown_workflow(connection: Connection, workflow: str | None) -> str:
    """Return that no run of a workflow has ever begun, with the name that may be meant; nothing where one has."""
    if workflow is None:
        return ""
    names = connection.execute(text("SELECT DISTINCT workflow FROM core_runs")).scalars().all()
    return "" if workflow in names else f"no run of workflow {workflow!r} has begun{did_you_mean(workflow, names)}"


def known_among(connection: Connection, runs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return which of these (workflow id, run id) have begun, or have another run of their workflow id at work."""
    values = {"workflow_ids": [run[0] for run in runs], "run_ids": [run[1] for run in runs]}
    rows = connection.execute(_KNOWN, values).all()
    begun = {row[0] for row in rows}
    at_work = {row[1] for row in rows if row[2]}
    return {run for run in runs if run[1] in begun or run[0] in at_work}
