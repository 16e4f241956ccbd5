"""Every table of two databases, row by row, less what belongs to the moment."""

import json
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any

import psycopg

#: Tables that say nothing of the work: what is logged, told to people and watched depends on what happens to workers.
_LEFT_OUT = {"core_schema_versions", "core_payloads", "core_logs", "core_deliveries", "core_deadlines"}
#: Tables of records of runs; the others hold what runs came to.
_RECORDS = {
    "core_runs",
    "core_executions",
    "core_anomalies",
    "core_quality",
    "core_audit",
    "core_outbox",
    "core_decisions",
}
#: Columns that belong to the run or the moment. An attempt that was lost after it had failed may be counted again.
_VOLATILE = {
    "run_id", "workflow_id", "execution_id", "anomaly_id", "fault_id", "reject_id", "resumed_from", "temporal",
    "epoch", "execution_run_id", "first_run_id", "lineage_id", "attempt", "lost", "result", "plan", "duration_seconds",
    "resolved_by", "resolution", "batch_id", "source_uri", "file_path", "notification_id", "since",
    "decision_id", "parents",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How many rows each table has, and each difference as a sentence."""

    rows: dict[str, int]
    differences: list[str]


#: Of each table, how often each row is there, with the workflow id whose run it is a record of.
Contents = dict[str, Counter[tuple[str, str]]]


def contents(url: str) -> Contents:
    """Return every table's rows as canonical JSON, with how often each is there."""
    with psycopg.connect(url) as connection:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        tables = [name for (name,) in connection.execute(query) if name not in _LEFT_OUT]
        owners = _owners(connection)
        return {table: Counter(_rows(connection, table, owners)) for table in tables}


def compare(twin: Contents, disturbed: Contents, touched: Set[str] = frozenset()) -> Comparison:
    """Return what the disturbed database has more or less than its twin.

    ``touched``: workflow ids whose runs an operator has ended and resumed. Their own records tell of it and are left
    out; what they have written, their partitions and their stages are compared.
    """
    differences = []
    for table in sorted({*twin, *disturbed}):
        before, after = (_untouched(world.get(table, Counter()), touched) for world in (twin, disturbed))
        differences += [f"{table}: {count} less of {row}" for row, count in (before - after).items()]
        differences += [f"{table}: {count} more of {row}" for row, count in (after - before).items()]
    return Comparison(rows={table: sum(rows.values()) for table, rows in disturbed.items()}, differences=differences)


def _untouched(rows: Counter[tuple[str, str]], touched: Set[str]) -> Counter[str]:
    left: Counter[str] = Counter()
    for (owner, row), count in rows.items():
        if owner not in touched:
            left[row] += count
    return left


def _owners(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the workflow id of each run; of a child's, its parent's."""
    runs = dict(connection.execute("SELECT run_id, workflow_id FROM core_runs").fetchall())

    def owner(run_id: str) -> str:
        workflow_id = runs[run_id]
        parent = workflow_id.rpartition("~")[2]
        return owner(parent) if parent in runs else workflow_id

    return {run_id: owner(run_id) for run_id in runs}


def _rows(connection: psycopg.Connection[Any], table: str, owners: dict[str, str]) -> Iterator[tuple[str, str]]:
    volatile = _VOLATILE | _moments(connection, table)
    for (row,) in connection.execute(f'SELECT to_jsonb(t) FROM "{table}" AS t'):
        if table == "core_partitions":
            row["is_held"] = row["run_id"] is not None
        if row.get("kind") == "recovered":
            row["message"] = ""  # it names the run
        run_id = str(row.get("run_id") or (row.get("metadata") or {}).get("run_id"))
        owner = owners.get(run_id, "") if table in _RECORDS else ""
        if not _gave_way(row):
            yield owner, json.dumps(_lasting(row, volatile), sort_keys=True)


def _gave_way(row: dict[str, Any]) -> bool:
    """Whether it tells of a start that another one of the same partition was faster than: either may be."""
    return "PARTITION_BUSY" in {(row.get("metadata") or {}).get("failure_category"), row.get("category")}


def _moments(connection: psycopg.Connection[Any], table: str) -> set[str]:
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND data_type LIKE 'timestamp%%'"
    return {name for (name,) in connection.execute(query, (table,))}


def _lasting(value: Any, volatile: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(item, volatile) for key, item in value.items() if key not in volatile}
    if isinstance(value, list):
        return [_lasting(item, volatile) for item in value]
    return value
