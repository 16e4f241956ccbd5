"""What is found in small workflows, good and bad: each finding at its line, and nothing else."""

import pytest

from tests.unit.checks.cases import CORPUS, checked, expected, found, names

pytestmark = pytest.mark.usefixtures("shop")


@pytest.mark.parametrize("name", names())
def test_exactly_what_is_expected_is_found(name):
    assert found(checked(CORPUS / f"{name}.py")) == expected(name)
