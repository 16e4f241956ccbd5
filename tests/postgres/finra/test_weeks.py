"""Which week a file is, as its days of last update tell it; and what is noted of a week without failing it."""

from datetime import date

import pytest
from sqlalchemy import text

from activities.finra.otc_transparency.ingest import IngestWeek
from activities.finra.otc_transparency.normalize import NormalizeWeek
from spine_temporal import ErrorCategory, SpineError
from tests.postgres.finra.weekly_file import WEEK, line

INGEST = (IngestWeek,)


@pytest.fixture
def on_day(monkeypatch):
    """Let ingest believe that it is another day."""
    return lambda *day: monkeypatch.setattr(IngestWeek, "today", staticmethod(lambda: date(*day)))


def test_a_week_is_not_read_before_its_publication(refresh, on_day):
    on_day(2025, 12, 28)
    with pytest.raises(SpineError, match=r"^NOT_PUBLISHED_YET: .* published on 2025-12-29") as caught:
        refresh([line()], steps=INGEST)
    assert caught.value.category is ErrorCategory.DATA_QUALITY
    on_day(2025, 12, 29)
    assert refresh([line()], steps=INGEST)[0]["row_count"] == 1


def test_a_file_of_an_earlier_week_is_refused_with_both_dates_and_its_week(refresh, anomalies):
    early = [line(updated="2025-12-22")]
    with pytest.raises(SpineError, match=r"^WEEK_MISMATCH: ") as caught:
        refresh(early, steps=INGEST)
    for words in ("2025-12-22", "2025-12-29", "the week ending 2025-11-21"):
        assert words in str(caught.value)
    assert refresh(early, steps=INGEST, allow_week_mismatch=True)[0]["row_count"] == 1
    assert anomalies()["WEEK_MISMATCH"] == "WARN"


def test_a_file_under_the_upstream_convention_is_taken_where_that_is_allowed(refresh, on_day):
    """There, week ending is three days before the publication: long before it could be published."""
    on_day(2025, 12, 30)
    given = {"week_ending": "2025-12-26", "allow_week_mismatch": True}
    assert refresh([line()], steps=INGEST, **given)[0]["week_ending"] == date(2025, 12, 26)


def test_a_file_that_was_updated_later_is_a_revised_one(refresh, anomalies):
    refresh([line(updated="2026-01-12"), line(symbol="B")], steps=INGEST)
    assert anomalies()["REVISED_SOURCE"] == "INFO"
    assert anomalies()["SEVERAL_UPDATE_DATES"] == "INFO"


def test_a_day_that_cannot_be_yet_is_its_lines_fault_and_hides_nothing(refresh, anomalies):
    ingest, normalize = refresh([line(), line(symbol="B", updated="2999-01-01")], steps=(IngestWeek, NormalizeWeek))
    assert ingest["last_update_date_max"] == date(2025, 12, 29)
    assert normalize["rejects_by_reason"] == {"BAD_DATE": 1}
    assert "REVISED_SOURCE" not in anomalies()
    with pytest.raises(SpineError, match=r"^WEEK_MISMATCH: "):
        refresh([line(updated="2025-12-22"), line(symbol="B", updated="2999-01-01")], steps=INGEST)


def test_without_a_week_the_file_tells_it(refresh, connection):
    assert refresh([line()], steps=INGEST, week_ending=None)[0]["week_ending"] == date(2025, 11, 28)
    assert connection.execute(text("SELECT week_source FROM finra_otc_capture")).scalar() == "inferred"
    with pytest.raises(SpineError, match=r"^BAD_PARAM: week_ending is missing"):
        refresh([line(updated="soon")], steps=INGEST, week_ending=None)
    with pytest.raises(SpineError, match=r"^BAD_PARAM: "):
        refresh([line()], steps=INGEST, week_ending=None, source="api")


@pytest.mark.parametrize("given", ["2025-11-25", "2025-11-27", "2025-11-29", "2025-11-30"])
def test_any_day_of_the_week_is_the_week_and_that_is_noted(refresh, anomalies, given):
    assert refresh([line()], steps=INGEST, week_ending=given)[0]["week_ending"] == date(2025, 11, 28)
    assert anomalies()["WEEK_ENDING_SNAPPED"] == "INFO"


def test_what_the_workflow_snapped_is_noted_too(refresh, anomalies):
    refresh([line()], steps=INGEST, week_ending_requested=WEEK)
    assert "WEEK_ENDING_SNAPPED" not in anomalies()
    refresh([line()], steps=INGEST, week_ending_requested="2025-11-26")
    assert anomalies()["WEEK_ENDING_SNAPPED"] == "INFO"


@pytest.mark.parametrize(
    ("lines", "category", "severity"),
    [
        ([line(), "OTC|ABCD|A"], "POSSIBLY_TRUNCATED", "WARN"),
        ([line()], "ROW_COUNT_BAND", "WARN"),
        ([line()], "SYMBOL_COUNT", "WARN"),
        ([line()], "VENUE_COUNT", "WARN"),
        ([line(shares="0")], "ZERO_ONE_SIDED", "WARN"),
        ([line(trades="0")], "ZERO_ONE_SIDED", "WARN"),
        ([line(symbol="ABCp"), line(symbol="ABCP")], "SYMBOL_CASE_COLLISION", "WARN"),
        ([line(name="Old"), line(name="Newer", mpid="OTCX")], "SEVERAL_NAMES", "WARN"),
        ([line(shares="5"), line(shares="6")], "DUPLICATE_CONFLICT", "ERROR"),
    ],
)
def test_what_is_unusual_is_noted(refresh, anomalies, lines, category, severity):
    refresh(lines)
    assert anomalies()[category] == severity


def test_what_is_usual_is_not_noted(refresh, anomalies):
    venues = ("OTCN", "OTCX", "ARCA", "PPEX", "ALTS")
    refresh([line(symbol=f"S{number}", mpid=venues[number % 5]) for number in range(4000)])
    assert anomalies() == {}


def test_a_line_too_long_at_the_end_is_not_taken_for_a_cut(refresh, anomalies):
    refresh([line(), line(symbol="B") + "|more"])
    assert "POSSIBLY_TRUNCATED" not in anomalies()


def test_a_week_with_far_fewer_rows_than_those_before_is_noted(refresh, anomalies):
    for week, updated in [("2025-11-14", "2025-12-15"), ("2025-11-21", "2025-12-22")]:
        refresh([line(symbol=f"S{number}", updated=updated) for number in range(100)], week_ending=week)
    refresh([line(symbol=f"S{number}") for number in range(71)])
    assert "ROW_COUNT_CHANGE" not in anomalies()
    refresh([line(symbol=f"S{number}") for number in range(69)])
    assert anomalies()["ROW_COUNT_CHANGE"] == "WARN"
