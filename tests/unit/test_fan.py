"""The items of a map: which begin, when no more do, and what they come to."""

import pytest

from spine_temporal import Step, Workflow
from spine_temporal.definition.json_values import MAX_OUTPUT_BYTES
from spine_temporal.machine.fan import (
    MAX_ERRORS,
    Fan,
    ItemOutcome,
    counts_of,
    group_size,
    item_name,
    item_params,
    known,
    map_outcome,
    tolerated_of,
)
from spine_temporal.machine.step_outcome import Completed, Failed
from tests.unit.machine_builders import pipe, planned

ITEM = Workflow(name="item", steps=[pipe("work", params={"step": "own"})], defaults={"tier": "OTC", "day": "0"})
RUN = Workflow(name="run", steps=[pipe("work"), pipe("more")], defaults={"tier": "OTC"})


def map_of(items=(1, 2, 3), workflow=ITEM, **options):
    given = list(items) if isinstance(items, tuple) else items
    return planned(Step.map("each", given, workflow, **options)).steps[0]


def fan_of(count, at_once=2, tolerated=0):
    return Fan(map_of(max_concurrency=at_once), list(range(count)), tolerated)


def done(**output):
    return ItemOutcome(output=output)


def failed(error="bad", category="DATA_QUALITY"):
    return ItemOutcome(error=error, category=category, traceback=f"Traceback of {error}")


def test_items_begin_in_order_and_no_more_at_once_than_may_run():
    fan = fan_of(5)
    assert (fan.begin(), fan.begin()) == ([0, 1], [])
    fan.ended(1, done())
    assert fan.begin() == [2]
    fan.ended(0, done())
    fan.ended(2, done())
    assert fan.begin() == [3, 4]


def test_a_map_is_done_when_each_item_has_begun_and_ended():
    fan = fan_of(2, at_once=1)
    standing = []
    while not fan.done:
        for index in fan.begin():
            standing.append((index, fan.done))
            fan.ended(index, done())
    assert standing == [(0, False), (1, False)]
    assert fan_of(0).done


@pytest.mark.parametrize(("tolerated", "begun"), [(0, [0]), (1, [0, 1]), (2, [0, 1, 2]), (None, [0, 1, 2, 3])])
def test_no_item_begins_once_more_have_failed_than_are_borne(tolerated, begun):
    fan, order = fan_of(4, at_once=1, tolerated=tolerated), []
    while not fan.done:
        for index in fan.begin():
            order.append(index)
            fan.ended(index, failed())
    assert (order, fan.halted) == (begun, tolerated is not None)


def test_a_halted_map_is_done_only_when_what_runs_has_ended():
    fan = fan_of(5)
    fan.begin()
    fan.ended(0, failed())
    assert (fan.halted, fan.done) == (True, False)
    fan.ended(1, done())
    assert fan.done


@pytest.mark.parametrize(
    ("tolerated", "on_error", "total", "borne"),
    [
        (0, "STOP", 10, 0),
        (3, "STOP", 10, 3),
        (3, "STOP", 2, 3),
        (0.25, "STOP", 10, 2),
        (0.05, "STOP", 10, 0),
        (0.0, "STOP", 10, 0),
        (0, "CONTINUE", 10, None),
        (0.25, "CONTINUE", 10, None),
    ],
)
def test_a_share_of_failures_is_rounded_down_and_a_map_that_goes_on_bears_any(tolerated, on_error, total, borne):
    assert tolerated_of(map_of(tolerated_failures=tolerated, on_error=on_error), total) == borne


def test_results_keep_the_order_of_the_items_with_none_for_what_failed_or_never_began():
    outcome = map_outcome(map_of(tolerated_failures=1), 4, {2: done(n=2), 0: failed(), 1: done(n=1)})
    assert isinstance(outcome, Completed)
    assert outcome.output == {
        "total": 4,
        "completed": 2,
        "failed": 1,
        "results": [None, {"n": 1}, {"n": 2}, None],
        "errors": {"0": "bad"},
    }
    assert outcome.items.model_dump() == {"total": 4, "completed": 2, "failed": 1}


def test_a_map_fails_with_the_category_of_its_first_failed_item_and_keeps_its_output():
    outcome = map_outcome(map_of(), 3, {2: failed("late", "TIMEOUT"), 1: failed("early"), 0: done()})
    assert (outcome.error, outcome.category, outcome.traceback) == (
        "2 of 3 items failed, the first at 1: early",
        "DATA_QUALITY",
        "Traceback of early",
    )
    assert outcome.output["results"] == [{}, None, None]


def test_a_map_that_goes_on_anyway_fails_with_a_single_failed_item():
    outcome = map_outcome(map_of(on_error="CONTINUE", tolerated_failures=5), 2, {0: failed(), 1: done()})
    assert isinstance(outcome, Failed)


