"""A worker that dies anywhere in a stretch leaves every row once, and the run ends as if nothing had happened."""

import pytest

from spine_temporal.testing.crash_points import CrashPoint
from tests.processes.crash_jobs import AHEAD, BEHIND
from tests.processes.test_crash_points import _contents

#: Between two steps of the stretch, in its last one, and between the last commit and the answer.
POINTS = [
    (CrashPoint.AFTER_COMMIT, "second"),
    (CrashPoint.AFTER_WRITES, "third"),
    (CrashPoint.AFTER_ANSWER, "third"),
    (CrashPoint.AFTER_END, None),
]


@pytest.fixture(scope="session")
def spine_modules(spine_modules):
    """Let each worker know the steps to be brief."""
    return [*spine_modules, "tests.processes.known_brief"]


@pytest.mark.parametrize("workflow", [AHEAD, BEHIND], ids=["with the beginning", "behind a choice"])
@pytest.mark.parametrize(("point", "step"), POINTS)
def test_a_worker_that_dies_there_loses_nothing(crash_at, spine_database, workflow, point, step):
    run = crash_at(point, workflow, {"test": f"{point} {step}", "fails": False}, step=step)
    assert run.result.status == "COMPLETED"
    steps = ["first", "second", "third"]
    ways = ["STEP_WAY"] if workflow is BEHIND else []
    assert _contents(spine_database.url) == {
        "rows": [(step, 3) for step in steps],
        "ledger": [(step, "COMPLETED", 1) for step in steps],
        "manifest": [
            (stage,)
            for stage in ("STARTED", *ways, "STEP_FIRST", "STEP_GATE", "STEP_SECOND", "STEP_THIRD", "COMPLETED")
        ],
        "anomalies": [],
        "outbox": [],
        "claims": [],
        "runs": [("COMPLETED",)],
        "waiting": [],
    }
    with spine_database.begin() as connection:
        recorded = connection.exec_driver_sql("SELECT result FROM core_runs").scalar()
    assert run.result.model_dump(mode="json") == recorded
