"""What a run that goes on keeps of the one that has ended, and which corrections it takes."""

from dataclasses import replace

import pytest
from pydantic import BaseModel

from spine_temporal import ParamsError, Step, Workflow
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.resumed_run import EndedRun, resumed
from spine_temporal.machine.step_outcome import Skipped
from tests.unit.machine_builders import choice, gate, outcome, pipe


class Params(BaseModel):
    day: str
    rows: int = 3


STEPS = [
    pipe("load"),
    gate("check", config={"least": 5, "most": 9}),
    Step.parallel("both", [pipe("a"), gate("b")]),
    choice("new", "full", "delta"),
    pipe("full"),
    pipe("delta"),
    pipe("publish"),
]
DONE = {
    "load": outcome("load", output={"rows": 3}),
    "check": outcome("check", kept_from="r0"),
    "a": outcome("a"),
    "b": outcome("b"),
    "new": outcome("new", output={"condition": True}),
    "full": outcome("full"),
}


def job(steps=STEPS, **options):
    return Workflow(name="job", steps=steps, **{"params_model": Params, "partition_by": ["day"], **options})


def ended(*done, workflow=None, status="FAILED", **fields):
    return EndedRun(
        run_id="r1",
        status=status,
        params={"day": "1", "rows": 3},
        partition={"day": "1"},
        plan=plan_of(workflow or job()),
        outcomes={name: DONE[name] for name in done},
        **fields,
    )


def resume(before, workflow=None, **options):
    return resumed(workflow or job(), before, ResumeOptions(run_id="r1", **options))


def refusal(before, workflow=None, **options):
    with pytest.raises(ParamsError) as error:
        resume(before, workflow, **options)
    return str(error.value)


@pytest.mark.parametrize(
    ("done", "start_from", "kept"),
    [
        ([], None, []),
        (["load"], None, ["load"]),
        (["load", "check", "a", "b"], None, ["load", "check", "a", "b"]),
        (["load", "check", "a"], None, ["load", "check", "a"]),
        (["check"], None, ["check"]),
        (list(DONE), "load", []),
        (list(DONE), "both", ["load", "check"]),
        (list(DONE), "full", ["load", "check", "a", "b", "new"]),
        (list(DONE), "publish", list(DONE)),
    ],
)
def test_what_was_completed_before_the_step_to_start_from_is_kept(done, start_from, kept):
    going_on = resume(ended(*done), start_from=start_from)
    assert list(going_on.kept) == kept
    assert going_on.correction.get("kept", []) == kept


def test_what_is_kept_names_the_run_that_did_it():
    going_on = resume(ended("load", "check"))
    assert {name: kept.kept_from for name, kept in going_on.kept.items()} == {"load": "r1", "check": "r0"}


@pytest.mark.parametrize(
    ("now", "is_kept"),
    [
        (pipe("load"), True),
        (pipe("load", params={"other": 1}, on_error="RETRY", timeout=5), True),
        (Step.pipeline("load", "another"), False),
        (gate("load"), False),
        (pipe("renamed"), False),
    ],
)
def test_a_step_is_kept_where_it_has_its_name_its_kind_and_its_pipeline_still(now, is_kept):
    assert ("load" in resume(ended("load"), job([now, *STEPS[1:]])).kept) == is_kept


def test_a_gate_whose_code_or_config_has_changed_keeps_its_verdict():
    assert "check" in resume(ended("check"), job([STEPS[0], gate("check", config={}), *STEPS[2:]])).kept


def test_a_step_that_has_moved_behind_the_step_to_start_from_is_done_again():
    moved = [STEPS[1], STEPS[0], *STEPS[2:]]
    assert list(resume(ended("load", "check"), job(moved), start_from="load").kept) == ["check"]


@pytest.mark.parametrize(
    ("done", "start_from", "words"),
    [
        (
            ["load"],
            "both",
            "start_from 'both' needs the output of 'check', which run r1 has not completed: start from 'check' or from "
            "an earlier step",
        ),
        (["load", "check", "a"], "new", "needs the output of 'both', which run r1 has not completed"),
        ([*DONE], "delta", "start_from 'delta' is not on the way that the kept steps take: they skip it"),
        (
            [],
            "nowhere",
            "start_from 'nowhere' is no step of 'job'; it has load, check, both, new, full, delta, publish",
        ),
        ([], "a", "start_from 'a' is no step of 'job'"),
    ],
)
def test_a_run_starts_from_no_step_that_the_kept_ones_do_not_lead_to(done, start_from, words):
    assert words in refusal(ended(*done), start_from=start_from)


