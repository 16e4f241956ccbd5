"""docs/page.md has each item of the page that this project implements, and what it names is there."""

import ast
import re

import pytest

from spine_temporal.checks.catalogue import CODES
from tests.conftest import ROOT

TABLE = (ROOT / "docs" / "page.md").read_text()
ROWS = {
    title: [row.split(" | ") for row in re.findall(r"^\| (.*) \|$", part, re.MULTILINE)[1:]]
    for title, part in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", TABLE, re.DOTALL | re.MULTILINE)
}
EVERY = [row for rows in ROWS.values() for row in rows]


@pytest.fixture(scope="module")
def page(shared):
    return shared("seed/F_WORKFLOW.md").read_text()


def between(page, start, end):
    return page.split(start, 1)[1].split(end, 1)[0]


def items(page):
    """The page's items by the part of the table that has them."""
    checklist = between(page, "IMPLEMENTATION CHECKLIST:", "ANTI-PATTERNS")
    found = {
        "Separation of concerns": re.findall(r"│ +[❌✅] (.*?) +│", page),
        "Kinds of steps": re.findall(r"^### \d\. (.*) \(\w+ tier\)$", page, re.MULTILINE),
        "The checklist": re.findall(r"^(?:### \d\. |⚠️ \*\*)(.*?)(?:\*\*)?$", checklist, re.MULTILINE),
        "Rules for lambdas": re.findall(r"^- [❌✅] (.*)$", checklist, re.MULTILINE),
        "Anti-patterns": first_cells(between(page, "ANTI-PATTERNS TO AVOID:", "REQUIRED TESTS")),
        "Required tests": re.findall(
            r"^\d\. \*\*(.*?)\*\*", between(page, "REQUIRED TESTS:", "DEFINITION"), re.MULTILINE
        ),
        "Definition of done": re.findall(r"^- \[ \] (.*)$", page, re.MULTILINE),
        "Workflow or pipeline": first_cells(between(page, "## When to Use", "## Complete Example")),
    }
    return {title: sorted(texts) for title, texts in found.items()}


def first_cells(part):
    return re.findall(r"^\| (.*?) \|", part, re.MULTILINE)[1:]


def test_it_has_each_item_of_the_page_and_no_other(page):
    assert {title: sorted(row[0] for row in rows) for title, rows in ROWS.items()} == items(page)


def test_it_was_read_from_the_page_whole(page):
    assert {title: len(texts) for title, texts in items(page).items()} == {
        "Separation of concerns": 6, "Kinds of steps": 3, "The checklist": 7, "Rules for lambdas": 6,
        "Anti-patterns": 5, "Required tests": 4, "Definition of done": 9, "Workflow or pipeline": 7,
    }  # fmt: skip
    marked = sum(line.count("❌") + line.count("✅") for line in page.splitlines())
    assert marked == 12, "the page has another rule: find it in items()"


@pytest.mark.parametrize("row", EVERY, ids=lambda row: row[0])
def test_what_a_row_names_is_there(row):
    item, kept, shown = row
    assert set(re.findall(r"SPN\d{3}", kept)) <= CODES.keys()
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", shown)
    assert named, f"{item}: no test shows it"
    assert shown.count("`") == 2 * len(named), f"{item}: what shows it is a test"
    for path, test in named:
        tree = ast.parse((ROOT / path).read_text())
        functions = {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert not test or test in functions, f"{path} has no {test}"


def test_what_the_corpus_shows_is_what_the_row_is_kept_by():
    for _, kept, shown in EVERY:
        for path in re.findall(r"`(tests/unit/checks/corpus/bad_\w+\.py)`", shown):
            expected = set(re.findall(r"SPN\d{3}", (ROOT / path).read_text().splitlines()[0]))
            assert expected & codes_of(kept), f"{path} is found by {expected}, and the row names {kept}"


def codes_of(text):
    """The codes that a text names, those between two of them as well: SPN201 to SPN208."""
    ranges = re.findall(r"(SPN\d{3})(?: to (SPN\d{3}))?", text)
    return {code for first, last in ranges for code in CODES if first <= code <= (last or first)}
