"""How many runs and anomalies are open, and for how long: what alerts ask that no single worker knows."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

_OPEN_RUNS = text("""
    SELECT workflow, count(*) AS open, extract(epoch FROM now() - min(started_at))::float8 AS oldest
    FROM core_runs WHERE status = 'RUNNING' GROUP BY workflow ORDER BY workflow LIMIT :most
""")

_OPEN_ANOMALIES = text("""
    SELECT category, severity, count(*) AS open,
        extract(epoch FROM now() - min(detected_at))::float8 AS oldest
    FROM core_anomalies WHERE resolved_at IS NULL GROUP BY category, severity ORDER BY open DESC LIMIT :most
""")

_OUTBOX = text("""
    SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS oldest
    FROM (
        SELECT created_at FROM core_outbox WHERE routed_at IS NULL
        UNION ALL SELECT created_at FROM core_deliveries WHERE status = 'PENDING'
    ) AS undelivered
""")

#: Rows of each kind: categories of anomalies are the user's words.
MOST = 200


@dataclass(frozen=True, kw_only=True)
class OpenRuns:
    """The open runs of a workflow; ``oldest``: seconds since the first of them began."""

    workflow: str
    open: int
    oldest: float


@dataclass(frozen=True, kw_only=True)
class OpenAnomalies:
    """The open anomalies of a category and severity; ``oldest``: seconds since the first of them was met."""

    category: str
    severity: str
    open: int
    oldest: float


@dataclass(frozen=True, kw_only=True)
class Outbox:
    """Notifications that are not delivered; ``oldest``: seconds since the first of them was enqueued, 0 for none."""

    waiting: int
    oldest: float


@dataclass(frozen=True, kw_only=True)
class StateCounts:
    """How the service stands."""

    runs: tuple[OpenRuns, ...]
    anomalies: tuple[OpenAnomalies, ...]
    outbox: Outbox


def state_counts(connection: Connection) -> StateCounts:
    """Count what is open."""
    runs = connection.execute(_OPEN_RUNS, {"most": MOST}).mappings()
    anomalies = connection.execute(_OPEN_ANOMALIES, {"most": MOST}).mappings()
    outbox = connection.execute(_OUTBOX).mappings().one()
    return StateCounts(
        runs=tuple(OpenRuns(**row) for row in runs),
        anomalies=tuple(OpenAnomalies(**row) for row in anomalies),
        outbox=Outbox(**outbox),
    )
