"""The pictures of README and docs are as their commands draw them now; `make pictures` draws them anew."""

import re

import pytest

from ops.pictures import COMMANDS, FOLDER, PAGE, RECORD, Recorded, drawings, page_with, terminal
from spine_temporal.machine.planning import plan_of
from tests.conftest import ROOT
from workflows.finra.otc_transparency import WEEKLY_REFRESH

RECORDED = Recorded.model_validate_json(RECORD.read_text())
DRAWN = drawings(RECORDED)
STALE = "is not as it would be drawn now: `make pictures` draws all anew"


@pytest.mark.parametrize("file", COMMANDS)
def test_a_picture_is_as_its_command_draws_it(file):
    assert (FOLDER / file).read_text() == DRAWN[file], f"docs/pictures/{file} {STALE}"


def test_what_the_page_shows_of_a_terminal_is_as_its_command_prints_it():
    page = PAGE.read_text()
    assert page == page_with(page, terminal(RECORDED)), f"docs/pictures.md {STALE}"


def test_the_run_of_the_pictures_is_one_of_the_workflow_as_it_is():
    now = plan_of(WEEKLY_REFRESH).model_dump(mode="json")
    assert RECORDED.plan.model_dump(mode="json") == now, f"docs/pictures/run.json {STALE}"


def test_each_picture_is_shown_and_each_that_is_shown_is_there():
    shown = set()
    for page in (ROOT / "README.md", PAGE):
        paths = re.findall(r"""[("]((?:docs/)?pictures/\w+\.svg)[)"]""", page.read_text())
        shown |= {(page.parent / path).resolve() for path in paths}
    assert shown == {FOLDER / file for file in COMMANDS}
