"""The kit's runs on real servers: stubs, skipped time, and what is asserted of the rows."""

import pytest

from spine_temporal.testing import (
    assert_anomalies,
    assert_completed,
    assert_failed,
    assert_manifest,
    assert_outputs,
    assert_quality,
)
from tests.temporal import kit


def test_a_run_takes_no_time_and_its_rows_are_asserted(run_durably):
    run = run_durably(kit.SLOW, {"day": 1}, {"kit.load": lambda params: {"row_count": 3, "day": params["day"]}})
    assert_completed(run, "load", "night", "check", "flaky")
    assert_outputs(run, {"load": {"day": 1}, "flaky": {"attempt": 3}})
    assert_manifest(run, {"STARTED": None, "LOADED": 3, "STEP_NIGHT": None, "STEP_CHECK": None, "STEP_FLAKY": None,
                          "COMPLETED": None})  # fmt: skip
    assert_manifest(run, ["STARTED", "LOADED", "STEP_NIGHT", "STEP_CHECK", "STEP_FLAKY", "COMPLETED"])
    assert_anomalies(run)
    assert_quality(run, {"check.rows": True})
    assert [(row["step"], row["status"], row["attempt"]) for row in run.ledger] == [
        ("load", "COMPLETED", 1),
        ("flaky", "COMPLETED", 3),
    ]
    with pytest.raises(AssertionError, match=r"the manifest was to have STARTED, and has:\n  STARTED  -\n  LOADED  3"):
        assert_manifest(run, ["STARTED"])
    with pytest.raises(AssertionError, match=r"check\.rows was not to pass:\n  check\.rows  3\.0 against 2\.0: True"):
        assert_quality(run, {"check.rows": False})
    with pytest.raises(AssertionError, match=r"check\.nulls was to be measured"):
        assert_quality(run, {"check.nulls": True})


async def test_a_run_fails_with_its_anomaly_also_where_the_test_stands_in_a_loop(run_durably):
    run = run_durably(kit.SLOW, {"day": 2}, {"kit.load": {"row_count": 1}})
    assert_failed(run, "check", "QUALITY_GATE", "too few rows: 1")
    assert_anomalies(run, [("workflow.check", "too few rows: 1")])
    assert_manifest(run, ["STARTED", "LOADED", "STEP_NIGHT", "FAILED"])
    with pytest.raises(AssertionError, match=r"no anomaly of stage 'workflow\.check'.*\n  ERROR WORKFLOW_FAILURE"):
        assert_anomalies(run)
    with pytest.raises(AssertionError, match=r"an anomaly of stage 'workflow\.load' with the words 'x'"):
        assert_anomalies(run, [("workflow.check", "too few"), ("workflow.load", "x")])
