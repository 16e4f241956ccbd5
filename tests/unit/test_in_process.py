"""A run in process tries its pipelines, and reads their failures, as one on Temporal does."""

import psycopg
import pytest

from spine_temporal import ErrorCategory, RetryPolicy, SpineError, Step, Workflow
from spine_temporal.definition.json_values import to_json
from spine_temporal.testing.in_process import MissingStubError, run_in_process


class Failing:
    """Raises ``error`` at its first ``times`` calls."""

    def __init__(self, error, times=99):
        self.error, self.times, self.calls = error, times, 0

    def __call__(self, params):
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return {"row_count": self.calls}


def run(work, **options):
    workflow = Workflow(name="w", steps=[Step.pipeline("load", "p", **options)])
    return run_in_process(workflow, {}, {"p": work})


@pytest.mark.parametrize(
    ("on_error", "category", "calls"),
    [
        ("STOP", "TRANSIENT", 3),
        ("STOP", "INTERNAL", 3),
        ("STOP", "DATA_QUALITY", 1),
        ("CONTINUE", "TIMEOUT", 3),
        ("CONTINUE", "QUALITY_GATE", 1),
        ("RETRY", "DATA_QUALITY", 3),
        ("RETRY", "PARTITION_BUSY", 3),
        ("RETRY", "CONFIGURATION", 1),
    ],
)
def test_a_pipeline_is_called_as_often_as_its_policy_and_its_failure_say(on_error, category, calls):
    work = Failing(SpineError("bad", ErrorCategory(category)))
    result = run(work, on_error=on_error)
    assert (work.calls, result.step_executions[0].attempt) == (calls, calls)
    assert (result.step_executions[0].error, result.step_executions[0].error_category) == ("bad", category)
    assert result.status == ("PARTIAL" if on_error == "CONTINUE" else "FAILED")


def test_a_pipeline_that_passes_at_a_later_attempt_completes_its_step():
    work = Failing(SpineError("bad", ErrorCategory.DATA_QUALITY), times=2)
    result = run(work, on_error="RETRY", retry=RetryPolicy(max_attempts=3))
    assert (result.status, result.outputs["load"], result.step_executions[0].attempt) == (
        "COMPLETED",
        {"row_count": 3},
        3,
    )


def test_a_value_that_the_pipelines_own_code_cannot_make_json_is_a_fault_in_code():
    result = run(lambda params: to_json({1}, "what it made"))
    assert (result.error_category, result.step_executions[0].attempt) == ("INTERNAL", 3)


def test_an_error_of_the_driver_has_the_category_of_its_sqlstate():
    work = Failing(psycopg.errors.UniqueViolation("duplicate key"))
    assert (run(work).error_category, work.calls) == ("DATA_QUALITY", 1)


def test_an_item_of_a_map_is_named_in_what_is_wrong_with_its_output():
    item = Workflow(name="item", steps=[Step.pipeline("work", "p")])
    result = run_in_process(Workflow(name="w", steps=[Step.map("each", [1, 2], item)]), {}, {"p": {"rows": {1}}})
    assert "output of step 'each[0]'['rows'] is a set" in result.error


def test_a_pipeline_that_nobody_gives_is_named_with_the_step_that_wants_it():
    with pytest.raises(MissingStubError, match=r"step 'load' wants the pipeline 'p'.*given are q"):
        run_in_process(Workflow(name="w", steps=[Step.pipeline("load", "p")]), pipelines={"q": {}})
