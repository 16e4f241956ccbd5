"""What is found in small workflows, good and bad: each finding at its line, and nothing else."""

import pytest

from spine_temporal.checks.codes import FindingSeverity
from spine_temporal.checks.linter import check
from spine_temporal.definition.errors import DefinitionError
from spine_temporal.runtime import definitions
from tests.unit.checks.cases import CORPUS, checked, expected, found, loaded, names

pytestmark = pytest.mark.usefixtures("shop")


@pytest.mark.parametrize("name", names())
def test_exactly_what_is_expected_is_found(name):
    assert found(checked(CORPUS / f"{name}.py")) == expected(name)


def is_refused_by_a_worker(modules):
    workflows = {each.workflow.name: (each.workflow, None) for each in modules.workflows}
    try:
        definitions.checked(definitions.Definitions(workflows=workflows, pipelines=modules.pipelines))
    except DefinitionError:
        return True
    return False


def test_what_a_worker_refuses_is_an_error():
    refused = set()
    for name in names():
        with loaded(CORPUS / f"{name}.py") as modules:
            if is_refused_by_a_worker(modules):
                refused.add(name)
                assert check(modules).count(FindingSeverity.ERROR), name
    assert len(refused) == 26


ELSEWHERE = """from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


W = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("check", check),
        Step.pipeline("train", "shop.trained_elsewhere", task_queue="gpu"),
    ],
)
"""


def test_a_pipeline_of_another_task_queue_need_not_be_registered_here(tmp_path):
    (tmp_path / "elsewhere.py").write_text(ELSEWHERE)
    assert not checked(tmp_path / "elsewhere.py").findings


WITHOUT_SOURCE = """from spine_temporal import Step, StepResult, Workflow

exec("import time\\ndef check(ctx, config):\\n    return StepResult.ok(output={'at': time.time()})")
W = Workflow(name="shop.daily", steps=[Step.pipeline("a", "shop.aggregate"), Step.lambda_("check", check)])
"""


def test_a_gate_without_source_is_judged_by_what_a_worker_sees(tmp_path):
    (tmp_path / "sourceless.py").write_text(WITHOUT_SOURCE)
    [finding] = checked(tmp_path / "sourceless.py").findings
    assert (finding.code, finding.place.file, finding.place.line) == ("SPN101", "<string>", 3)
