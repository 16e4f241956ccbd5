"""Writes the dashboards in ops/grafana: ``python -m ops.dashboards``."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "grafana"
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
#: Panels beside each other, and Grafana's units of a row.
_COLUMNS, _WIDTH, _HEIGHT = 3, 24, 8


@dataclass(frozen=True)
class Panel:
    """A graph: its title, what it asks Prometheus, how a line is named, and in what unit."""

    title: str
    expr: str
    legend: str
    unit: str = "short"


def _rate(metric: str, by: str, where: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{{{where}}}[$__rate_interval]))"


def _increase(metric: str, by: str, where: str = "") -> str:
    return f"sum by ({by}) (increase({metric}{{{where}}}[$__rate_interval]))"


def _quantile(metric: str, by: str, quantile: float = 0.99) -> str:
    return f"histogram_quantile({quantile}, sum by (le, {by}) (rate({metric}_bucket[$__rate_interval])))"


SERVICE: dict[str, tuple[Panel, ...]] = {
    "Now": (
        Panel("Open runs", "max by (workflow) (spine_open_runs)", "{{workflow}}"),
        Panel("Oldest open run", "max by (workflow) (spine_oldest_open_run_seconds)", "{{workflow}}", "s"),
        Panel("Open anomalies", "max by (category, severity) (spine_open_anomalies)", "{{category}} {{severity}}"),
        Panel("Servers that answer", "min by (instance, server) (spine_server_up)", "{{instance}} {{server}}"),
        Panel("Oldest open anomaly", "max by (category) (spine_oldest_open_anomaly_seconds)", "{{category}}", "s"),
        Panel("Notifications that wait", "max(spine_outbox_waiting)", "waiting"),
        Panel("Connections to Postgres", "sum by (instance, state) (spine_pool_connections)", "{{instance}} {{state}}"),
    ),
    "Runs": (
        Panel("Runs by how they ended", _increase("spine_runs_total", "workflow, status"), "{{workflow}} {{status}}"),
        Panel("Seconds of a run, p95", _quantile("spine_run_seconds", "workflow", 0.95), "{{workflow}}", "s"),
        Panel("Steps that failed", _increase("spine_steps_total", "workflow, step", 'status="FAILED"'), "{{step}}"),
        Panel("Claims of partitions", _increase("spine_claims_total", "outcome"), "{{outcome}}"),
        Panel("Runs without their own end", _increase("spine_orphaned_runs_total", "outcome"), "{{outcome}}"),
    ),
    "Pipelines": (
        Panel("Attempts", _increase("spine_attempts_total", "pipeline, outcome"), "{{pipeline}} {{outcome}}"),
        Panel("Seconds of an attempt, p95", _quantile("spine_attempt_seconds", "pipeline", 0.95), "{{pipeline}}", "s"),
        Panel("Rows a second", _rate("spine_rows_total", "pipeline"), "{{pipeline}}", "rowsps"),
    ),
    "Quality": (
        Panel(
            "Checks by result",
            _increase("spine_quality_checks_total", "workflow, check, result"),
            "{{workflow}} {{check}} {{result}}",
        ),
        Panel(
            "Gates by result", _increase("spine_steps_total", "step, status", 'kind="lambda"'), "{{step}} {{status}}"
        ),
    ),
}

WORKER: dict[str, tuple[Panel, ...]] = {
    "Task queues": (
        Panel(
            "Workflow tasks wait, p99",
            _quantile("temporal_workflow_task_schedule_to_start_latency_seconds", "task_queue"),
            "{{task_queue}}",
            "s",
        ),
        Panel(
            "Activities wait, p99",
            _quantile("temporal_activity_schedule_to_start_latency_seconds", "task_queue"),
            "{{task_queue}}",
            "s",
        ),
        Panel("Pollers", "sum by (task_queue, poller_type) (temporal_num_pollers)", "{{task_queue}} {{poller_type}}"),
        Panel(
            "Slots left",
            "min by (task_queue, worker_type) (temporal_worker_task_slots_available)",
            "{{task_queue}} {{worker_type}}",
        ),
        Panel(
            "Slots used",
            "sum by (task_queue, worker_type) (temporal_worker_task_slots_used)",
            "{{task_queue}} {{worker_type}}",
        ),
        Panel("Tasks taken", _rate("temporal_workflow_task_queue_poll_succeed_total", "task_queue"), "{{task_queue}}"),
    ),
    "Workflow tasks": (
        Panel(
            "Seconds of a task, p99",
            _quantile("temporal_workflow_task_execution_latency_seconds", "workflow_type"),
            "{{workflow_type}}",
            "s",
        ),
        Panel(
            "Seconds of a replay, p99",
            _quantile("temporal_workflow_task_replay_latency_seconds", "workflow_type"),
            "{{workflow_type}}",
            "s",
        ),
        Panel(
            "Tasks that failed",
            _rate("temporal_workflow_task_execution_failed_total", "workflow_type, failure_reason"),
            "{{workflow_type}} {{failure_reason}}",
        ),
        Panel("Runs in the cache", "sum by (instance) (temporal_sticky_cache_size)", "{{instance}}"),
        Panel("Cache hits", _rate("temporal_sticky_cache_hit_total", "task_queue"), "{{task_queue}}"),
        Panel(
            "Runs put out of the cache",
            _rate("temporal_sticky_cache_total_forced_eviction_total", "task_queue"),
            "{{task_queue}}",
        ),
    ),
    "Activities": (
        Panel(
            "Seconds of an activity, p95",
            _quantile("temporal_activity_execution_latency_seconds", "activity_type", 0.95),
            "{{activity_type}}",
            "s",
        ),
        Panel(
            "Activities that failed",
            _rate("temporal_activity_execution_failed_total", "activity_type"),
            "{{activity_type}}",
        ),
        Panel(
            "Seconds of a local activity, p99",
            _quantile("temporal_local_activity_execution_latency_seconds", "activity_type"),
            "{{activity_type}}",
            "s",
        ),
    ),
    "Requests": (
        Panel("Requests", _rate("temporal_request_total", "operation"), "{{operation}}", "reqps"),
        Panel(
            "Requests that failed",
            _rate("temporal_request_failure_total", "operation, status_code"),
            "{{operation}} {{status_code}}",
            "reqps",
        ),
        Panel(
            "Seconds of a request, p99",
            _quantile("temporal_request_latency_seconds", "operation"),
            "{{operation}}",
            "s",
        ),
    ),
}

DASHBOARDS = {
    "spine.json": ("spine-temporal", "Spine: runs, pipelines, quality", SERVICE),
    "temporal_worker.json": ("spine-temporal-worker", "Spine: Temporal workers", WORKER),
}


def dashboard(uid: str, title: str, rows: dict[str, tuple[Panel, ...]]) -> dict[str, Any]:
    """Return a dashboard as Grafana imports it."""
    panels = [{**panel, "id": number} for number, panel in enumerate(_placed(rows), 1)]
    source = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    return {
        "uid": uid,
        "title": title,
        "tags": ["spine-temporal"],
        "timezone": "utc",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source]},
        "panels": panels,
    }


def _placed(rows: dict[str, tuple[Panel, ...]]) -> Iterator[dict[str, Any]]:
    top = 0
    for title, panels in rows.items():
        yield {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": _place(0, top, _WIDTH, 1)}
        yield from _graphs(panels, top + 1)
        top += 1 + _HEIGHT * -(-len(panels) // _COLUMNS)


def _graphs(panels: Iterable[Panel], top: int) -> Iterator[dict[str, Any]]:
    width = _WIDTH // _COLUMNS
    for number, panel in enumerate(panels):
        row, column = divmod(number, _COLUMNS)
        yield {
            "type": "timeseries",
            "title": panel.title,
            "datasource": _SOURCE,
            "gridPos": _place(column * width, top + row * _HEIGHT, width, _HEIGHT),
            "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
            "targets": [{"refId": "A", "datasource": _SOURCE, "expr": panel.expr, "legendFormat": panel.legend}],
        }


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def written() -> dict[str, str]:
    """Return the text of each file."""
    return {name: json.dumps(dashboard(*of), indent=1) + "\n" for name, of in DASHBOARDS.items()}


if __name__ == "__main__":
    for name, text in written().items():
        (FOLDER / name).write_text(text)
        print(f"wrote ops/grafana/{name}")
