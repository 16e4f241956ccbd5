"""A plan says what its workflow says, as JSON."""

from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from spine_temporal import RetryPolicy, Step, Workflow
from spine_temporal.machine.plan import Plan, PlannedWait
from spine_temporal.machine.planning import plan_of
from tests.unit.machine_builders import choice, gate, pipe, planned


class Params(BaseModel):
    day: str


SUB = Workflow(name="sub", steps=[pipe("work"), gate("check")], params_model=Params)
ITEM = Workflow(name="item", steps=[pipe("work", params={"a": 1})], defaults={"tier": "OTC"})
EACH_KIND = [
    pipe("load", params={"a": 1}, retry=RetryPolicy(max_attempts=5), on_error="RETRY", memory="512MB", local=True),
    gate("check", config={"least": 1}, on_error="HOLD", deadline=60, at_deadline="waive"),
    choice("new", "nap"),
    Step.wait("nap", 5),
    Step.wait_for("upstream", "other", {"day": "1"}, reached="LOADED", timeout=60, poll_interval=2),
    Step.parallel("both", [pipe("a"), pipe("b")], 1, on_error="CONTINUE"),
    Step.map("each", [1, 2], ITEM, params={"b": 2}, tolerated_failures=0.5),
    Step.workflow("below", SUB, {"day": "1"}, on_error="CONTINUE"),
]


@pytest.fixture(scope="module")
def plan():
    return planned(*EACH_KIND, on_failure=[pipe("tell")], on_cancel=[pipe("undo")])


@pytest.mark.parametrize(
    ("step", "fields"),
    [
        ("load", {"pipeline": "p", "params": {"a": 1}, "on_error": "RETRY", "local": True, "memory": 512 * 2**20}),
        ("load", {"computed": False, "stage": "STEP_LOAD", "timeout": 3600.0, "heartbeat_timeout": 10.0}),
        ("check", {"config": {"least": 1}, "on_error": "HOLD", "deadline": 60.0, "at_deadline": "waive"}),
        ("new", {"then": 3, "otherwise": 4}),
        ("nap", {"seconds": 5.0, "until": None}),
        ("upstream", {"workflow": "other", "partitions": ({"day": "1"},), "reached": "LOADED", "timeout": 60.0}),
        ("upstream", {"poll_interval": 2.0, "category": "TIMEOUT", "computed": False}),
        ("both", {"max_concurrency": 1, "on_error": "CONTINUE"}),
        ("each", {"workflow": "item", "items": (1, 2), "path": None, "item_param": "item", "params": {"b": 2}}),
        ("each", {"defaults": {"tier": "OTC"}, "tolerated_failures": 0.5, "max_concurrency": 4, "computed": False}),
        ("below", {"workflow": "sub", "params": {"day": "1"}, "known_params": ("day",), "on_error": "CONTINUE"}),
        ("tell", {"pipeline": "p", "following": 0}),
    ],
)
def test_each_kind_of_step_is_planned_with_what_it_says(plan, step, fields):
    found = plan.places[step].step
    assert {name: getattr(found, name) for name in fields} == fields


def test_a_retry_policy_is_planned_as_it_is(plan):
    assert plan.places["load"].step.retry.model_dump() == {
        "max_attempts": 5,
        "initial_interval": 1.0,
        "backoff": 2.0,
        "max_interval": 60.0,
    }


def test_a_plan_is_json_and_comes_back_from_it_as_it_was(plan):
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert Plan.model_validate_json(plan.model_dump_json(exclude_unset=True)) == plan


def test_a_step_without_a_memory_of_its_own_plans_none(plan):
    assert "memory" not in plan.places["a"].step.model_fields_set
    assert "memory" in plan.places["load"].step.model_fields_set


def test_places_are_in_the_order_of_ranks_with_inner_steps_behind_theirs_and_hooks_last(plan):
    positions = {name: place.position for name, place in plan.places.items()}
    assert positions == {
        "load": 0, "check": 1, "new": 2, "nap": 3, "upstream": 4, "both": 5, "a": 5, "b": 5, "each": 6, "below": 7,
        "tell": None, "undo": None,
    }  # fmt: skip
    assert list(positions) == [*list(positions)[:10], "tell", "undo"]
    assert [name for name, place in plan.places.items() if place.parallel is not None] == ["a", "b"]


