"""Params are checked before anything runs, and identify the run."""

import pytest
from pydantic import BaseModel, ConfigDict, field_validator

from spine_temporal import ParamsError, Step, Workflow
from spine_temporal.definition.params import (
    INTERNAL_OPTIONS,
    RunOptions,
    partition_of,
    resolve_options,
    resolve_params,
    workflow_id,
)
from spine_temporal.testing.in_process import run_in_process


class Params(BaseModel):
    model_config = ConfigDict(extra="forbid")

    day: str
    rows: int = 3

    @field_validator("day")
    @classmethod
    def _known(cls, value):
        if value == "boom":
            raise RuntimeError("a validator's own fault")
        return value.strip()


STEPS = [Step.pipeline("a", "p")]
TYPED = Workflow(name="typed", steps=STEPS, params_model=Params, partition_by=["day"], defaults={"rows": 7})
FREE = Workflow(name="free", steps=STEPS, defaults={"tier": "OTC"})


def test_defaults_come_first_and_the_model_normalises():
    assert resolve_params(TYPED, {"day": " x "}) == {"day": "x", "rows": 7}
    assert resolve_params(FREE, {"n": 1}) == {"tier": "OTC", "n": 1}


@pytest.mark.parametrize(
    ("workflow", "given", "words"),
    [
        (TYPED, {}, "param 'day' is missing"),
        (TYPED, {"day": 3}, "param 'day' is wrong"),
        (TYPED, {"day": "d", "rows": "x"}, "param 'rows' is wrong"),
        (TYPED, {"dya": "d"}, "unknown param 'dya': allowed are day, rows; did you mean 'day'?"),
        (TYPED, {"day": "boom"}, "a validator's own fault"),
        (FREE, "text", "must be a JSON object, not str"),
        (FREE, {"x": {1}}, "params['x'] is a set"),
        (FREE, {"x": {"y": [float("inf")]}}, "params['x']['y'][0] is inf"),
        (FREE, {1: 2}, "keys must be strings"),
        (FREE, {"x": "a\0"}, "NUL"),
        (FREE, {"x": "\ud800"}, "surrogate"),
        (FREE, {"x": "y" * 300_000}, "over the limit"),
    ],
)
def test_wrong_params_name_the_field(workflow, given, words):
    with pytest.raises(ParamsError) as error:
        resolve_params(workflow, given)
    assert words in str(error.value)


def test_nesting_has_a_limit():
    deep = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(ParamsError, match="nested deeper than 64"):
        resolve_params(FREE, {"x": deep})


def test_options_are_checked_too():
    assert resolve_options({"force": True}).force is True
    with pytest.raises(ParamsError, match=r"unknown run option 'Force'.*did you mean 'force'"):
        resolve_options({"Force": True})


def test_a_workflow_id_reads_as_its_partition():
    params = resolve_params(TYPED, {"day": "2025-11-28"})
    assert workflow_id(TYPED, partition_of(TYPED, params)) == "typed/day=2025-11-28"
    assert workflow_id(FREE, partition_of(FREE, resolve_params(FREE, {"n": 1}))) == "free/n=1,tier=OTC"


def test_long_and_odd_values_give_an_id_that_is_short_and_still_their_own():
    ids = {workflow_id(FREE, {"x": value}) for value in ("é" * 400, "é" * 401, "a\nb", "a\tb")}
    assert len(ids) == 4
    assert all(len(identity) <= 250 and "\n" not in identity for identity in ids)


def test_a_large_partition_is_its_digest():
    partition = partition_of(FREE, {"x": "y" * 2000})
    assert list(partition) == ["params_sha256"]


class Forced(BaseModel):
    force: bool = False


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("force", 'give it as --force, or {"force": true} as the second argument of a Temporal start'),
        ("dry_run", "give it as --dry-run, or"),
        ("dry-run", "give it as --dry-run, or"),
        ("start_from", "give it as --start-from STEP, or"),
        ("on_gate_failure", "give it as --hold, or"),
        ("on_busy", "give it as --on-busy POLICY, or"),
        ("resume", "give it as `spine-temporal resume WORKFLOW_ID`"),
    ],
)
@pytest.mark.parametrize("workflow", [TYPED, FREE])
def test_a_run_option_among_the_params_is_told_where_it_goes(workflow, name, place):
    with pytest.raises(ParamsError) as error:
        resolve_params(workflow, {"day": "d", name: True})
    assert f"{name!r} is a run option and no param of {workflow.name!r}: {place}" in str(error.value)
    assert "did you mean" not in str(error.value)


def test_every_run_option_has_its_place():
    for option in RunOptions.model_fields.keys() - INTERNAL_OPTIONS:
        with pytest.raises(ParamsError, match="is a run option and no param"):
            resolve_params(FREE, {option: 1})


def test_a_param_may_have_an_options_name_where_the_workflow_says_so():
    modelled = Workflow(name="modelled", steps=STEPS, params_model=Forced)
    defaulted = Workflow(name="defaulted", steps=STEPS, defaults={"force": False})
    for workflow in (modelled, defaulted):
        assert resolve_params(workflow, {"force": True}) == {"force": True}


def test_a_sub_workflow_takes_the_params_of_the_run_above_whatever_they_are_called():
    assert resolve_params(FREE, {"force": True}, inherited=True) == {"tier": "OTC", "force": True}
    above = Workflow(name="above", defaults={"force": False}, steps=[Step.workflow("below", FREE)])
    result = run_in_process(above, {"force": True}, {"p": lambda params: {"saw": params["force"]}})
    assert result.outputs["below"]["a"] == {"saw": True}
