"""The pages' links lead somewhere, and each page is on the site and each name of the library on its page."""

import re
from fnmatch import fnmatch

import pytest

import spine_temporal
import spine_temporal.testing
from tests.conftest import ROOT

INDEX = ROOT / "docs" / "index.md"
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("ops/runbooks/*.md")]
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def anchors(page):
    """The anchors of a page's headings, as code hosts and the site make them."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page):
    """The links of a page that lead within the repository: each path with its anchor."""
    found = re.findall(r"\]\(([^)\s]+)\)", CODE.sub("", page.read_text()))
    return [target.partition("#")[::2] for target in found if "://" not in target]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_leads_to_what_is_there(page):
    for path, anchor in links(page):
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), f"{page}: {path}"
        assert place.is_relative_to(ROOT), f"{page}: {path}"
        assert not anchor or anchor in anchors(place), f"{page}: {path}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_one_title_and_no_two_headings_of_one_name(page):
    headings = re.findall(r"^(#+) (.+)$", CODE.sub("", page.read_text()), re.MULTILINE)
    assert [level for level, _ in headings].count("#") == 1
    if page.name != "CHANGELOG.md":
        assert len({name for _, name in headings}) == len(headings)


def test_each_page_is_on_the_site_once():
    listed = [name for block in re.findall(r"```{toctree}\n(.*?)```", INDEX.read_text(), re.DOTALL)
              for name in block.split("\n") if name and not name.startswith(":")]  # fmt: skip
    places = [str((INDEX.parent / name).resolve()) for name in listed]
    for page in set(PAGES) - {INDEX}:
        assert sum(fnmatch(str(page.with_suffix("")), place) for place in places) == 1, page


def test_each_public_name_is_on_the_page_of_the_library():
    told = re.findall(r"^\.\. auto\w+:: (\S+)$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
    modules = (spine_temporal, spine_temporal.testing)
    public = [f"{module.__name__}.{name}" for module in modules for name in module.__all__]
    assert told == public
