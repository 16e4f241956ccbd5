"""A worker killed in the middle of any pipeline leaves nothing behind and nothing undone."""

import json

import psycopg
import pytest

from tests.processes.conftest import until

WORKFLOW = "finra.otc_transparency.weekly_refresh"
#: What differs between two runs of the same work.
VOLATILE = {
    "execution_id", "run_id", "workflow_id", "created_at", "captured_at", "last_observed_at", "updated_at",
    "started_at", "completed_at", "claimed_at", "detected_at", "measured_at", "anomaly_id", "result", "plan", "lost",
    "epoch", "execution_run_id", "first_run_id", "lineage_id", "fingerprints",
}  # fmt: skip


def contents(url):
    """Every table's rows, less what is of the run and not of the work."""
    with psycopg.connect(url) as connection:
        tables = [
            row[0]
            for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        ]
        return {table: sorted(_rows(connection, table)) for table in tables}


def _rows(connection, table):
    cursor = connection.execute(f'SELECT to_jsonb(t) FROM "{table}" AS t')
    for (row,) in cursor:
        kept = {name: value for name, value in row.items() if name not in VOLATILE}
        if isinstance(kept.get("metrics"), dict):
            kept["metrics"].pop("duration_seconds", None)
        if isinstance(kept.get("metadata"), dict):
            kept["metadata"].pop("run_id", None)
        yield json.dumps(kept, sort_keys=True)


@pytest.fixture
def arguments(week_file):
    file = week_file("2025-11-28")
    return (WORKFLOW, "-p", "week_ending=2025-11-28", "-p", "tier=OTC", "-p", f"file_path={file}")


@pytest.mark.parametrize("pipeline", ["ingest", "normalize", "aggregate"])
def test_a_run_whose_worker_is_killed_completes_as_an_undisturbed_one(
    spine, start_worker, arguments, environment, database_url, tmp_path, pipeline
):
    marker = tmp_path / "paused"
    pausing = {
        "PAUSE_IN": pipeline,
        "PAUSE_MARKER": str(marker),
        "SPINE_MODULES": "activities,workflows,tests.processes.paused",
    }
    worker = start_worker(**pausing)
    started = spine("start", *arguments)
    assert started.returncode == 0, started.stderr
    until(marker.exists)
    worker.kill()
    start_worker(**pausing)
    ended = spine("result", started.stdout.strip(), "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["status"] == "COMPLETED"
    disturbed = contents(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(run_id) FROM core_partitions").fetchone() == (0,)
    with psycopg.connect(database_url) as connection:
        names = ", ".join(f'"{table}"' for table in disturbed if not table.startswith("core_schema_"))
        connection.execute(f"TRUNCATE {names} CASCADE")
    again = spine("run", *arguments, "--force", "--json")
    assert again.returncode == 0, again.stderr
    undisturbed = contents(database_url)
    for rows in (disturbed, undisturbed):
        del rows["core_logs"]  # it tells of the worker that was lost
        rows["core_executions"] = [row.replace('"force": true, ', "") for row in rows["core_executions"]]
    assert disturbed == undisturbed
