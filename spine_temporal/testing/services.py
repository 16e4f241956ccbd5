"""A pipeline's services for a test: a connection of the test's own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from spine_temporal.definition.pipeline import Pipeline, PipelineResult, running


@dataclass
class PipelineTestServices:
    """What ``Pipeline(params, services)`` takes; keeps the anomalies and counts the heartbeats."""

    connection: Connection
    idempotency_key: str = "00000000-0000-0000-0000-000000000001"
    run_id: str = "test-run"
    partition: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 1
    progress: tuple[Any, ...] = ()
    heartbeats: int = 0
    anomalies: list[tuple[str, str, str]] = field(default_factory=list)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a savepoint in the test's own transaction."""
        with self.connection.begin_nested():
            yield self.connection

    def heartbeat(self, *details: Any) -> None:
        """Count it, and keep its details as the progress."""
        self.heartbeats += 1
        self.progress = details

    def record_anomaly(self, category: str, message: str, *, severity: str, metadata: Mapping[str, Any] | None) -> None:
        """Keep it as (severity, category, message)."""
        del metadata
        self.anomalies.append((severity, category, message))


def run_pipeline(pipeline: type[Pipeline], params: Mapping[str, Any], services: PipelineTestServices) -> dict[str, Any]:
    """Run a pipeline in the caller's transaction and return its metrics."""
    with running(services):
        answer = pipeline(params, services).run()
    return dict(answer.metrics if isinstance(answer, PipelineResult) else answer or {})
