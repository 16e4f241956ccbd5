"""What a pipeline's answer means for its step, on Temporal and in process."""

from datetime import date
from decimal import Decimal

import pytest

from spine_temporal import ErrorCategory, PipelineResult, PipelineStatus, QualityCheck, QualityMetrics, SpineError
from spine_temporal.definition.json_values import MAX_OUTPUT_BYTES
from spine_temporal.machine.pipeline_answer import answer_of, failed_step

GOOD = QualityMetrics.of(QualityCheck.at_least("rows", 5, 1))


def answered(given):
    return answer_of(given, step="load", pipeline="files.load")


@pytest.mark.parametrize(
    ("given", "output"),
    [
        (None, {}),
        ({}, {}),
        ({"row_count": 7}, {"row_count": 7}),
        ({"day": date(2025, 11, 28), "rate": Decimal("0.5")}, {"day": "2025-11-28", "rate": "0.5"}),
        (PipelineResult(), {}),
        (PipelineResult.ok(row_count=7), {"row_count": 7}),
    ],
)
def test_metrics_are_the_output_as_json(given, output):
    answer = answered(given)
    assert (answer.failure, answer.output) == (None, output)


@pytest.mark.parametrize(
    ("given", "category", "words"),
    [
        ("rows", "CONFIGURATION", "pipeline 'files.load' returned a str: return a PipelineResult or a dict"),
        ([("a", 1)], "CONFIGURATION", "pipeline 'files.load' returned a list"),
        ({"rows": {1}}, "CONFIGURATION", "output of step 'load'['rows'] is a set, which is not JSON"),
        ({1: "one"}, "CONFIGURATION", "output of step 'load' has a key that is a int: keys must be strings"),
        ({"x": "x" * MAX_OUTPUT_BYTES}, "CONFIGURATION", "over the limit of 16,777,216"),
        (PipelineResult.fail("no file", ErrorCategory.DEPENDENCY), "DEPENDENCY", "no file"),
        (PipelineResult.fail("no file"), "INTERNAL", "no file"),
        (PipelineResult(status=PipelineStatus.FAILED), "INTERNAL", "pipeline 'files.load' failed"),
        (PipelineResult(status="FAILED"), "INTERNAL", "pipeline 'files.load' failed"),
        (
            PipelineResult(status=PipelineStatus.RUNNING),
            "CONFIGURATION",
            "pipeline 'files.load' returned the status RUNNING: return COMPLETED or FAILED",
        ),
        (PipelineResult(metrics=7), "INTERNAL", "TypeError: 'int' object is not iterable"),
        (PipelineResult(quality="good"), "CONFIGURATION", "quality of step 'load' must be QualityMetrics, not str"),
    ],
    ids=str,
)
def test_any_other_answer_fails_the_step(given, category, words):
    failure = answered(given).failure
    assert failure.category == category
    assert str(failure).find(words) >= 0


def test_an_output_may_be_as_large_as_the_limit():
    frame = len('{"x":""}')
    assert answered({"x": "x" * (MAX_OUTPUT_BYTES - frame)}).failure is None
    assert answered({"x": "x" * (MAX_OUTPUT_BYTES - frame + 1)}).failure is not None


@pytest.mark.parametrize(
    "given",
    [
        PipelineResult(metrics={"row_count": 5}, quality=GOOD),
        PipelineResult(status=PipelineStatus.FAILED, quality=GOOD),
        PipelineResult(metrics={"rows": {1}}, quality=GOOD),
        PipelineResult(metrics=7, quality=GOOD),
    ],
)
def test_what_a_pipeline_has_measured_is_kept_also_where_it_failed(given):
    assert answered(given).quality["checks"] == [{"name": "rows", "value": 5, "threshold": 1, "passed": True}]


def test_a_failure_reads_as_its_error_does_with_secrets_masked_and_no_nul():
    error = SpineError("password=hunter2 in\x00 it", ErrorCategory.DATA_QUALITY, code="BAD", advice="mend it")
    failed = failed_step("load", error, attempt=2)
    assert (failed.step, failed.category, failed.attempt, failed.output) == ("load", "DATA_QUALITY", 2, {})
    assert failed.error.startswith("BAD: password=")
    assert failed.error.endswith(": mend it")
    assert "hunter2" not in failed.error
    assert "\x00" not in failed.error
