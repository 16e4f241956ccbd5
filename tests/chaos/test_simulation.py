"""The machine under crash schedules: nothing fails, and each guard that is taken away is missed."""

import dataclasses

import pytest

from ops.chaos.model import Guards
from ops.chaos.simulation import failing, random_schedule, simulate


def test_no_schedule_leaves_anything_else_than_an_undisturbed_run():
    assert failing(0, 20_000) is None


@pytest.mark.parametrize("guard", [field.name for field in dataclasses.fields(Guards)])
def test_without_a_guard_a_schedule_fails_and_the_smallest_one_is_given(guard):
    without = Guards(**{guard: False})
    found = failing(0, 20_000, without)
    assert found is not None
    number, schedule = found
    assert simulate(number, schedule, without) != simulate(number, schedule)
    assert sum(entry > 0 for entry in schedule) <= 8


def test_a_seed_gives_its_schedule_again():
    assert random_schedule(7) == random_schedule(7)
    assert random_schedule(7) != random_schedule(15)
