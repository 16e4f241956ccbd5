"""A result passes through Temporal whatever its steps gave: what is too large is left in the ledger and named."""

from datetime import UTC, datetime

import pytest

from spine_temporal.definition.context import WorkflowContext
from spine_temporal.definition.json_values import json_size
from spine_temporal.definition.run_result import WorkflowResult, WorkflowStatus
from spine_temporal.definition.step import Step
from spine_temporal.definition.step_result import StepResult
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.evaluate import evaluate
from spine_temporal.machine.planning import plan_of
from spine_temporal.translation.requests import MAX_RESULT_BYTES, carried


def _result(outputs):
    now = datetime.now(UTC)
    return WorkflowResult(
        workflow_name="w", run_id="r", status=WorkflowStatus.COMPLETED, started_at=now, outputs=outputs
    )


def test_a_small_result_is_carried_as_it_is():
    result = _result({"one": {"row_count": 1}})
    assert carried(result) is result


def test_of_a_large_result_the_large_outputs_are_left_out_by_name():
    outputs = carried(_result({"small": {"row_count": 1}, "large": {"blob": "x" * MAX_RESULT_BYTES}})).outputs
    assert outputs["small"] == {"row_count": 1}
    assert outputs["large"] == {"omitted": f"{MAX_RESULT_BYTES + 11:,} bytes: see core_executions"}


def test_many_small_outputs_are_left_out_as_well():
    outputs = carried(_result({f"step{number}": {"text": "x" * 3000} for number in range(100)})).outputs
    assert json_size(dict(outputs)) < MAX_RESULT_BYTES
    assert outputs["step0"] == {"omitted": "3,011 bytes: see core_executions"}


@pytest.mark.parametrize("name", ["\ud800", "a\x00b"])
def test_a_route_that_is_no_text_fails_its_gate(name):
    workflow = Workflow(name="w", steps=[Step.lambda_("gate", lambda ctx, config: StepResult.ok(next_step=name))])
    outcome = evaluate(workflow, plan_of(workflow).steps[0], WorkflowContext())
    assert (outcome.category, "next_step of step 'gate'" in outcome.error) == ("CONFIGURATION", True)
