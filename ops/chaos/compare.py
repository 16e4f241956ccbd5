"""Every table of two databases, row by row, less what belongs to the moment."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

#: Tables that say nothing of the work.
_LEFT_OUT = {"core_schema_versions", "core_payloads"}
#: Columns that belong to the run or the moment. An attempt that was lost after it had failed may be counted again.
_VOLATILE = {
    "run_id", "workflow_id", "execution_id", "anomaly_id", "fault_id", "reject_id", "resumed_from", "temporal",
    "epoch", "execution_run_id", "first_run_id", "lineage_id", "attempt", "lost", "result", "plan", "duration_seconds",
    "resolved_by", "resolution", "batch_id", "source_uri", "file_path",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How many rows each table has, and each difference as a sentence."""

    rows: dict[str, int]
    differences: list[str]


Contents = dict[str, Counter[str]]


def contents(url: str) -> Contents:
    """Return every table's rows as canonical JSON, with how often each is there."""
    with psycopg.connect(url) as connection:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        tables = [name for (name,) in connection.execute(query) if name not in _LEFT_OUT]
        return {table: Counter(_rows(connection, table)) for table in tables}


def compare(twin: Contents, disturbed: Contents) -> Comparison:
    """Return what the disturbed database has more or less than its twin."""
    differences = []
    for table in sorted({*twin, *disturbed}):
        before, after = twin.get(table, Counter()), disturbed.get(table, Counter())
        differences += [f"{table}: {count} less of {row}" for row, count in (before - after).items()]
        differences += [f"{table}: {count} more of {row}" for row, count in (after - before).items()]
    return Comparison(rows={table: sum(rows.values()) for table, rows in disturbed.items()}, differences=differences)


def _rows(connection: psycopg.Connection[Any], table: str) -> Iterator[str]:
    volatile = _VOLATILE | _moments(connection, table)
    for (row,) in connection.execute(f'SELECT to_jsonb(t) FROM "{table}" AS t'):
        if table == "core_partitions":
            row["is_held"] = row["run_id"] is not None
        if not _gave_way(row):
            yield json.dumps(_lasting(row, volatile), sort_keys=True)


def _gave_way(row: dict[str, Any]) -> bool:
    """Whether it tells of a start that another one of the same partition was faster than: either may be."""
    return bool((row.get("metadata") or {}).get("failure_category") == "PARTITION_BUSY")


def _moments(connection: psycopg.Connection[Any], table: str) -> set[str]:
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND data_type LIKE 'timestamp%%'"
    return {name for (name,) in connection.execute(query, (table,))}


def _lasting(value: Any, volatile: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(item, volatile) for key, item in value.items() if key not in volatile}
    if isinstance(value, list):
        return [_lasting(item, volatile) for item in value]
    return value
