"""What ``--over`` means: values of params as ranges, lists and calendars, and the order of their combinations."""

import pytest

from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.over import MAX_PARTITIONS, over_of, read_over


class Fridays:
    def is_day(self, day):
        return day.weekday() == 4


def values(text, calendars=None):
    return read_over([text], calendars).axes[0].values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("week=2025-01-03..2025-01-24:7d", ("2025-01-03", "2025-01-10", "2025-01-17", "2025-01-24")),
        ("week=2025-01-03..2025-01-23:1w", ("2025-01-03", "2025-01-10", "2025-01-17")),
        ("day=2024-02-28..2024-03-01", ("2024-02-28", "2024-02-29", "2024-03-01")),
        ("day=2025-01-31..2025-04-30:1m", ("2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30")),
        ("day=2025-01-03..2025-01-03:7d", ("2025-01-03",)),
        ("day=9999-12-30..9999-12-31", ("9999-12-30", "9999-12-31")),
        ("week=2025-01-01..2025-01-12:fridays", ("2025-01-03", "2025-01-10")),
        ("shard=1..7:3", ("1", "4", "7")),
        ("shard=-1..1", ("-1", "0", "1")),
        ("tier=NMS_TIER_1, OTC", ("NMS_TIER_1", "OTC")),
        ("file=a.csv", ("a.csv",)),
        ("url=http://host:80/a=b", ("http://host:80/a=b",)),
    ],
)
def test_an_axis_is_a_range_with_a_step_or_a_calendar_or_a_list(text, expected):
    assert values(text, {"fridays": Fridays()}) == expected


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ([], "over is empty"),
        (["2025-01-03"], "must be PARAM=VALUES"),
        (["tier=A", "tier=B"], "names 'tier' twice"),
        (["tier=A,A"], "names 'A' twice"),
        (["tier=A,"], "value 2 is empty"),
        (["day=2025-02-30..2025-03-01"], "2025-02-30 is no day"),
        (["day=2025-03-02..2025-03-01"], "names no value: it begins after it ends"),
        (["day=2025-03-01..2025-03-03:friday"], "must be days, weeks or months as 7d, 1w, 1m, or a calendar: fridays"),
        (["day=2025-03-01..2025-03-03:0d"], "must be days, weeks or months"),
        (["shard=1..9:0"], "must be a number from 1"),
        (["shard=1..9:1d"], "must be a number from 1"),
        (["tier=A..C"], "a range goes from day to day (2025-01-03) or from number to number"),
        (["shard=1..999999999"], "100,000 are allowed"),
        (["a=1..1000", "b=1..1000"], "over names 1,000,000 partitions"),
    ],
)
def test_what_is_wrong_is_told(texts, sentence):
    with pytest.raises(ParamsError) as refused:
        read_over(texts, {"fridays": Fridays()})
    assert sentence in str(refused.value)


def test_days_vary_slowest_so_that_the_oldest_or_the_newest_is_done_first():
    over = read_over(["tier=A,B", "day=2025-01-01..2025-01-02"])
    assert len(over) == 4
    oldest = [(found["day"][-1], found["tier"]) for found in over.partitions()]
    newest = [(found["day"][-1], found["tier"]) for found in over.partitions(newest_first=True)]
    assert oldest == [("1", "A"), ("1", "B"), ("2", "A"), ("2", "B")]
    assert newest == [("2", "A"), ("2", "B"), ("1", "A"), ("1", "B")]
    assert [list(found) for found in over.partitions()] == [["tier", "day"]] * 4


def test_a_program_gives_values_of_any_type():
    over = over_of({"shard": range(3), "day": "2025-01-01..2025-01-02"})
    assert over.axes[0].values == (0, 1, 2)
    assert len(over) == 6


def test_as_many_partitions_as_are_allowed_are_named():
    assert len(read_over([f"shard=1..{MAX_PARTITIONS}"])) == MAX_PARTITIONS
