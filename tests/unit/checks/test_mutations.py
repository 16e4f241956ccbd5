"""A good workflow that is made bad is found out; the figures are facts."""

import pytest

from spine_temporal.definition import pipeline
from tests.unit.checks.cases import CORPUS, checked, names, register_shop
from tests.unit.checks.mutations import mutants

#: Each kind of change: what finds it, how many were made of the corpus, and the few that nothing finds.
KINDS = {
    "clock": ({"SPN101"}, 49, set()),
    "clock two calls deep": ({"SPN101"}, 49, set()),
    "clock through a dict": ({"SPN101"}, 49, set()),
    "return dropped": ({"SPN201", "SPN203"}, 109, {"good_inner_function_1"}),
    "return removed": (
        {"SPN201", "SPN208"},
        109,
        {"good_exceptions_1", "good_inner_function_1", "good_logging_1"},
    ),
    "output renamed": ({"SPN002", "SPN401", "SPN404"}, 158, set()),
    "signature changed": ({"SPN202"}, 147, set()),
}


def codes(path):
    pipeline._PIPELINES.clear()
    register_shop()
    return {finding.code for finding in checked(path).findings}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_made_bad_is_found(kind, shop, tmp_path):
    telling, count, unseen = KINDS[kind]
    made, missed = 0, set()
    for name in names("good_"):
        if name == "good_suppressed":
            continue  # its comments are what it is about
        for number, text in enumerate(mutants(kind, (CORPUS / f"{name}.py").read_text())):
            path = tmp_path / f"{name}_{number}.py"
            path.write_text(text)
            made += 1
            if not telling & codes(path):
                missed.add(path.stem)
    assert (made, missed) == (count, unseen)


def test_of_a_hundred_changes_more_than_ninety_five_are_found():
    made = sum(count for _, count, _ in KINDS.values())
    missed = sum(len(unseen) for _, _, unseen in KINDS.values())
    assert (made, missed) == (670, 4)
    assert 1 - missed / made > 0.99
