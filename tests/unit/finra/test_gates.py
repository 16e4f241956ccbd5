"""Each gate of the weekly refresh alone, on contexts made by hand."""

from spine_temporal import QualityCheck, WorkflowContext
from spine_temporal.testing import fails, gate_cases, passes
from workflows.finra.otc_transparency import WEEKLY_REFRESH, validate_ingest, validate_normalize

INGEST = {"row_count": 1000, "error_count": 10}
NORMALIZE = {"null_rate": 0.05, "reject_rate": 0.01, "duplicate_conflict_keys": 10}


def ask(gate, step, output):
    context = WorkflowContext() if output is None else WorkflowContext(outputs={step: output})
    config = next(dict(planned.config) for planned in WEEKLY_REFRESH.steps if planned.name == gate.__name__)
    return gate(context, config)


def ingest(**changes):
    return {"ingest": INGEST | changes}


def normalize(**changes):
    return {"normalize": NORMALIZE | changes}


@gate_cases(
    WEEKLY_REFRESH,
    "validate_ingest",
    at_the_thresholds=passes(ingest(), output={"validated": True, "row_count": 1000}),
    a_row_too_few=fails(ingest(row_count=999), category="QUALITY_GATE", words="Too few records ingested: 999 < 1000"),
    few_rows=fails(ingest(row_count=12), category="QUALITY_GATE", words="Too few records ingested: 12 < 1000"),
    an_error_too_many=fails(ingest(error_count=11), category="DATA_QUALITY", words="Too many ingest errors: 11 > 10"),
    no_rows_told=fails(ingest(row_count=None), category="DATA_QUALITY", words="GATE_INPUT_MISSING"),
    errors_as_text=fails(ingest(error_count="3"), category="DATA_QUALITY", words="GATE_INPUT_MISSING"),
)
def test_validate_ingest():
    pass


@gate_cases(
    WEEKLY_REFRESH,
    "validate_normalize",
    at_the_thresholds=passes(normalize()),
    nulls=fails(normalize(null_rate=0.061), category="DATA_QUALITY", words="Null rate too high: 6.1%"),
    nearly=fails(normalize(null_rate=0.0501), category="DATA_QUALITY", words="Null rate too high: 5.0%"),
    rejects=fails(normalize(reject_rate=0.02), category="DATA_QUALITY", words="Reject rate too high: 2.0%"),
    conflicts=fails(
        normalize(duplicate_conflict_keys=11),
        category="DATA_QUALITY",
        words="Too many keys with different quantities: 11",
    ),
    no_rate=fails(normalize(null_rate=None), category="DATA_QUALITY", words="GATE_INPUT_MISSING"),
)
def test_validate_normalize():
    pass


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
