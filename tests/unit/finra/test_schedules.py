"""FINRA's schedule: which weeks each publication day brings, over years with their holidays."""

from collections import Counter
from datetime import UTC, date, datetime

from domains.finra.otc_transparency import TIERS
from domains.finra.publication import LAG_DAYS, FirstPublicationDays, PublicationDays, publication_day
from spine_temporal.definition.params import resolve_params
from workflows.finra.otc_weekly_schedules import BY_NOON, MONTHLY, MONTHLY_CHECK, WEEKLY, WEEKLY_CHECK

YEAR = (datetime(2024, 12, 31, tzinfo=UTC), datetime(2025, 12, 31, tzinfo=UTC))


def newest(params):
    return {(one["week_ending"], one["tier"]) for one in params}


def test_each_week_is_published_on_its_publication_day_and_due_there():
    seen = Counter()
    for due in BY_NOON.by.between(*YEAR):
        for one in BY_NOON.params_at(due):
            seen[one["week_ending"], one["tier"]] += 1
            assert publication_day(date.fromisoformat(one["week_ending"]), one["tier"]) == due.date()
    assert set(seen.values()) == {1}
    assert len(seen) == 52 * len(TIERS)


def test_a_holiday_moves_a_publication_to_the_next_business_day():
    days = [due.date() for due in WEEKLY.rule.between(*YEAR)]
    assert len(days) == 52
    moved = [day for day in days if day.weekday() != 0]
    assert moved == [date(2025, 1, 21), date(2025, 2, 18), date(2025, 5, 27), date(2025, 9, 2)]
    assert {due.astimezone(UTC).hour for due in WEEKLY.rule.between(*YEAR)} == {10, 11}  # summer and winter


def test_with_the_newest_week_the_five_before_it_are_checked():
    due = WEEKLY.rule.on(date(2025, 12, 29))
    params = WEEKLY.params_at(due)
    assert len(params) == WEEKLY_CHECK * len(TIERS)
    of_otc = [one["week_ending"] for one in params if one["tier"] == "OTC"]
    assert of_otc == ["2025-11-28", "2025-11-21", "2025-11-14", "2025-11-07", "2025-10-31", "2025-10-24"]
    assert newest(BY_NOON.params_at(BY_NOON.by.on(date(2025, 12, 29)))) == {
        ("2025-12-12", "NMS_TIER_1"),
        ("2025-11-28", "NMS_TIER_2"),
        ("2025-11-28", "OTC"),
    }


def test_monthly_a_year_is_checked_on_the_first_publication_day():
    days = [due.date() for due in MONTHLY.rule.between(*YEAR)]
    assert len(days) == 12
    assert (days[0], days[5], days[8]) == (date(2025, 1, 6), date(2025, 6, 2), date(2025, 9, 2))
    assert len(newest(MONTHLY.params_at(MONTHLY.rule.on(days[0])))) == MONTHLY_CHECK * len(TIERS)


def test_the_params_are_those_that_the_workflow_takes():
    for one in WEEKLY.params_at(WEEKLY.rule.on(date(2025, 12, 29))):
        assert resolve_params(WEEKLY.workflow, one)["source"] == "api"
    assert LAG_DAYS.keys() == TIERS.keys()
    assert [repr(days) for days in (PublicationDays(), FirstPublicationDays())] == [
        "PublicationDays()",
        "FirstPublicationDays()",
    ]
