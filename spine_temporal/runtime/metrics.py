"""What a worker counts, for Prometheus: counters end in ``_total``, durations are seconds, labels are few."""

import threading

from prometheus_client import Counter, Gauge, Histogram

#: Attempts of pipelines by how they ended: completed, failed (for good), retried, waiting (Postgres is away),
#: cancelled.
ATTEMPTS = Counter("spine_attempts_total", "Pipeline attempts by how they ended", ["pipeline", "outcome"])

#: Attempts that a limit kept waiting: closed, full, rate.
LIMIT_WAITS = Counter("spine_limit_waits_total", "Attempts that a limit kept waiting", ["limit", "obstacle"])

#: Seconds of completed attempts.
ATTEMPT_SECONDS = Histogram(
    "spine_attempt_seconds",
    "Seconds of a pipeline's completed attempts",
    ["pipeline"],
    buckets=(0.05, 0.25, 1, 5, 15, 60, 300, 1800),
)

#: Rows that completed attempts say that they have worked on.
ROWS = Counter("spine_rows_total", "Rows of completed attempts", ["pipeline"])

#: Runs by how they ended, and starts that were refused.
RUNS = Counter("spine_runs_total", "Runs by how they ended", ["workflow", "status"])

#: Seconds of runs that have ended, from begin to end, waits included.
RUN_SECONDS = Histogram(
    "spine_run_seconds",
    "Seconds of a run, from its begin to its end",
    ["workflow"],
    buckets=(0.25, 1, 5, 15, 60, 300, 1800, 7200, 43200),
)

#: Steps of ended runs by how they ended; ``kind``: pipeline, gate, choice and so on.
STEPS = Counter("spine_steps_total", "Steps of ended runs by how they ended", ["workflow", "step", "kind", "status"])

#: Quality checks by result: passed, failed, or measured, which is held against nothing.
CHECKS = Counter("spine_quality_checks_total", "Quality checks by result", ["workflow", "step", "check", "result"])

#: Claims of partitions: taken, busy (another open run has it), cleared (its holder is closed), lost (a run was fenced
#: off).
CLAIMS = Counter("spine_claims_total", "Claims of partitions by what came of them", ["outcome"])

#: Lines of runs' logs: kept in Postgres, or dropped, as too many waited or Postgres does not take them.
LOG_LINES = Counter("spine_log_lines_total", "Lines of the logs of runs by what came of them", ["outcome"])

#: 1 where the server answers this worker.
SERVER_UP = Gauge("spine_server_up", "Whether the server answers this worker", ["server"])

#: Runs that Temporal has closed and that could not record their end: closed here, or not judged (see the log).
ORPHANS = Counter("spine_orphaned_runs_total", "Runs that were closed without their own end", ["outcome"])

#: Partitions of backfills by how their turn ended: as their run, or the reason why they were not run.
BACKFILL_PARTITIONS = Counter(
    "spine_backfill_partitions_total", "Partitions of backfills by how their turn ended", ["workflow", "outcome"]
)

#: Notifications by channel and outcome: delivered, failed (given up).
NOTIFICATIONS = Counter("spine_notifications_total", "Notifications by how they ended", ["channel", "outcome"])

#: Partitions by how they have come to stand to their deadline: on time, late, recovered.
LATENESS = Counter(
    "spine_lateness_total", "Partitions by how they have come to stand to their deadline", ["workflow", "state"]
)


class Names:
    """Keeps a label bounded whose values are the user's: beyond the first so many, each counts as ``other``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[tuple[str, ...]] = set()
        self._lock = threading.Lock()

    def bounded(self, *place: str) -> str:
        """Return the last part of the place, or ``other`` where there are too many."""
        with self._lock:
            if place not in self._known and len(self._known) >= self._most:
                return "other"
            self._known.add(place)
            return place[-1]
