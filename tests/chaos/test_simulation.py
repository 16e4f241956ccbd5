"""The protocol under schedules of crashes, operators and time: nothing fails, and each guard taken away is missed."""

import dataclasses

import pytest

from ops.chaos.simulated.guards import Guards
from ops.chaos.simulation import failing, random_schedule, simulate

#: The first schedule that misses a guard, where it is not among the first ones: some need much to come together.
_FIRST = {"seen": 6_000, "sent_back": 9_000, "reset_lineage": 7_000, "children": 32_000}
#: What hardly any seed gives: it was found when another failure was made smaller.
_RARE = {"stands": (7, [5927, 1057, 2722])}


def test_no_schedule_leaves_anything_that_must_not_be():
    assert failing(0, 20_000) is None


@pytest.mark.parametrize("guard", [field.name for field in dataclasses.fields(Guards)])
def test_without_a_guard_a_schedule_fails_and_the_smallest_one_is_given(guard):
    without = Guards(**{guard: False})
    found = _RARE.get(guard) or failing(_FIRST.get(guard, 0), 20_000, without)
    assert found is not None
    number, schedule = found
    assert simulate(number, schedule, without)
    assert not simulate(number, schedule)
    assert len(schedule) <= 8


def test_a_seed_gives_its_schedule_again():
    assert random_schedule(7) == random_schedule(7)
    assert random_schedule(7) != random_schedule(15)
