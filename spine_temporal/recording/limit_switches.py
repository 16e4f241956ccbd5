"""What an operator sees of limits, and does: close a key for everybody, and open it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.json_values import clean_text
from spine_temporal.definition.names import did_you_mean
from spine_temporal.recording.audit import record_action
from spine_temporal.recording.limits import FOR_EVER

_LIST = text("""
    SELECT key, concurrency, per_second, asked_at,
        CASE WHEN closed_until > clock_timestamp() THEN nullif(closed_until, :for_ever) END AS closed_until,
        coalesce(closed_until > clock_timestamp(), false) AS is_closed,
        CASE WHEN closed_until > clock_timestamp() THEN closed_by END AS closed_by,
        CASE WHEN closed_until > clock_timestamp() THEN closed_reason END AS closed_reason,
        coalesce(running, 0) AS running, coalesce(waiting, 0) AS waiting
    FROM core_limits LEFT JOIN (
        SELECT lease.key, count(*) FILTER (WHERE starts_at <= clock_timestamp()) AS running,
            count(*) FILTER (WHERE starts_at IS NULL OR starts_at > clock_timestamp()) AS waiting
        FROM core_leases AS lease JOIN core_runs AS runs ON runs.run_id = lease.run_id AND runs.status = 'RUNNING'
        WHERE expires_at > clock_timestamp() GROUP BY lease.key
    ) AS used USING (key)
    ORDER BY key
""")

_CLOSE = text("""
    INSERT INTO core_limits (key, closed_until, closed_by, closed_reason) VALUES (:key, :until, :by, :reason)
    ON CONFLICT (key) DO UPDATE SET closed_until = :until, closed_by = :by, closed_reason = :reason
""")

_OPEN = text("""
    UPDATE core_limits SET closed_until = NULL, closed_by = NULL, closed_reason = NULL
    WHERE key = :key AND closed_until > now()
""")

_KEYS = text("SELECT key FROM core_limits ORDER BY key")


@dataclass(frozen=True, kw_only=True)
class LimitState:
    """A limit as it stands."""

    key: str
    #: As the last attempt that asked gave it; None: no bound.
    concurrency: int | None
    per_second: float | None
    is_closed: bool
    #: None: it is open, or closed until somebody opens it.
    closed_until: datetime | None
    #: None: the source itself.
    closed_by: str | None
    closed_reason: str | None
    #: Attempts that use the source, and that wait for it.
    running: int
    waiting: int
    asked_at: datetime


def list_limits(connection: Connection) -> list[LimitState]:
    """Return every limit that an attempt has asked for or a person has closed, by key."""
    names = LimitState.__dataclass_fields__
    return [
        LimitState(**{name: row[name] for name in names})
        for row in connection.execute(_LIST, {"for_ever": FOR_EVER}).mappings()
    ]


def close_limit(connection: Connection, key: str, until: datetime | None, *, by: str, reason: str) -> None:
    """Close a key until then, or until somebody opens it; kept on the record."""
    told: dict[str, Any] = {"by": clean_text(by, 200), "reason": clean_text(reason)}
    connection.execute(_CLOSE, {"key": key, "until": until or FOR_EVER, **told})
    _record(connection, "close limit", key, by, reason, {"until": until.isoformat() if until else None})


def open_limit(connection: Connection, key: str, *, by: str, reason: str) -> None:
    """Open a key; kept on the record. Raises ``ParamsError`` where it is not closed."""
    if connection.execute(_OPEN, {"key": key}).rowcount == 0:
        known = list(connection.execute(_KEYS).scalars())
        if key in known:
            raise ParamsError(f"limit {key!r} is open")
        raise ParamsError(
            f"there is no limit {key!r}: known are {', '.join(known) or 'none'}{did_you_mean(key, known)}"
        )
    _record(connection, "open limit", key, by, reason, {})


def _record(connection: Connection, action: str, key: str, by: str, reason: str, details: dict[str, Any]) -> None:
    told = {"limit": key, **details}
    record_action(connection, action, workflow_id="", run_id=None, by=by, reason=reason, details=told)
