"""The memory that a step is given."""

import pytest

from spine_temporal import DefinitionError, Step, Workflow
from spine_temporal.definition.memory import MEBIBYTE, memory_text
from spine_temporal.machine.planning import plan_of


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        (16 * MEBIBYTE, 16 * MEBIBYTE),
        ("512MB", 512 * MEBIBYTE),
        ("512 MiB", 512 * MEBIBYTE),
        ("1.5g", 1536 * MEBIBYTE),
        (" 2 GB ", 2048 * MEBIBYTE),
        ("33554432", 32 * MEBIBYTE),
    ],
)
def test_it_is_bytes_or_text_and_goes_into_the_plan(given, expected):
    step = Step.pipeline("load", "x", memory=given)
    assert step.memory == expected
    assert plan_of(Workflow(name="w", steps=[step])).steps[0].memory == expected


@pytest.mark.parametrize("given", ["much", "1 MB", 0, -5, True, 1.5, "512 MB of RAM", "99999999 TB"])
def test_anything_else_is_refused_with_what_is_allowed(given):
    with pytest.raises(DefinitionError, match="step 'load': memory must be bytes or text such as '512MB'"):
        Step.pipeline("load", "x", memory=given)


def test_it_is_told_as_a_person_reads_it():
    assert (memory_text(64 * MEBIBYTE), memory_text(1536 * MEBIBYTE)) == ("64 MiB", "1.5 GiB")
