"""What an operator types after a failure: why, anomalies, acknowledge, resume, resolve."""

import json
from uuid import uuid4

import pytest

MODULES = "activities,workflows,tests.temporal.resumable"


@pytest.fixture
def typed(spine, start_worker):
    """Run a command with the modules of the resumable workflows, and a worker that has them."""
    start_worker(SPINE_MODULES=MODULES)
    return lambda *arguments: spine(*arguments, SPINE_MODULES=MODULES)


def test_a_failed_run_is_understood_mended_and_resumed(typed, tmp_path):
    params = json.dumps({"week": uuid4().hex, "folder": str(tmp_path)})
    failed = typed("run", "resumable.sourced", "--params", params, "--json")
    assert failed.returncode == 1
    run_id = json.loads(failed.stdout)["run_id"]
    identity = next(line.strip() for line in failed.stderr.splitlines() if line.startswith("resumable.sourced/week="))

    why = typed("why", identity)
    assert why.returncode == 0
    assert "at step 'normalize': NO_SOURCE: no source" in why.stdout
    assert f"spine-temporal resume {identity}`" in why.stdout

    [anomaly] = [row for row in json.loads(typed("anomalies", "--json").stdout) if row["severity"] == "ERROR"]
    assert (anomaly["state"], anomaly["occurrences"]) == ("open", 1)
    acknowledged = typed("acknowledge", anomaly["anomaly_id"][:8], "--by", "ann")
    assert acknowledged.stdout == f"acknowledged {anomaly['anomaly_id']}\n"

    for wrong, message in (
        (("--start-from", "nowhere"), "start_from 'nowhere' is no step"),
        (("--skip", "normalize"), "--skip normalize needs --reason TEXT"),
        (("--set", "rows"), "--set 'rows' must be key=value"),
        (("--set", "week=other"), "another partition"),
    ):
        refused = typed("resume", identity, *wrong)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert message in refused.stderr
        assert "Traceback" not in refused.stderr

    (tmp_path / "source").touch()
    resumed = typed("resume", identity, "--by", "ann", "--set", "rows=900", "--json")
    assert resumed.returncode == 0, resumed.stderr
    result = json.loads(resumed.stdout)
    assert result["completed_steps"] == ["ingest", "check", "normalize", "last"]
    assert result["outputs"]["normalize"] == {"row_count": 899}
    assert "kept" in resumed.stderr
    assert (tmp_path / "ran").read_text() == "ingest normalize normalize "

    assert [row for row in json.loads(typed("anomalies", "--json").stdout) if row["severity"] == "ERROR"] == []
    [told] = [row for row in json.loads(typed("anomalies", "--all", "--json").stdout) if row["severity"] == "ERROR"]
    assert (told["state"], told["acknowledged_by"], told["resolved_by"]) == ("resolved", "ann", result["run_id"])
    assert told["metadata"]["run_id"] == run_id
    again = typed("resolve", told["anomaly_id"], "--reason", "too late")
    assert again.returncode == 2
    assert "is resolved already" in again.stderr
    assert typed("resume", identity).returncode == 2
    assert "payloads deleted, 0 lines of logs" in typed("db", "prune", "--days", "30").stdout
