"""What an operator types to see where in the code a run has failed."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

MODULES = "activities,workflows,tests.temporal.failing"


@pytest.mark.timeout(180)
def test_why_prints_the_users_frames_of_gates_and_pipelines_and_the_workers_log_has_the_same(
    spine, start_worker, tmp_path
):
    start_worker(SPINE_MODULES=MODULES)
    told = {}
    for workflow, does, where in (
        ("failing.pipeline", "parse", "in parsed"),
        ("failing.gate", "", "in reads"),
    ):
        params = json.dumps({"test": uuid4().hex, "does": does})
        failed = spine("run", workflow, "--params", params, "--json", SPINE_MODULES=MODULES)
        assert failed.returncode == 1
        identity = next(line.strip() for line in failed.stderr.splitlines() if line.startswith(f"{workflow}/"))
        why = spine("why", identity, "--traceback", SPINE_MODULES=MODULES)
        assert (why.returncode, why.stderr) == (0, "")
        told[workflow] = why.stdout
        assert why.stdout.startswith("ended: it has ended as FAILED")
        assert "\nTraceback (most recent call last):\n" in why.stdout
        assert where in why.stdout
        assert "site-packages" not in why.stdout
        [failure] = json.loads(spine("why", identity, "--traceback", "--json", SPINE_MODULES=MODULES).stdout)[
            "failures"
        ]
        assert failure["traceback"] in why.stdout
        assert "Traceback" not in spine("why", identity).stdout
        log = Path(tmp_path / "worker0.log").read_text()
        assert failure["traceback"] in log
        assert f"workflow {workflow}, run {json.loads(failed.stdout)['run_id']}, step {failure['step']}" in log
    assert "work, attempt 2: json.decoder.JSONDecodeError" in told["failing.pipeline"]
    assert "Completing activity as failed" not in log
    assert "site-packages" not in log
