"""Lines and tables fit the terminal; a word, an id and a command stay whole."""

import io
from datetime import UTC, datetime

import pytest

from spine_temporal.cli.layout import Column, cell, paragraph, plain, table, width_of

LONG = "finra.otc_transparency.weekly_refresh/week_ending=2025-11-28,tier=NMS_TIER_1,source=vendor_feed_of_last_resort"


def test_text_is_wrapped_between_words_and_a_longer_word_stays_whole():
    text = f"the run {LONG} waits for a worker that asks for its tasks on the task queue of the service"
    lines = paragraph(text, 80, indent="  ").split("\n")
    assert " ".join(line.strip() for line in lines) == text
    assert f"  {LONG}" in lines
    assert all(len(line) <= 80 for line in lines if LONG not in line)


def test_without_a_terminal_a_line_stays_a_line():
    text = "word " * 100
    assert paragraph(text, None) == text


def test_a_command_is_never_broken():
    command = f"spine-temporal waive {LONG} validate_ingest --reason TEXT"
    assert paragraph(f"  {command}", 80) == f"  {command}"
    within = paragraph(f"nobody serves this run, so start a worker of its own: `{command}` and wait", 80)
    assert f"`{command}`" in within.split("\n")


def test_data_is_shown_and_neither_obeyed_nor_read_as_markup():
    assert plain("a\x1b[31mred\x07\tand [bold]this[/]\nnext") == "a [31mred and [bold]this[/]\nnext"
    assert paragraph("[bold]rows[/]", 80) == "[bold]rows[/]"


COLUMNS = [Column(title="PARTITION"), Column(title="STAGE"), Column(title="ROWS", right=True), Column(title="WHEN")]


def row(partition="week_ending=2025-11-28, tier=OTC", stage="AGGREGATED"):
    return (partition, stage, 12345, datetime(2025, 11, 28, 12, 30, tzinfo=UTC))


def test_a_table_that_fits_is_one_line_for_each_row():
    lines = table(COLUMNS, [row()], 80).split("\n")
    assert lines == [
        "PARTITION                         STAGE         ROWS  WHEN",
        "week_ending=2025-11-28, tier=OTC  AGGREGATED  12,345  2025-11-28 12:30:00",
    ]


def test_a_table_that_does_not_fit_is_wrapped_in_as_few_columns_as_possible():
    shown = table(COLUMNS, [row(stage="STEP_VALIDATE_NORMALIZED")], 80, indent="  ")
    lines = shown.split("\n")
    assert max(map(len, lines)) <= 80
    assert lines[1].startswith("  week_ending=2025-11-28,  ")
    assert lines[1].endswith("12,345  2025-11-28 12:30:00")
    assert lines[2].strip() == "tier=OTC"


def test_a_wide_terminal_is_used_and_a_pipe_has_no_width():
    partition = "week_ending=2025-11-28, tier=NMS_TIER_1, source=vendor, region=everywhere, kind=final"
    assert len(table(COLUMNS, [row(partition)], 160).split("\n")) == 2
    assert len(table(COLUMNS, [row(partition)], None).split("\n")) == 2
    assert max(map(len, table(COLUMNS, [row(partition)], 80).split("\n"))) <= 80


def test_a_word_that_is_wider_than_the_terminal_stays_whole():
    assert LONG in table(COLUMNS, [row(LONG)], 80)


def test_what_is_to_be_copied_stands_below_where_the_row_is_too_wide():
    columns = [Column(title="STATUS"), Column(title="ID", below=True), Column(title="AT")]
    assert table(columns, [("FAILED", LONG, "check")], 80).split("\n") == [
        "STATUS  AT",
        "  ID",
        "FAILED  check",
        f"  {LONG}",
    ]
    assert table(columns, [("FAILED", LONG, "check")], 200).split("\n")[1] == f"FAILED  {LONG}  check"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "yes"),
        (1234567, "1,234,567"),
        (0.125, "0.125"),
        (5000.0, "5,000"),
        ({"week": "2025-11-28", "full": True, "part": 3}, "week=2025-11-28, full=true, part=3"),
        (datetime(2025, 11, 28, 1, 2, 3, tzinfo=UTC), "2025-11-28 01:02:03"),
    ],
)
def test_values_are_shown_as_people_read_them(value, shown):
    assert cell(value) == shown


def test_the_width_is_what_is_told_else_the_terminals_else_none(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert width_of(io.StringIO()) == 100
    monkeypatch.delenv("COLUMNS")
    assert width_of(io.StringIO()) is None
