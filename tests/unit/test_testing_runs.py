"""The kit's runs without a server: what stands for a pipeline, and how an assertion fails."""

from datetime import UTC, datetime

import pytest

from spine_temporal import Pipeline, Step, StepResult, Workflow
from spine_temporal.definition.policies import RetryPolicy
from spine_temporal.machine.planning import plan_of
from spine_temporal.testing import (
    PipelineTestServices,
    assert_completed,
    assert_failed,
    assert_outputs,
    assert_pinned,
    replay_all,
)
from spine_temporal.testing.skipped_time import without_waits
from tests.temporal import jobs
from tests.temporal.test_replay import HISTORIES


class Load(Pipeline):
    """Gives what its services say."""

    name = "kit.load"

    def run(self):
        self.heartbeat()
        return {"row_count": self.params["rows"]}


def check(ctx, config):
    if ctx.get_output("load", "row_count") < 3:
        return StepResult.fail("too few", "QUALITY_GATE")
    return StepResult.ok()


W = Workflow(name="kit", steps=[Step.pipeline("load", "kit.load"), Step.lambda_("check", check)])


def test_a_pipeline_is_stood_for_by_metrics_a_function_or_itself(run_workflow):
    services = PipelineTestServices(connection=None)
    assert_completed(run_workflow(W, {}, {"kit.load": {"row_count": 3}}), "load", "check")
    assert_completed(run_workflow(W, {"rows": 4}, {"kit.load": lambda params: {"row_count": params["rows"]}}))
    assert_outputs(run_workflow(W, {"rows": 5}, [Load], services=services), {"load": {"row_count": 5}})
    assert services.heartbeats == 1
    with pytest.raises(TypeError, match=r"Load stands for the pipeline 'kit\.load' and needs services"):
        run_workflow(W, {"rows": 5}, [Load])


def test_an_assertion_that_fails_shows_each_step(run_workflow):
    failed = run_workflow(W, {}, {"kit.load": {"row_count": 1}})
    assert_failed(failed, "check", "QUALITY_GATE", "too few")
    shown = r"load  COMPLETED\n  check  FAILED  QUALITY_GATE: too few"
    for wrong, sentence in (
        (lambda: assert_completed(failed), "'kit' was to complete, and is FAILED"),
        (lambda: assert_failed(failed, "load"), "'kit' was to fail at 'load', and is FAILED"),
        (lambda: assert_failed(failed, "check", "INTERNAL"), "with INTERNAL, and failed with QUALITY_GATE"),
        (lambda: assert_failed(failed, "check", words="many"), "and say 'many'"),
        (lambda: assert_outputs(failed, {"check": {"ok": 1}}), "step 'check' was to give {'ok': 1}, and gave nothing"),
    ):
        with pytest.raises(AssertionError, match=f"{sentence}:\n  {shown}"):
            wrong()
    with pytest.raises(AssertionError, match=r"row_count: 1, and not 2\n  all of it: {'row_count': 1}"):
        assert_outputs(failed, {"load": {"row_count": 2}})
    with pytest.raises(AssertionError, match="was to complete the steps check"):
        assert_completed(run_workflow(W, {}, {"kit.load": {"row_count": 3}}), "check")


def test_skipped_time_leaves_no_wait_and_every_step():
    tomorrow = datetime(2099, 1, 1, tzinfo=UTC)
    item = Workflow(name="item", steps=[Step.pipeline("load", "p", retry=RetryPolicy(initial_interval=9))])
    slow = Workflow(
        name="slow",
        steps=[
            Step.wait("night", until=tomorrow),
            Step.parallel("both", [Step.wait("hour", 3600), Step.pipeline("load", "p")]),
            Step.map("each", [1, 2], item),
            Step.lambda_("held", check, on_error="HOLD", deadline=86400),
        ],
    )
    quick = without_waits(plan_of(slow))
    night, both, each, held = quick.steps
    assert night.left(datetime.now(UTC)) == both.steps[0].left(datetime.now(UTC)) == 0
    assert max(both.steps[1].retry.initial_interval, each.pipeline.retry.initial_interval, held.deadline) < 0.1
    assert [step.name for step in quick.steps] == [step.name for step in slow.steps]


def test_histories_are_replayed_in_a_test(monkeypatch):
    golden = HISTORIES / "completed.json"
    assert replay_all(golden, [jobs.GATED]) == 1
    with pytest.raises(AssertionError, match=r"1 of 1 histories do not replay:\n.*no workflow 'jobs\.gated'"):
        replay_all([golden], [jobs.ROUTED])


def test_a_pin_is_asserted_in_a_test(tmp_path):
    with pytest.raises(AssertionError, match=r"workflow 'kit' is not as it was pinned:\n  NONE: it is not pinned"):
        assert_pinned(W, tmp_path)
