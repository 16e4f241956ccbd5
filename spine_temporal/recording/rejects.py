"""Rejects: rows of data that a pipeline refused, each with its reason, written in the pipeline's own transaction."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import Connection, text

from spine_temporal.definition.json_values import clean_text
from spine_temporal.definition.params import canonical
from spine_temporal.recording.any_connection import AnyConnection, executing
from spine_temporal.recording.runs import RunRow

_REJECTS = uuid5(NAMESPACE_URL, "spine-temporal/rejects")
#: Rejects of one statement, and characters that are kept of a row.
_AT_ONCE = 5000
_LONGEST = 10_000

_INSERT = text("""
    INSERT INTO core_rejects (domain, partition_key, stage, execution_id, batch_id, reason_code, detail, raw_text,
        source_locator, line_number, reject_key)
    SELECT :domain, CAST(:partition_key AS jsonb), stage, :execution_id, :batch_id, reason_code, detail, raw_text,
        source_locator, line_number, reject_key
    FROM jsonb_to_recordset(CAST(:rejects AS jsonb)) AS given (stage text, reason_code text, detail text,
        raw_text text, source_locator text, line_number bigint, reject_key uuid)
    ON CONFLICT (execution_id, reject_key) DO NOTHING
""")

# Of each step the execution that counts: the last of the lineage up to the run, unless a person has sent it back.
_CURRENT = """
    WITH current AS (
        SELECT DISTINCT ON (step) execution_id::text AS execution_id, step, status FROM core_executions
        WHERE run_id IN (SELECT run_id FROM core_runs WHERE lineage_id = :lineage_id AND started_at <= :started_at)
        ORDER BY step, started_at DESC, round DESC
    )
"""
_OF_CURRENT = "FROM core_rejects JOIN current USING (execution_id) WHERE status <> 'SUPERSEDED'"

_LIST = text(f"""
    {_CURRENT}
    SELECT step, stage, reason_code, detail, source_locator, line_number, raw_text, domain, partition_key,
        execution_id, batch_id, rejected_at
    {_OF_CURRENT}
    ORDER BY step, source_locator, line_number, reject_id LIMIT :limit
""")

_COUNT = text(f"""
    {_CURRENT}
    SELECT step, reason_code, count(*) {_OF_CURRENT}
    GROUP BY step, reason_code ORDER BY step, count(*) DESC, reason_code
""")


@dataclass(frozen=True)
class Reject:
    """A row of data that was refused."""

    stage: str
    #: For programs, such as BAD_SHARES; and for people.
    reason_code: str
    reason_detail: str | None = None
    #: The row as it came: text, or what is kept as JSON. Its first 10,000 characters are kept, with secrets masked.
    raw_data: Any = None
    #: Where it came from, such as a path or a URL, and its line there.
    source_locator: str | None = None
    line_number: int | None = None

    @property
    def raw_text(self) -> str | None:
        """The row as text."""
        if self.raw_data is None or isinstance(self.raw_data, str):
            return self.raw_data
        return json.dumps(self.raw_data, ensure_ascii=False, default=str)


class RejectSink:
    """Writes the rejects of one execution, on any connection to Postgres, whose transaction is the caller's.

    ``execution_id`` is a pipeline's ``idempotency_key``. What an attempt writes again is there once. A pipeline that
    commits in parts gives each reject its line or its source, as it may begin again in the middle: two rejects of
    different parts that are alike in everything are one row then.
    """

    def __init__(
        self, connection: AnyConnection, domain: str, execution_id: str | UUID, batch_id: str | None = None
    ) -> None:
        self._connection = executing(connection)
        self.domain = domain
        self.execution_id = str(execution_id)
        self.batch_id = batch_id
        #: How often each reject was written, so that two that are alike are two rows.
        self._written: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many rejects were given to this sink."""
        return self._written.total()

    def write(self, reject: Reject, partition_key: Mapping[str, Any] | str | None = None) -> None:
        """Write one reject; ``write_batch`` is the way for many."""
        self.write_batch([reject], partition_key)

    def write_batch(self, rejects: Iterable[Reject], partition_key: Mapping[str, Any] | str | None = None) -> int:
        """Write rejects and return how many were given."""
        key = json.dumps({} if partition_key is None else partition_key)
        rows = [self._row(reject, key) for reject in rejects]
        shared = {
            "domain": self.domain,
            "partition_key": key,
            "execution_id": self.execution_id,
            "batch_id": self.batch_id,
        }
        for first in range(0, len(rows), _AT_ONCE):
            part = json.dumps(rows[first : first + _AT_ONCE])
            self._connection.execute(_INSERT, shared | {"rejects": part})
        return len(rows)

    def _row(self, reject: Reject, partition_key: str) -> dict[str, Any]:
        row = {
            "stage": reject.stage,
            "reason_code": reject.reason_code,
            "detail": _cleaned(reject.reason_detail),
            "raw_text": _cleaned(reject.raw_text),
            "source_locator": _cleaned(reject.source_locator),
            "line_number": reject.line_number,
        }
        content = canonical([self.domain, partition_key, row])
        self._written[content] += 1
        return row | {"reject_key": str(uuid5(_REJECTS, f"{self._written[content]} {content}"))}


def _cleaned(given: str | None) -> str | None:
    return None if given is None else clean_text(given, _LONGEST)


def list_rejects(connection: Connection, run: RunRow, *, limit: int = 1000) -> list[Mapping[str, Any]]:
    """Return what the run's pipelines refused, and those of the runs that it goes on from, in the order of the source.

    Of a step that was done more than once, only what its last execution refused.
    """
    rows = connection.execute(_LIST, _of(run) | {"limit": limit}).mappings()
    return [dict(row) for row in rows]


def count_rejects(connection: Connection, run: RunRow) -> dict[str, dict[str, int]]:
    """Return how many rejects ``list_rejects`` has without a limit, by step and reason code."""
    counts: dict[str, dict[str, int]] = {}
    for step, reason_code, count in connection.execute(_COUNT, _of(run)):
        counts.setdefault(step, {})[reason_code] = count
    return counts


def _of(run: RunRow) -> dict[str, Any]:
    return {"lineage_id": run.lineage_id, "started_at": run.started_at}
