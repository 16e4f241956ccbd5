"""How the service stands, told to Prometheus by each worker: it is asked of Postgres, so all of them tell the same."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import text

from spine_temporal.definition.errors import SpineError
from spine_temporal.recording.database import CONNECT_TIMEOUT, Database
from spine_temporal.recording.state_counts import StateCounts, state_counts

#: Seconds between two questions, and that Postgres gets for one.
INTERVAL = 15.0
_PATIENCE = 5


class StateMetrics(Collector):
    """Asks from time to time, in a thread; a scrape is given the last answer, and none that is out of date."""

    def __init__(self, database: Database) -> None:
        self._database = Database(database.url, schema=database.schema, pool_size=1)
        self._pool = database
        self._counts: StateCounts | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="spine-state", daemon=True)
        self._thread.start()

    def collect(self) -> Iterator[Metric]:
        """Give what was found last."""
        yield _pool_of(self._pool)
        if self._counts is not None:
            yield from families(self._counts)

    def close(self) -> None:
        """Stop asking; a question that is under way ends first."""
        self._ended.set()
        self._thread.join(CONNECT_TIMEOUT + _PATIENCE)

    def _watch(self) -> None:
        while not self._ended.is_set():
            self.look()
            self._ended.wait(INTERVAL)
        self._database.close()

    def look(self) -> None:
        """Ask once; where Postgres does not answer there is nothing to tell, and ``spine_server_up`` says why."""
        try:
            with self._database.begin() as connection:
                connection.execute(text(f"SET LOCAL statement_timeout = '{_PATIENCE}s'"))
                self._counts = state_counts(connection)
        except SpineError:
            self._counts = None


@contextmanager
def state_metrics(database: Database) -> Iterator[None]:
    """Tell how the service stands with what this process counts, while the block runs."""
    told = StateMetrics(database)
    REGISTRY.register(told)
    try:
        yield
    finally:
        REGISTRY.unregister(told)
        told.close()


def families(counts: StateCounts) -> Iterator[Metric]:
    """Return the gauges of what is open."""
    runs = _gauge("spine_open_runs", "Runs that have not ended", "workflow")
    oldest_run = _gauge("spine_oldest_open_run_seconds", "Seconds since the oldest open run began", "workflow")
    for one in counts.runs:
        runs.add_metric([one.workflow], one.open)
        oldest_run.add_metric([one.workflow], one.oldest)
    anomalies = _gauge("spine_open_anomalies", "Anomalies that nobody has resolved", "category", "severity")
    oldest = _gauge("spine_oldest_open_anomaly_seconds", "Seconds since the oldest was met", "category", "severity")
    for each in counts.anomalies:
        anomalies.add_metric([each.category, each.severity], each.open)
        oldest.add_metric([each.category, each.severity], each.oldest)
    yield from (runs, oldest_run, anomalies, oldest)
    yield GaugeMetricFamily("spine_outbox_waiting", "Notifications that are not delivered", counts.outbox.waiting)
    told = "Seconds since the oldest of them was enqueued"
    yield GaugeMetricFamily("spine_oldest_outbox_seconds", told, counts.outbox.oldest)


def _pool_of(database: Database) -> Metric:
    family = _gauge("spine_pool_connections", "The worker's own connections to Postgres", "state")
    for state, number in database.connections().items():
        family.add_metric([state], number)
    return family


def _gauge(name: str, told: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, told, labels=labels)