@pytest.mark.parametrize(
    ("outcomes", "rows"),
    [
        ({0: done(row_count=2), 1: done(row_count=3)}, 5),
        ({0: done(row_count=2), 1: failed()}, 2),
        ({0: done(row_count=2), 1: done()}, None),
        ({0: done(row_count=True), 1: done(row_count=1)}, None),
        ({0: done(row_count="2")}, None),
        ({0: failed()}, None),
        ({}, None),
    ],
)
def test_rows_are_summed_where_each_completed_item_counts_them(outcomes, rows):
    assert map_outcome(map_of(tolerated_failures=9), 2, outcomes).output.get("row_count") == rows


def test_a_map_names_a_hundred_failed_items_at_most():
    outcomes = {index: failed() for index in range(MAX_ERRORS + 5)}
    output = map_outcome(map_of(), len(outcomes), outcomes).output
    assert (len(output["errors"]), output["failed"]) == (MAX_ERRORS, MAX_ERRORS + 5)


def test_results_that_are_too_large_in_sum_fail_the_map_without_them():
    half = "x" * (MAX_OUTPUT_BYTES // 2)
    outcome = map_outcome(map_of(), 2, {0: done(text=half), 1: done(text=half)})
    assert (outcome.category, outcome.output) == ("CONFIGURATION", {})
    assert "the results of map 'each' are over the limit of 16,777,216 bytes" in outcome.error


def test_counts_say_how_far_a_map_has_come():
    assert counts_of(5, {0: done(), 1: failed(), 4: done()}).model_dump() == {"total": 5, "completed": 2, "failed": 1}


def test_an_item_has_the_name_of_its_map_and_its_position():
    assert item_name("each", 7) == "each[7]"


@pytest.mark.parametrize(
    ("step", "item", "params"),
    [
        # Of a pipeline: the item wins over the map's params, these over the pipeline's own, the run's and the defaults.
        (map_of(), 1, {"tier": "OTC", "day": "1", "step": "own", "item": 1}),
        (map_of(params={"step": "map's", "tier": "T1"}), 1, {"tier": "T1", "day": "1", "step": "map's", "item": 1}),
        (map_of(item_param="day"), "9", {"tier": "OTC", "day": "9", "step": "own"}),
        (map_of(item_param=None), {"tier": "T2"}, {"tier": "T2", "day": "1", "step": "own"}),
        # Of a workflow: its defaults are its own to add.
        (map_of(workflow=RUN), 1, {"day": "1", "item": 1}),
        (map_of(workflow=RUN, params={"day": "2"}), 1, {"day": "2", "item": 1}),
    ],
)
def test_an_item_is_given_its_params_each_over_what_is_more_general(step, item, params):
    assert item_params(step, {"day": "1"}, item) == params


def test_an_item_is_not_given_the_list_that_it_is_of():
    assert item_params(map_of("weeks"), {"weeks": [1, 2], "day": "1"}, 1)["item"] == 1
    assert "weeks" not in item_params(map_of("weeks"), {"weeks": [1, 2]}, 1)


def test_an_item_that_must_be_a_dict_and_is_none_is_named():
    with pytest.raises(ValueError, match="the item '7' is no dict of params: name an item_param"):
        item_params(map_of(item_param=None), {}, 7)


@pytest.mark.parametrize(("names", "params"), [(None, {"a": 1, "b": 2}), (["a", "c"], {"a": 1}), ([], {})])
def test_a_sub_workflow_is_given_the_params_that_it_knows(names, params):
    assert known({"a": 1, "b": 2}, names) == params


def test_groups_share_out_what_is_left_and_what_did_not_begin_comes_next():
    assert fan_of(10, at_once=2).begin_groups(100) == [(0, 1, 2, 3, 4), (5, 6, 7, 8, 9)]
    fan = fan_of(10, at_once=2)
    assert fan.begin_groups(100, shared_anew=True) == [(0, 1, 2, 3, 4), (5, 6, 7)]
    fan.group_ended((0, 1, 2, 3, 4), {0: done(), 1: failed()})
    assert fan.halted
    fan = fan_of(10, at_once=2, tolerated=None)
    assert fan.begin_groups(3) == [(0, 1, 2), (3, 4, 5)]
    fan.group_ended((0, 1, 2), {0: done(), 1: failed()})
    assert fan.begin_groups(100, alone={6}) == [(2,)]
    fan.group_ended((2,), {2: done()})
    assert fan.begin_groups(100, alone={6}) == [(6,)]
    fan.group_ended((6,), {6: done()})
    fan.group_ended((3, 4, 5), {3: done(), 4: done(), 5: done()})
    assert fan.begin_groups(100) == [(7, 8), (9,)]
    assert [len(one) for one in fan_of(11, at_once=4).begin_groups(100)] == [3, 3, 3, 2]


@pytest.mark.parametrize(("pace", "size"), [(None, 1), (0.0, 100), (0.004, 100), (0.1, 10), (0.6, 1), (90, 1)])
def test_as_many_items_go_together_as_take_a_second(pace, size):
    assert group_size(pace) == size
