"""What has changed between two versions, and what it means for runs in flight and for resumes."""

import json

import pytest

from spine_temporal import Step, StepResult, Workflow
from spine_temporal.checks import code_digests
from spine_temporal.drawing.consequences import consequences
from spine_temporal.drawing.plan_diff import ChangeKind, difference
from spine_temporal.drawing.terminal_diff import diff_json, diff_lines
from spine_temporal.drawing.version import Version
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.resumed_run import EndedRun
from spine_temporal.machine.step_outcome import Completed
from tests.unit.drawing.builders import text
from tests.unit.machine_builders import choice, gate, pipe


def check(ctx, config):
    """Pass."""
    return StepResult.ok()


def version(*steps, label="v", known=True, **options):
    workflow = Workflow(name="w", steps=list(steps), **options)
    if not known:
        return Version(label=label, plan=plan_of(workflow))
    return Version(
        label=label,
        plan=plan_of(workflow),
        code=code_digests(workflow),
        pipelines=("p",),
        workflows=("w",),
        settings={},
    )


def told(before, after, ended=None):
    found = difference(before, after)
    means = consequences(before, after, found, ended)
    return found, means, text(diff_lines(before, after, found, means))


OLD = (pipe("load"), gate("check", config={"min_rows": 1000}), pipe("publish"))


def test_the_same_is_the_same():
    found, _, words = told(version(*OLD), version(*OLD))
    assert found.is_empty
    assert words == "w: v -> v: the same"


def test_steps_that_were_added_removed_and_changed_are_named_with_their_fields():
    new = (pipe("load"), pipe("archive"), gate("check", config={"min_rows": 500}))
    found, _, words = told(version(*OLD), version(*new))
    assert [(change.kind.value, change.step) for change in found.steps] == [
        ("added", "archive"),
        ("changed", "check"),
        ("removed", "publish"),
    ]
    assert "+ archive  pipeline, behind load" in words
    assert "    config.min_rows: 1000 -> 500" in words
    assert "- publish  pipeline, behind check" in words


def test_a_step_that_stands_elsewhere_is_moved_and_the_others_are_not():
    found, _, words = told(version(pipe("a"), pipe("b"), pipe("c")), version(pipe("b"), pipe("c"), pipe("a")))
    assert [(change.kind, change.step) for change in found.steps] == [(ChangeKind.MOVED, "a")]
    assert "> a  pipeline, now behind c" in words


def test_a_choice_tells_its_targets_by_name_and_not_by_place():
    before = version(choice("which", "x", "y"), pipe("x"), pipe("y"), pipe("z"))
    found, _, words = told(before, version(pipe("first"), choice("which", "x", "y"), pipe("x"), pipe("y"), pipe("z")))
    assert [(change.kind.value, change.step) for change in found.steps] == [("added", "first")]
    found, _, words = told(before, version(choice("which", "x", "z"), pipe("x"), pipe("y"), pipe("z")))
    assert [(change.kind.value, change.step) for change in found.steps] == [("changed", "which")]
    assert '    else_step: "y" -> "z"' in words


def test_a_gate_that_is_gone_keeps_a_run_in_flight_waiting():
    _, means, _ = told(version(*OLD), version(pipe("load"), pipe("publish")))
    assert means.in_flight[0].startswith("A run in flight finishes on the plan that it began with")
    assert "`check` any more, which a run in flight still asks" in means.in_flight[1]


def test_a_pipeline_that_no_module_registers_keeps_a_run_in_flight_waiting():
    before = version(Step.pipeline("load", "gone"), pipe("publish"))
    _, means, _ = told(before, version(pipe("publish")))
    assert any("No module registers the pipeline `gone` any more" in sentence for sentence in means.in_flight)
    _, means, _ = told(before, version(pipe("publish"), known=False))
    assert not any("registers" in sentence for sentence in means.in_flight)


def test_what_was_completed_is_kept_where_name_kind_and_pipeline_are_the_same():
    before = version(pipe("load"), pipe("clean"), Step.pipeline("publish", "p"))
    after = version(pipe("load"), gate("clean"), Step.pipeline("publish", "other"), pipe("new"))
    _, means, _ = told(before, after)
    assert means.kept == ["load"]
    assert means.again == ["clean", "publish", "new"]


def test_a_changed_gate_is_kept_all_the_same_and_the_sentence_names_how_to_do_it_again():
    _, means, _ = told(version(*OLD), version(pipe("load"), gate("check", config={"min_rows": 5}), pipe("publish")))
    assert any(
        "`check` changed and is kept all the same" in line and "--start-from check" in line for line in means.resumes
    )


def test_of_a_run_that_has_ended_what_it_completed_decides():
    before = version(*OLD, known=False)
    done = {"load": Completed(step="load")}
    ended = EndedRun(run_id="r1", status="FAILED", params={}, partition={}, plan=before.plan, outcomes=done)
    _, means, _ = told(before, version(pipe("load"), pipe("extra"), gate("check"), pipe("publish")), ended)
    assert means.kept == ["load"]
    assert "Of run r1, it keeps `load`." in means.resumes


def test_an_edited_gate_is_told_and_a_comment_is_not():
    namespace = {}
    edited = Step.lambda_("check", check)
    exec("def check(ctx, config):\n    return StepResult.fail('no')\n", {"StepResult": StepResult}, namespace)
    found, means, words = told(version(Step.lambda_("check", namespace["check"])), version(edited))
    assert "handler: its code is edited" in words
    assert any("The code of `check` is edited" in sentence for sentence in means.in_flight)
    assert difference(version(edited), version(Step.lambda_("check", check))).is_empty
    assert difference(version(edited), version(Step.lambda_("check", namespace["check"]), known=False)).is_empty
    assert not found.is_empty


def test_other_partitions_are_told():
    before, after = version(*OLD), version(*OLD)
    before = before.model_copy(update={"settings": {"partition_by": ["day"]}})
    after = after.model_copy(update={"settings": {"partition_by": ["day", "tier"]}})
    _, means, words = told(before, after)
    assert '~ partition_by: ["day"] -> ["day", "tier"]' in words
    assert any("Partitions are made of other params" in sentence for sentence in means.in_flight)


def test_json_says_the_same_and_hides_secrets():
    before = version(gate("check", config={"token": "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB"}))
    after = version(gate("check", config={"token": "ghp_x123456789abcdefghijklmnopqrstuvwxyzAB"}))
    found, means, words = told(before, after)
    printed = json.dumps(diff_json(before, after, found, means))
    assert "ghp_" not in printed + words
    [step] = json.loads(printed)["steps"]
    assert (step["change"], step["step"], step["fields"][0]["field"]) == ("changed", "check", "config.token")


@pytest.mark.parametrize("width", [60, 80])
def test_lines_fit_the_terminal(width):
    found = difference(version(*OLD), version(pipe("other")))
    lines = diff_lines(
        version(*OLD),
        version(pipe("other")),
        found,
        consequences(version(*OLD), version(pipe("other")), found),
        width=width,
    )
    assert max(len(line) for line in text(lines).split("\n")) <= width
