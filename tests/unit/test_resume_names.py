"""A resume refuses names that it cannot mean, before they become params that nothing reads."""

import pytest
from pydantic import BaseModel

from spine_temporal import ParamsError, Step, StepResult, Workflow
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.resumed_run import EndedRun, resumed


class Params(BaseModel):
    day: str
    rows: int = 3


def gate(ctx, config):
    return StepResult.ok()


STEPS = [
    Step.pipeline("load", "p"),
    Step.lambda_("enough", gate, {"min_rows": 5}),
    Step.parallel("both", [Step.lambda_("inner", gate, {"least": 1}), Step.pipeline("beside", "p")]),
]
FREE = Workflow(name="free", steps=STEPS, defaults={"tier": "OTC"}, partition_by=["day"])
TYPED = Workflow(name="typed", steps=STEPS, params_model=Params, partition_by=["day"])


def resume(workflow, **changes):
    params = {**workflow.defaults, "day": "1", "rows": 3}
    ended = EndedRun(
        run_id="r1", status="FAILED", params=params, partition={"day": "1"}, plan=plan_of(workflow), outcomes={}
    )
    return resumed(workflow, ended, ResumeOptions(run_id="r1", changes=changes))


@pytest.mark.parametrize("workflow", [FREE, TYPED])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("enuogh.min_rows", "'enuogh' is no step of {0!r}, which has load, enough, both; did you mean 'enough'?"),
        ("zzz.min_rows", "'zzz' is no step of {0!r}, which has load, enough, both"),
        ("enough.mni_rows", "the config of gate 'enough' has no 'mni_rows'; it has min_rows"),
        ("enough", "--set enough names a gate: give a key of its config, enough.KEY"),
        ("load.rows", "step 'load' is no gate, so it has no config to set"),
        ("inner.least", "gate 'inner' is part of the parallel step 'both', so its config cannot be set"),
        ("force", "'force' is a run option and no param of {0!r}: give it as --force"),
    ],
)
def test_a_step_is_not_taken_for_a_param(workflow, name, words):
    with pytest.raises(ParamsError) as error:
        resume(workflow, **{name: 3})
    assert words.format(workflow.name) in str(error.value)


def test_a_misspelled_param_is_refused_with_the_nearest_name():
    for name, meant in (("roows", "rows"), ("teir", "tier")):
        with pytest.raises(
            ParamsError, match=f"--set {name}: run r1 has no param of that name; did you mean '{meant}'"
        ):
            resume(FREE, **{name: 3})
    with pytest.raises(ParamsError, match="unknown param 'roows': allowed are day, rows; did you mean 'rows'"):
        resume(TYPED, roows=3)


def test_a_param_that_is_like_no_other_is_taken_where_no_model_says_otherwise():
    assert resume(FREE, full_refresh=True).params["full_refresh"] is True
    assert resume(FREE, rows=9, tier="T1").correction["params"] == {
        "rows": {"from": 3, "to": 9},
        "tier": {"from": "OTC", "to": "T1"},
    }


def test_a_param_with_a_dot_is_one_where_the_run_has_it():
    dotted = Workflow(name="dotted", steps=STEPS, defaults={"source.url": "a"}, partition_by=["day"])
    assert resume(dotted, **{"source.url": "b"}).params["source.url"] == "b"
