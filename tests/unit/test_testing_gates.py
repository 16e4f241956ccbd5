"""The kit's gate tables: a case that is not as it says fails with what the gate answered."""

import pytest

from spine_temporal import Step, StepResult, Workflow, WorkflowContext
from spine_temporal.testing import ask_gate, fails, gate_cases, gate_context, passes


def enough(ctx, config):
    rows = ctx.get_output("load", "row_count")
    if rows < config["least"]:
        return StepResult.fail(f"only {rows} rows", "QUALITY_GATE")
    return StepResult.ok(output={"rows": rows}, next_step="last" if ctx.get_param("quick") else None)


W = Workflow(
    name="w",
    steps=[
        Step.pipeline("load", "p"),
        Step.lambda_("check", enough, {"least": 3}),
        Step.choice("full", lambda ctx: ctx.params["full"], then_step="more"),
        Step.pipeline("more", "p"),
        Step.pipeline("last", "p"),
    ],
)


def rows(count):
    return {"load": {"row_count": count}}


@gate_cases(
    W,
    "check",
    enough=passes(rows(3), output={"rows": 3}),
    quick=passes(rows(3), {"quick": True}, next_step="last"),
    too_few=fails(rows(2), category="QUALITY_GATE", words="only 2"),
)
def test_a_gate_is_asked_with_the_config_of_its_workflow(verdict, request):
    assert verdict.step == "check"
    assert request.node.callspec.id in {"enough", "quick", "too few"}


@gate_cases(W, "full", yes=passes(params={"full": 1}, condition=True), no=passes(params={"full": 0}, condition=False))
def test_a_choice_is_asked():
    pass


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        (passes(rows(2)), "it failed with QUALITY_GATE: only 2 rows"),
        (fails(rows(3), category="QUALITY_GATE"), "it passed, and was to fail with QUALITY_GATE"),
        (
            fails(rows(2), category="DATA_QUALITY"),
            "it failed with QUALITY_GATE: only 2 rows\nand was to fail with DATA",
        ),
        (fails(rows(2), words="none"), "and was to say 'none'"),
        (passes(rows(3), output={"rows": 4}), "it gave {'rows': 3}, and was to give {'rows': 4}"),
        (passes(rows(3), next_step="last"), "it went to None, and was to go to 'last'"),
        (passes(), "test_testing_gates.py"),
    ],
)
def test_a_case_that_is_not_as_it_says_tells_what_the_gate_answered(case, problem):
    assert problem in case.problem(ask_gate(W, "check", gate_context(case.outputs, case.params)))


def test_a_failing_table_names_the_gate_and_what_it_saw():
    @gate_cases(W, "check", too_few=passes(rows(2)))
    def table():
        pass

    with pytest.raises(AssertionError, match=r"gate 'check' of 'w': it failed .*\noutputs: {'load': {'row_count': 2}}"):
        table(passes(rows(2)))


def test_a_gate_that_there_is_not_is_told_with_those_that_there_are():
    with pytest.raises(LookupError, match="workflow 'w' has no gate 'load': it has check, full"):
        ask_gate(W, "load", gate_context())
    with pytest.raises(LookupError, match="has no case"):
        gate_cases(W, "check")


def test_a_context_is_what_a_gate_sees():
    context = gate_context({"load": {"row_count": 1}}, {"tier": "OTC"}, partition={"tier": "OTC"})
    assert isinstance(context, WorkflowContext)
    assert (context.get_output("load", "row_count"), context.get_param("tier")) == (1, "OTC")
