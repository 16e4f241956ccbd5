"""Questions about what runs have written: one form of question for every table, newest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.recording.run_list import CHILD


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which rows are asked for; what is left out restricts nothing.

    A table that knows nothing of what is asked for refuses the question (``ValueError``).
    """

    workflow: str | None = None
    #: Values as text; some of a partition's keys will do.
    partition: Mapping[str, str] = field(default_factory=dict)
    #: Any of these, in capitals.
    statuses: Sequence[str] = ()
    #: Any of these.
    categories: Sequence[str] = ()
    severities: Sequence[str] = ()
    stages: Sequence[str] = ()
    steps: Sequence[str] = ()
    #: A run id, or a workflow id: all its runs.
    run: str | None = None
    #: From this moment on, and before that one.
    since: datetime | None = None
    until: datetime | None = None
    #: Whether to leave out runs that other runs have started.
    without_children: bool = False


@dataclass(frozen=True, kw_only=True)
class LedgerTable:
    """A table as it is asked: what is shown of a row, and what each part of a question means here."""

    columns: str
    source: str
    #: The condition of each part of a question; its value is ``:name``.
    conditions: Mapping[str, str]
    #: The JSON object that a partition's values are looked for in.
    partition: str
    #: What is newest has the greatest.
    newest: str
    #: What tells a row from all others.
    key: tuple[str, ...]


_RUN_FAILURE = "runs.result ->> 'error_category'"

RUNS = LedgerTable(
    columns=(
        "runs.run_id, runs.workflow_id, runs.workflow, runs.partition_key AS partition, runs.status, runs.started_at, "
        "runs.completed_at, runs.result ->> 'error_step' AS error_step, runs.result ->> 'error' AS error, "
        f"{_RUN_FAILURE} AS error_category, runs.resumed_from, runs.lineage_id, runs.task_queue"
    ),
    source="core_runs AS runs",
    conditions={
        "workflow": "runs.workflow = :workflow",
        "statuses": "runs.status = ANY(:statuses)",
        "categories": f"{_RUN_FAILURE} = ANY(:categories)",
        "run": "(runs.run_id = :run OR runs.workflow_id = :run)",
        "since": "runs.started_at >= :since",
        "until": "runs.started_at < :until",
        "without_children": f"runs.workflow_id !~ '{CHILD}'",
    },
    partition="runs.partition_key",
    newest="runs.started_at",
    key=("run_id",),
)

EXECUTIONS = LedgerTable(
    columns=(
        "made.execution_id, made.run_id, runs.workflow_id, made.workflow, runs.partition_key AS partition, made.step, "
        "made.pipeline, made.round, made.status, made.attempt, made.lost, made.started_at, made.completed_at, "
        "made.row_count, made.error"
    ),
    source="core_executions AS made LEFT JOIN core_runs AS runs USING (run_id)",
    conditions={
        "workflow": "made.workflow = :workflow",
        "statuses": "made.status = ANY(:statuses)",
        "steps": "made.step = ANY(:steps)",
        "run": "(made.run_id = :run OR runs.workflow_id = :run)",
        "since": "made.started_at >= :since",
        "until": "made.started_at < :until",
    },
    partition="runs.partition_key",
    newest="made.started_at",
    key=("execution_id",),
)

MANIFEST = LedgerTable(
    columns=("domain, partition_key, stage, stage_rank, row_count, metrics, execution_id, batch_id, updated_at"),
    source="core_manifest",
    conditions={
        "workflow": "domain = 'workflow.' || :workflow",
        "stages": "stage = ANY(:stages)",
        "since": "updated_at >= :since",
        "until": "updated_at < :until",
    },
    partition="partition_key",
    newest="updated_at",
    key=("domain", "partition_key", "stage"),
)


def ask(connection: Connection, table: LedgerTable, question: Question, *, limit: int) -> list[dict[str, Any]]:
    """Return the table's rows that fit, newest first."""
    conditions, values = where(table, question)
    key = ", ".join(table.key)
    query = (
        f"SELECT * FROM (SELECT {table.columns}, {table.newest} AS newest FROM {table.source} "
        f"WHERE {conditions} ORDER BY {table.newest} DESC LIMIT :limit) AS found ORDER BY newest DESC, {key}"
    )
    rows = connection.execute(text(query), values | {"limit": limit}).mappings()
    return [{name: value for name, value in row.items() if name != "newest"} for row in rows]


def where(table: LedgerTable, question: Question) -> tuple[str, dict[str, Any]]:
    """Return the condition of a question, and its values; raise ``ValueError`` for what the table knows nothing of."""
    conditions, values = ["TRUE"], dict[str, Any]()
    for name in question.__dataclass_fields__:
        value = getattr(question, name)
        if name == "partition" or value in (None, (), [], False):
            continue
        if name not in table.conditions:
            raise ValueError(f"{table.source} knows no {name}")
        conditions.append(table.conditions[name])
        is_list = isinstance(value, Sequence) and not isinstance(value, str)
        values[name] = [str(each) for each in value] if is_list else value
    for number, (key, value) in enumerate(question.partition.items()):
        conditions.append(f"{table.partition} ->> :key{number} = :value{number}")
        values |= {f"key{number}": key, f"value{number}": value}
    return " AND ".join(conditions), values
