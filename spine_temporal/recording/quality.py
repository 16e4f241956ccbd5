"""Quality: what gates and pipelines measured of their data."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.json_values import clean_text

#: Check of the row that says whether the step's quality has passed as a whole.
OVERALL = "overall"

#: The upsert of any number of rows, as JSON in ``:quality``; part of the statement that completes a step.
UPSERT_QUALITY = """
    INSERT INTO core_quality (run_id, step, round, check_name, value, threshold, passed)
    SELECT :run_id, step, round, check_name, value, threshold, passed
    FROM jsonb_to_recordset(CAST(:quality AS jsonb)) AS measured
        (step text, round int, check_name text, value float8, threshold float8, passed boolean)
    WHERE TRUE
    ON CONFLICT (run_id, step, round, check_name) DO UPDATE SET
        value = excluded.value, threshold = excluded.threshold, passed = excluded.passed,
        measured_at = excluded.measured_at
"""

_COUNTS = ("record_count", "valid_count", "invalid_count", "null_count")


def record_quality(connection: Connection, run_id: str, measured: Sequence[Mapping[str, Any]]) -> None:
    """Write what steps of a run have measured; again for the same step and round replaces it."""
    rows = quality_rows(measured)
    if rows:
        connection.execute(text(UPSERT_QUALITY), {"run_id": run_id, "quality": json.dumps(rows)})


def quality_rows(measured: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of measured qualities, each ``{step, round, quality}``.

    A named measure that is not a number is left out; a check's value that is not a number is stored as NULL.
    """
    rows: dict[tuple[str, int, str], dict[str, Any]] = {}
    for one in measured:
        for row in _rows_of(one["quality"]):
            name = clean_text(row["check_name"], 200)
            rows[one["step"], one["round"], name] = {
                **row,
                "step": one["step"],
                "round": one["round"],
                "check_name": name,
            }
    return list(rows.values())


def list_quality(
    connection: Connection, *, workflow: str | None = None, failed: bool = False, limit: int = 1000
) -> list[Mapping[str, Any]]:
    """Return what was measured, newest first; only what did not pass where ``failed``."""
    query = text("""
        SELECT workflow, partition_key, step, round, check_name, value, threshold, passed, measured_at, run_id
        FROM core_quality JOIN core_runs USING (run_id)
        WHERE (CAST(:workflow AS text) IS NULL OR workflow = :workflow) AND (NOT :failed OR NOT passed)
        ORDER BY measured_at DESC, run_id, step, round, check_name LIMIT :limit
    """)
    rows = connection.execute(query, {"workflow": workflow, "failed": failed, "limit": limit}).mappings()
    return [dict(row) for row in rows]


def _rows_of(quality: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return counts that were counted, named measures, checks, and the whole."""
    counts = {name: quality.get(name) for name in _COUNTS} if quality.get("record_count") else {}
    named = {name: value for name, value in quality.get("custom_metrics", {}).items() if _number(value) is not None}
    rows = [_row(name, value) for name, value in {**counts, **named}.items()]
    rows += [
        _row(check["name"], check["value"], check["threshold"], check["passed"]) for check in quality.get("checks", [])
    ]
    return [*rows, _row(OVERALL, None, None, quality.get("passed"))]


def _row(name: Any, value: Any, threshold: Any = None, passed: Any = None) -> dict[str, Any]:
    return {
        "check_name": str(name),
        "value": _number(value),
        "threshold": _number(threshold),
        "passed": None if passed is None else bool(passed),
    }


def _number(value: Any) -> float | None:
    """Return a number that Postgres' double precision can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