def test_a_run_starts_from_no_step_where_a_kept_gate_leads_to_none_of_now():
    """The run would fail there, and its hooks would be next."""
    routed = ended("load", "check")
    kept = {**routed.outcomes, "check": outcome("check", next_step="gone")}
    hooked = job(on_failure=[pipe("tell")])
    words = "start_from 'both' is not on the way that the kept steps take"
    assert words in refusal(replace(routed, outcomes=kept), hooked, start_from="both")


def test_a_completed_run_is_resumed_only_from_a_named_step():
    before = ended("load", "check", status="COMPLETED")
    assert refusal(before) == (
        "run r1 of 'job' is COMPLETED, so there is nothing to resume: name the step to run again from (--start-from)"
    )
    assert list(resume(before, start_from="check").kept) == ["load"]


def test_changed_params_are_told_with_what_they_were():
    going_on = resume(ended(), changes={"rows": 9})
    assert going_on.params == {"day": "1", "rows": 9}
    assert going_on.correction["params"] == {"rows": {"from": 3, "to": 9}}


def test_a_value_that_is_no_change_is_told_as_none():
    assert "params" not in resume(ended(), changes={"rows": 3}).correction


def test_a_change_that_makes_it_another_partition_is_refused():
    assert refusal(ended(), changes={"day": "2"}) == (
        "the change of day makes it another partition of 'job': start that one instead"
    )


def test_a_change_that_the_model_does_not_take_is_refused():
    assert "rows" in refusal(ended(), changes={"rows": "many"})


def test_changed_config_is_that_of_the_gate_in_the_plan_and_the_rest_stays():
    going_on = resume(ended(), changes={"check.least": 2})
    assert going_on.plan.places["check"].step.config == {"least": 2, "most": 9}
    assert going_on.correction["config"] == {"check.least": {"from": 5, "to": 2}}
    assert going_on.params == {"day": "1", "rows": 3}


def test_a_gate_may_have_a_dot_in_its_name():
    dotted = job([pipe("load"), gate("check.rows", config={"least": 5})])
    going_on = resume(ended(workflow=dotted), dotted, changes={"check.rows.least": 2})
    assert going_on.plan.places["check.rows"].step.config == {"least": 2}


@pytest.mark.parametrize(
    ("skip", "words"),
    [
        ({"new": "why"}, "--skip new: a choice cannot be left out, as nothing else says which branch to take"),
        ({"load": "  "}, "--skip load needs a reason: it is kept on the record"),
        ({"nowhere": "why"}, "--skip 'nowhere' is no step of 'job'"),
        ({"tell": "why"}, "--skip 'tell' is no step of 'job'"),
    ],
)
def test_what_cannot_be_left_out_is_named(skip, words):
    hooked = job(on_failure=[pipe("tell")])
    assert words in refusal(ended(workflow=hooked), hooked, skip=skip)


def test_a_step_that_is_left_out_is_kept_as_skipped_with_its_reason_also_one_beside_others():
    going_on = resume(ended("load"), skip={"check": "known", "a": "not today"})
    assert {name: getattr(kept, "skip_reason", None) for name, kept in going_on.kept.items()} == {
        "load": None,
        "check": "known",
        "a": "not today",
    }
    assert (going_on.correction["skip"], going_on.correction["kept"]) == (
        {"check": "known", "a": "not today"},
        ["load"],
    )


def test_a_step_that_was_completed_and_is_left_out_now_is_left_out():
    going_on = resume(ended("load"), skip={"load": "wrong file"})
    assert going_on.kept["load"] == Skipped(step="load", skip_reason="wrong file")


def test_a_correction_tells_what_was_said_and_masks_secrets():
    going_on = resume(ended(), by="ann", skip={"check": "password=hunter2"})
    assert going_on.correction["by"] == "ann"
    assert "hunter2" not in going_on.correction["skip"]["check"]
    assert resume(ended()).correction == {}
