"""Each code is explained, is on the page, and is found by a test."""

import re

import pytest

from spine_temporal.checks.catalogue import CODES
from spine_temporal.checks.codes import GROUPS
from spine_temporal.checks.lightness import LIMITS
from tests.unit.checks.cases import CORPUS, expected, names
from tests.unit.test_walls import ROOT

PAGE = (ROOT / "docs" / "checks.md").read_text()
#: Those that a project is needed for; test_proof_rules.py has them.
OF_PROJECTS = {"SPN601", "SPN602", "SPN603", "SPN604", "SPN605"}


def test_the_page_has_a_row_for_each_code_and_no_other():
    rows = re.findall(r"^\| (SPN\d{3}) \| (\w+) \| (.*?) \| (.*) \|$", PAGE, re.MULTILINE)
    assert rows == [(code.name, code.severity, code.title, f"{code.why} {code.mend}") for code in CODES.values()]


def test_codes_are_grouped_by_hundreds():
    assert list(CODES) == sorted(CODES)
    assert {name[3] for name in CODES} == set(GROUPS)
    assert all(f"### SPN{digit}xx: {title}\n" in PAGE for digit, title in GROUPS.items())


@pytest.mark.parametrize("name", CODES)
def test_a_code_says_why_and_how_in_a_sentence_each(name):
    code = CODES[name]
    for sentence in (code.why, code.mend):
        assert re.fullmatch(r"[A-Z].*[.]", sentence)
        assert "\n" not in sentence


def test_each_code_is_found_in_the_corpus():
    found = {said.partition("@")[0] for name in names() for said in expected(name)}
    assert found == CODES.keys() - OF_PROJECTS


def test_the_corpus_is_of_good_and_bad_workflows_each_of_them_small():
    good, bad = names("good_"), names("bad_")
    assert (len(good), len(bad)) == (48, 98)
    assert sorted([*good, *bad]) == names()
    assert all(expected(name) == set() for name in good)
    assert all(expected(name) for name in bad)
    assert max(len(path.read_text().splitlines()) for path in CORPUS.iterdir() if path.suffix == ".py") <= 50


def test_the_page_has_the_limits_of_a_gate():
    assert all(f"{name} {limit}" in " ".join(PAGE.split()) for name, limit in LIMITS.items())


def test_what_the_page_says_of_the_rules_names_codes_that_exist():
    assert set(re.findall(r"SPN\d{3}", PAGE)) == CODES.keys()
