"""What a start does that finds its partition held, and how often one that waits looks."""

import pytest

from spine_temporal import DefinitionError, Step, Workflow
from spine_temporal.definition.busy import OnBusy
from spine_temporal.runtime.partition_queue import asks_again_in

STEPS = [Step.pipeline("one", "busy.one")]


@pytest.mark.parametrize("policy", OnBusy)
def test_a_workflow_takes_a_policy_by_its_name(policy):
    assert Workflow(name="busy", steps=STEPS, on_busy=policy.value).on_busy is policy


def test_a_policy_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(DefinitionError) as error:
        Workflow(name="busy", steps=STEPS, on_busy="wait")
    told = "workflow 'busy': on_busy must be one of fail, queue, newest, cancel_older, not 'wait'"
    assert str(error.value) == told


def test_the_first_that_waits_looks_soon_and_then_every_five_seconds():
    assert [asks_again_in(0, asked).total_seconds() for asked in (1, 2, 3, 4, 5, 6, 1000)] == [0.5, 1, 2, 4, 5, 5, 5]


def test_those_behind_it_look_the_later_the_more_are_ahead_and_each_minute_at_least():
    assert [asks_again_in(ahead, 9).total_seconds() for ahead in (1, 2, 10, 1000)] == [7, 9, 25, 60]
