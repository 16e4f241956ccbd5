"""What Temporal's SDK counts, under the names that its documentation gives for Prometheus.

The SDK serves it itself, on a port of this machine alone; the worker's own address passes it on.
"""

import socket
import urllib.request

from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.runtime.sdk_logs import core_logs

_HOST = "127.0.0.1"
#: Seconds that the SDK gets to answer: less than Prometheus waits for the worker.
_PATIENCE = 5.0
#: Times that a port is looked for: another program may take it before the SDK does.
_TRIES = 5
#: Upper ends of buckets, in seconds. The SDK's own end below what an alert asks for: a quantile never exceeds the last.
_WAITS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1800, 7200)
_BUCKETS = {
    "workflow_task_schedule_to_start_latency": _WAITS,
    "activity_schedule_to_start_latency": _WAITS,
    "activity_execution_latency": _WAITS,
    "local_activity_execution_latency": _WAITS,
    "workflow_task_execution_latency": (0.001, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30),
}


class SdkMetrics:
    """A runtime of the SDK that counts, and what it has counted."""

    def __init__(self) -> None:
        self.runtime, self._address = _counting_runtime()

    def text(self) -> str:
        """Return what was counted, as Prometheus reads it; nothing where the SDK does not answer."""
        try:
            with urllib.request.urlopen(f"http://{self._address}/metrics", timeout=_PATIENCE) as answer:
                found: str = answer.read().decode()
                return found
        except OSError:
            return ""


def _counting_runtime() -> tuple[Runtime, str]:
    for left in reversed(range(_TRIES)):
        address = f"{_HOST}:{_free_port()}"
        metrics = PrometheusConfig(
            bind_address=address,
            counters_total_suffix=True,
            unit_suffix=True,
            durations_as_seconds=True,
            histogram_bucket_overrides=_BUCKETS,
        )
        try:
            return Runtime(telemetry=TelemetryConfig(logging=core_logs(), metrics=metrics)), address
        except ValueError as error:
            if not left:
                raise SpineError(
                    f"Temporal's SDK cannot serve its metrics: {error}", ErrorCategory.DEPENDENCY
                ) from None
    raise AssertionError  # the last try returns or raises


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
