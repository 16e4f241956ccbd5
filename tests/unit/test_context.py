"""What a gate sees, and that it cannot change it."""

import pytest
from pydantic import BaseModel

from spine_temporal import SpineError, Step, StepResult, Workflow, WorkflowContext
from spine_temporal.testing.in_process import run_in_process

CONTEXT = WorkflowContext(params={"tier": "OTC"}, outputs={"ingest": {"row_count": 5, "names": ["a"]}})


def test_outputs_are_read_whole_or_by_key_with_a_default():
    assert CONTEXT.get_output("ingest", "row_count") == 5
    assert CONTEXT.get_output("ingest", "missing", 0) == 0
    assert CONTEXT.get_output("ingest").get("row_count", 0) == 5
    assert CONTEXT.get_output("later") is None
    assert CONTEXT.get_output("later", "row_count", 7) == 7
    assert CONTEXT.has_output("ingest", "row_count")
    assert not CONTEXT.has_output("ingest", "missing")


def test_modules_of_the_older_implementation_find_the_metrics_under_pipeline_result():
    assert CONTEXT.get_output("ingest")["pipeline_result"]["row_count"] == 5
    assert CONTEXT.get_output("ingest").get("pipeline_result", {}).get("row_count") == 5
    assert CONTEXT.get_output("ingest", "pipeline_result")["row_count"] == 5
    assert CONTEXT.get_output("ingest", "pipeline_result")["metrics"]["row_count"] == 5
    assert CONTEXT.get_output("ingest", "pipeline_result").get("metrics", {}).get("row_count") == 5
    assert CONTEXT.get_output("ingest", "pipeline_result").get("status") == "completed"
    assert CONTEXT.get_output("ingest", "metrics") is None


def test_changing_what_was_given_changes_nothing():
    CONTEXT.get_output("ingest")["names"].append("b")
    assert CONTEXT.get_output("ingest", "names") == ["a"]
    assert CONTEXT.with_output("x", {"n": 1}).get_output("x", "n") == 1
    assert not CONTEXT.has_output("x")
    assert CONTEXT.with_params(tier="T1").get_param("tier") == "T1"
    assert CONTEXT.get_param("tier") == "OTC"


def test_a_workflow_runs_in_process_on_given_metrics():
    def gate(ctx, config):
        rows = ctx.get_output("ingest", "row_count")
        return StepResult.ok() if rows > 3 else StepResult.fail(f"only {rows}")

    workflow = Workflow(name="w", steps=[Step.pipeline("ingest", "p"), Step.lambda_("check", gate)])
    assert run_in_process(workflow, {}, {"p": {"row_count": 5}}).completed_steps == ["ingest", "check"]
    failed = run_in_process(workflow, {}, {"p": lambda params: {"row_count": 2}})
    assert (failed.error_step, failed.error, failed.error_category) == ("check", "only 2", "QUALITY_GATE")


class Ingested(BaseModel):
    row_count: int


def test_params_and_outputs_have_types_where_a_model_is_given():
    context = WorkflowContext(params={"row_count": 3}, outputs={"ingest": {"row_count": "many"}})
    assert context.params_as(Ingested).row_count == 3
    assert context.with_output("ingest", {"row_count": 5}).output_as("ingest", Ingested).row_count == 5
    with pytest.raises(SpineError, match="output 'row_count' of step 'ingest' is no Ingested: Input should be a valid"):
        context.output_as("ingest", Ingested)
