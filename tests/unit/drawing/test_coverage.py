"""Coverage as a picture: days across, other params below each other, a sign and a colour for each partition."""

from xml.etree import ElementTree

from spine_temporal.definition.coverage import CoverageStatus as Status
from spine_temporal.definition.over import read_over
from spine_temporal.drawing.coverage_grid import Cell, grid_of
from spine_temporal.drawing.svg_coverage import coverage_svg
from spine_temporal.drawing.terminal_coverage import SIGNS, coverage_lines

STATUSES = [Status.COMPLETE, Status.FAILED, Status.COMPLETE, Status.STALE, Status.RUNNING, Status.MISSING]


def grid(*texts, statuses=STATUSES):
    return grid_of("sales.daily", read_over(texts), [Cell(status=status, told="why") for status in statuses])


def lines(drawn):
    return ["".join(text for text, _ in line).rstrip() for line in drawn]


def test_days_stand_across_and_each_other_combination_is_a_row():
    weekly = grid("shop=lisbon,porto", "day=2025-01-03..2025-01-17:7d")
    assert weekly.columns == ["2025-01-03", "2025-01-10", "2025-01-17"]
    assert lines(coverage_lines(weekly)) == [
        "sales.daily",
        "2 complete, 1 stale, 1 failed, 1 running, 1 missing",
        "",
        "        day 2025-01-03 to 2025-01-17",
        "lisbon  ■■R",
        "porto   Fs·",
        "",
        "■ COMPLETE   s STALE   F FAILED   R RUNNING   · MISSING",
    ]


def test_what_does_not_fit_goes_on_below():
    shards = grid("shard=1..25", statuses=[Status.COMPLETE] * 25)
    assert lines(coverage_lines(shards, width=12))[2:-2] == [
        "", "shard 1 to 10", "■" * 10, "", "shard 11 to 20", "■" * 10, "", "shard 21 to 25", "■" * 5,
    ]  # fmt: skip


def test_the_svg_has_a_square_for_each_that_says_what_it_is():
    picture = coverage_svg(grid("day=2025-01-03..2025-01-08"))
    root = ElementTree.fromstring(picture)
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles[0] == "Coverage of sales.daily"
    assert "2025-01-04: FAILED why" in titles
    assert len(titles) == 1 + 6


def test_each_status_has_a_sign():
    assert SIGNS.keys() == set(Status)
    assert len(set(SIGNS.values())) == len(SIGNS)
