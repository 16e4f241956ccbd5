"""The page for who comes from hand-written Temporal: both of its jobs are what it says that they are."""

import sys
from importlib import import_module

import pytest
from temporalio import activity, workflow

from ops.walk.page import File, parts
from spine_temporal.checks.linter import check
from spine_temporal.checks.loaded import Loaded
from spine_temporal.testing.in_process import run_in_process
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "from_temporal.md").read_text()


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Import a file of the page."""
    for part in parts(PAGE):
        assert isinstance(part, File)
        (tmp_path / part.path).write_text(part.text)
    monkeypatch.setattr("spine_temporal.definition.pipeline._PIPELINES", {})
    monkeypatch.syspath_prepend(str(tmp_path))
    yield import_module
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def test_what_is_written_by_hand_is_a_workflow_and_its_activities(module):
    by_hand = module("by_hand")
    assert workflow._Definition.from_class(by_hand.Daily).name == "Daily"
    assert {activity._Definition.from_callable(each).name for each in (by_hand.ingest, by_hand.summarize)} == {
        "ingest", "summarize",
    }  # fmt: skip


@pytest.mark.parametrize(("rows", "ends"), [(5, "COMPLETED"), (2, "FAILED")])
def test_the_other_runs_and_its_gate_refuses_a_day_with_too_few_rows(module, rows, ends):
    stubs = {"prices.ingest": {"row_count": rows}, "prices.summarize": {"row_count": 1}}
    result = run_in_process(module("as_spine").DAILY, {"day": "2026-01-05"}, stubs)
    assert (result.status, result.error_step) == (ends, None if rows == 5 else "enough_rows")


def test_check_finds_nothing_in_it(module):
    assert check(Loaded(modules=[module("as_spine")])).findings == ()
