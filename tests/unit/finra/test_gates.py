"""Each gate of the weekly refresh alone, on contexts made by hand."""

import pytest

from spine_temporal import QualityCheck, WorkflowContext
from workflows.finra.otc_transparency import WEEKLY_REFRESH, validate_ingest, validate_normalize

INGEST = {"row_count": 1000, "error_count": 10}
NORMALIZE = {"null_rate": 0.05, "reject_rate": 0.01, "duplicate_conflict_keys": 10}


def ask(gate, step, output):
    context = WorkflowContext() if output is None else WorkflowContext(outputs={step: output})
    config = next(dict(planned.config) for planned in WEEKLY_REFRESH.steps if planned.name == gate.__name__)
    return gate(context, config)


def test_numbers_at_the_thresholds_pass():
    assert ask(validate_ingest, "ingest", INGEST).output == {"validated": True, "row_count": 1000}
    assert ask(validate_normalize, "normalize", NORMALIZE).success


@pytest.mark.parametrize(
    ("changes", "category", "words"),
    [
        ({"row_count": 999}, "QUALITY_GATE", "Too few records ingested: 999 < 1000"),
        ({"row_count": 12}, "QUALITY_GATE", "Too few records ingested: 12 < 1000"),
        ({"error_count": 11}, "DATA_QUALITY", "Too many ingest errors: 11 > 10"),
        ({"row_count": None}, "DATA_QUALITY", "GATE_INPUT_MISSING"),
        ({"error_count": "3"}, "DATA_QUALITY", "GATE_INPUT_MISSING"),
    ],
)
def test_ingest_fails_beyond_them(changes, category, words):
    answer = ask(validate_ingest, "ingest", INGEST | changes)
    assert (answer.success, answer.category) == (False, category)
    assert words in answer.error


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"null_rate": 0.061}, "Null rate too high: 6.1%"),
        ({"null_rate": 0.0501}, "Null rate too high: 5.0%"),
        ({"reject_rate": 0.02}, "Reject rate too high: 2.0%"),
        ({"duplicate_conflict_keys": 11}, "Too many keys with different quantities: 11"),
        ({"null_rate": None}, "GATE_INPUT_MISSING"),
    ],
)
def test_normalize_fails_beyond_them(changes, words):
    answer = ask(validate_normalize, "normalize", NORMALIZE | changes)
    assert (answer.success, answer.category) == (False, "DATA_QUALITY")
    assert words in answer.error


def test_a_step_that_gave_nothing_is_not_taken_for_zero():
    assert "GATE_INPUT_MISSING" in ask(validate_ingest, "ingest", None).error
    assert "GATE_INPUT_MISSING" in ask(validate_normalize, "normalize", None).error


def test_a_gate_records_each_check_with_its_threshold():
    answer = ask(validate_ingest, "ingest", INGEST | {"error_count": 11})
    assert answer.quality.passed is False
    assert list(answer.quality.checks) == [
        QualityCheck(name="row_count", value=1000, threshold=1000, passed=True),
        QualityCheck(name="error_count", value=11, threshold=10, passed=False),
    ]
    passed = ask(validate_normalize, "normalize", NORMALIZE).quality
    assert [check.name for check in passed.checks] == list(NORMALIZE)
    assert passed.passed is True


def test_the_workflow_has_the_seeds_five_steps():
    assert [step.name for step in WEEKLY_REFRESH.steps] == [
        "ingest",
        "validate_ingest",
        "normalize",
        "validate_normalize",
        "aggregate",
    ]
    assert [step.pipeline for step in WEEKLY_REFRESH.steps if hasattr(step, "pipeline")] == [
        "finra.otc_transparency.ingest_week",
        "finra.otc_transparency.normalize_week",
        "finra.otc_transparency.aggregate_week",
    ]
