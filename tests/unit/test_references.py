"""A workflow that is named by its place: what that is, and what is told of a place where none is."""

import sys

import pytest

from spine_temporal.definition.errors import DefinitionError
from spine_temporal.runtime.modules import imported_module
from spine_temporal.runtime.references import Reference, name_of, reference_of, split_id

MODULE = """
from spine.orchestration import Step, StepResult, Workflow

PRICES = Workflow(name="shop.prices", steps=[Step.lambda_("check", lambda ctx, config: StepResult.ok())])
NAMES = ["shop.prices"]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with ``shop.py``, which is the current one; what is imported from there is forgotten at the end."""
    (tmp_path / "shop.py").write_text(MODULE)
    (tmp_path / "plain.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "module", "attribute"),
    [
        ("shop.py:PRICES", "shop.py", "PRICES"),
        ("../jobs of mine/shop.py:PRICES", "../jobs of mine/shop.py", "PRICES"),
        ("jobs.shop:PRICES", "jobs.shop", "PRICES"),
    ],
)
def test_a_place_is_a_file_or_a_module_and_a_name_in_it(text, module, attribute):
    assert reference_of(text) == Reference(module=module, attribute=attribute)
    assert str(reference_of(text)) == text


@pytest.mark.parametrize(
    "text", ["shop.prices", "shop.py", "shop.py:", "shop:PRICES/day=1", "", "a-b:C", "shop.py:A.B"]
)
def test_any_other_text_is_none(text):
    assert reference_of(text) is None


@pytest.mark.parametrize("place", ["shop.py:PRICES", "shop:PRICES"])
def test_a_file_and_its_module_are_the_same_workflow(folder, place):
    assert reference_of(place).workflow is imported_module(str(folder / "shop.py")).PRICES
    assert name_of(place) == "shop.prices"


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("shop.py:PRICES/day=1,tier=A/B", "shop.prices/day=1,tier=A/B"),
        ("shop:PRICES", "shop.prices"),
        ("shop.prices/day=2025-01-09T10:00:00", "shop.prices/day=2025-01-09T10:00:00"),
        ("finra:weekly/day=1", "finra:weekly/day=1"),  # a name with a colon, and no module's
    ],
)
def test_a_workflow_id_may_open_with_the_place(folder, text, identity):
    reference, found = split_id(text)
    assert (found, reference is None) == (identity, identity == text)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("nothing.py:PRICES", "module file 'nothing.py' does not exist"),
        ("nothing:PRICES", "there is no module 'nothing': name one that can be imported, or a .py file"),
        ("nothing.at.all:PRICES", "there is no module 'nothing.at.all': name one that can be imported, or a .py file"),
        ("shop.py:PRICE", "shop.py has no workflow 'PRICE': it has PRICES; did you mean 'PRICES'?"),
        ("shop.py:NAMES", "shop.py has no workflow 'NAMES': it has PRICES"),
        ("plain.py:PRICES", "plain.py has no workflow 'PRICES': it has none at its top"),
    ],
)
def test_where_there_is_none_it_is_told_what_there_is(folder, place, told):
    with pytest.raises(DefinitionError) as refused:
        _ = reference_of(place).workflow
    assert str(refused.value) == told


def test_a_file_of_another_modules_name_is_refused_and_not_mistaken_for_it(folder):
    (folder / "json.py").write_text(MODULE)
    with pytest.raises(
        DefinitionError, match=r"module file 'json.py' has the name of another module, 'json' \(.*rename"
    ):
        _ = reference_of("json.py:PRICES").workflow


def test_a_file_of_a_package_that_is_loaded_is_that_module(folder):
    (folder / "jobs").mkdir()
    (folder / "jobs" / "daily.py").write_text(MODULE)
    sys.path.insert(0, str(folder))
    assert reference_of("jobs.daily:PRICES").workflow is reference_of("jobs/daily.py:PRICES").workflow
