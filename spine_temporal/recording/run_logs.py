"""What runs have logged: the newest lines of each, for a while, beside all transactions of the runs themselves."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

#: Lines and characters that are kept of one run.
MOST_LINES = 2000
MOST_CHARACTERS = 1_000_000

_INSERT = text("""
    INSERT INTO core_logs (run_id, step, attempt, logged_at, level, logger, message, trace_id)
    SELECT run_id, step, attempt, logged_at, level, logger, message, trace_id
    FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS line (run_id text, step text, attempt int,
        logged_at timestamptz, level text, logger text, message text, trace_id text)
""")

# The oldest lines of a run give way to its newest, where there are too many.
_BOUND = text("""
    WITH counted AS (
        SELECT log_id, row_number() OVER newest AS lines, sum(length(message)) OVER newest AS characters
        FROM core_logs WHERE run_id = ANY(:runs) WINDOW newest AS (PARTITION BY run_id ORDER BY log_id DESC)
    )
    DELETE FROM core_logs USING counted
    WHERE core_logs.log_id = counted.log_id AND (lines > :most_lines OR characters > :most_characters)
""")

_LIST = text("""
    SELECT log_id, run_id, step, attempt, logged_at, level, logger, message, trace_id FROM core_logs
    WHERE run_id = :run_id AND log_id > :after AND (CAST(:step AS text) IS NULL OR step = :step)
    ORDER BY log_id DESC LIMIT :limit
""")

_PRUNE = text("DELETE FROM core_logs WHERE logged_at < now() - CAST(:age AS interval)")


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """What was logged while a run was worked on, with secrets masked."""

    run_id: str
    #: Empty: the run itself.
    step: str = ""
    attempt: int | None = None
    logged_at: datetime
    level: str
    logger: str
    message: str
    trace_id: str = ""


def write_logs(connection: Connection, lines: Sequence[LogLine]) -> None:
    """Write the lines, in their order, and forget of each run what is beyond its limit."""
    rows = [asdict(line) | {"logged_at": line.logged_at.isoformat()} for line in lines]
    connection.execute(_INSERT, {"lines": json.dumps(rows)})
    limits = {"most_lines": MOST_LINES, "most_characters": MOST_CHARACTERS}
    connection.execute(_BOUND, {"runs": sorted({line.run_id for line in lines}), **limits})


def list_logs(
    connection: Connection, run_id: str, *, step: str | None = None, after: int = 0, limit: int = MOST_LINES
) -> list[Mapping[str, Any]]:
    """Return the newest lines of a run, the oldest of them first; of those after that ``log_id``."""
    values = {"run_id": run_id, "step": step, "after": after, "limit": limit}
    rows = connection.execute(_LIST, values).mappings()
    return [dict(row) for row in reversed(rows.all())]


def prune_logs(connection: Connection, age: timedelta) -> int:
    """Delete lines that were logged longer ago; return how many."""
    return connection.execute(_PRUNE, {"age": f"{age.total_seconds():.0f} seconds"}).rowcount
