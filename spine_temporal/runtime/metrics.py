"""What a worker counts, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

#: Attempts of pipelines by how they ended: completed, failed (for good), retried, waiting (Postgres is away),
#: cancelled.
ATTEMPTS = Counter("spine_attempts_total", "Pipeline attempts by how they ended", ["pipeline", "outcome"])

#: Seconds of completed attempts.
ATTEMPT_SECONDS = Histogram(
    "spine_attempt_seconds",
    "Seconds of a pipeline's completed attempts",
    ["pipeline"],
    buckets=(0.05, 0.25, 1, 5, 15, 60, 300, 1800),
)

#: Runs by how they ended, and starts that were refused.
RUNS = Counter("spine_runs_total", "Runs by how they ended", ["workflow", "status"])

#: 1 where the server answers this worker.
SERVER_UP = Gauge("spine_server_up", "Whether the server answers this worker", ["server"])

#: Runs that Temporal has closed and that could not record their end: closed here, or not judged (see the log).
ORPHANS = Counter("spine_orphaned_runs_total", "Runs that were closed without their own end", ["outcome"])
