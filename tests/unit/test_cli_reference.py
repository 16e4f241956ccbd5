"""The reference of the command line is as the program tells it now; `make reference` writes it anew."""

import re

from ops.cli_reference import PAGE, reference


def test_it_is_as_the_program_tells_it_now():
    assert PAGE.read_text() == reference(), "docs/cli.md is stale: `make reference` writes it anew"


def test_each_command_is_in_the_index_and_has_a_part():
    page = PAGE.read_text()
    index = set(re.findall(r"^\| \[`(.+?)`\]\(#(.+?)\) \|", page, re.MULTILINE))
    parts = set(re.findall(r"^## spine-temporal (.+)$", page, re.MULTILINE))
    assert {name for name, _ in index} == parts
    assert all(anchor == f"spine-temporal {name}".replace(" ", "-") for name, anchor in index)
    assert {"run", "check", "db upgrade"} <= parts