@pytest.mark.parametrize(
    ("step", "computed"),
    [
        (pipe("x", params=lambda ctx: {}), True),
        (pipe("x"), False),
        (Step.workflow("x", SUB, lambda ctx: {}), True),
        (Step.workflow("x", SUB), False),
        (Step.map("x", lambda ctx: [], ITEM), True),
        (Step.map("x", [1], ITEM), False),
        (Step.map("x", "weeks", ITEM), False),
        (Step.wait_for("x", "other", lambda ctx: {}), True),
        (Step.wait_for("x", "other", {"day": "1"}), False),
    ],
)
def test_what_code_gives_is_planned_as_computed(step, computed):
    assert planned(step).steps[0].computed == computed


@pytest.mark.parametrize(
    ("items", "param"), [("weeks", "weeks"), ([1], None), (lambda ctx: [], None), ("load.weeks", None)]
)
def test_a_map_knows_the_param_that_is_its_list_of_items(items, param):
    assert planned(pipe("load"), Step.map("each", items, ITEM)).steps[1].items_param == param


def test_a_map_of_a_single_pipeline_plans_it_and_one_of_a_workflow_with_more_does_not():
    assert planned(Step.map("each", [1], ITEM)).steps[0].pipeline.params == {"a": 1}
    assert planned(Step.map("each", [{"day": "1"}], SUB, item_param=None)).steps[0].pipeline is None


def test_a_branch_leads_past_the_other_one_and_the_last_step_to_the_end():
    plan = planned(
        choice("new", "full", "delta", join="after"), pipe("full"), pipe("more"), pipe("delta"), pipe("after")
    )
    assert [step.following for step in plan.steps] == [1, 2, 4, 4, 5]
    assert (plan.steps[0].then, plan.steps[0].otherwise) == (1, 3)


def test_a_choice_within_a_branch_that_ends_it_leads_past_the_outer_branch():
    plan = planned(
        choice("outer", "inner", "other"), choice("inner", "deep", join="other"), pipe("deep"), pipe("other"), pipe("z")
    )
    assert (plan.steps[1].then, plan.steps[1].otherwise, plan.steps[2].following) == (2, 4, 4)


def test_a_plan_names_its_workflow():
    plan = plan_of(Workflow(name="w", domain="files", version=3, steps=[pipe("load")]))
    assert (plan.workflow, plan.domain, plan.version) == ("w", "files", 3)


NOON = datetime(2025, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wait", "left"),
    [
        (PlannedWait(name="nap", stage="", seconds=5), 5),
        (PlannedWait(name="nap", stage="", until=datetime(2025, 11, 28, 12, 1, tzinfo=UTC)), 60),
        (PlannedWait(name="nap", stage="", until=datetime(2025, 11, 28, 11, tzinfo=UTC)), 0),
    ],
)
def test_a_wait_that_has_passed_is_not_waited_for(wait, left):
    assert wait.left(NOON) == left


@pytest.mark.parametrize(
    ("steps", "width"),
    [
        ([pipe("a"), gate("g"), pipe("b")], 1),
        ([Step.parallel("both", [pipe("a"), pipe("b"), gate("g")])], 3),
        ([Step.parallel("both", [pipe("a"), pipe("b"), pipe("c")], 2)], 2),
        ([Step.map("each", [1, 2], ITEM, max_concurrency=7), pipe("z")], 7),
    ],
)
def test_the_width_of_a_plan_is_how_many_pipelines_may_begin_at_once(steps, width):
    assert planned(*steps).width == width


def test_a_copy_of_a_plan_with_other_steps_has_the_places_of_those():
    plan = plan_of(Workflow(name="job", steps=[gate("one"), gate("two")]))
    assert list(plan.places) == ["one", "two"]
    brief = plan.steps[0].model_copy(update={"stage": "OTHER"})
    copied = plan.model_copy(update={"steps": (brief,)})
    assert {name: place.step for name, place in copied.places.items()} == {"one": brief}
    assert list(plan.places) == ["one", "two"]
