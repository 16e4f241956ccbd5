"""When FINRA's weeks are refreshed by themselves, and by when they must be there."""

from datetime import datetime, timedelta

from domains.finra.publication import (
    LAG_DAYS,
    PUBLISHED_AT,
    TIME_ZONE,
    FirstPublicationDays,
    PublicationDays,
    week_published_on,
    weeks_before,
)
from spine_temporal import CalendarRule, Deadline, Schedule
from workflows.finra.otc_transparency import WEEKLY_REFRESH

#: Weeks that are asked for again, as FINRA revises them: with the newest one, and monthly.
WEEKLY_CHECK, MONTHLY_CHECK = 6, 52


def newest_weeks(scheduled: datetime, _calendar: PublicationDays, *, count: int = 1) -> list[dict[str, str]]:
    """Return the newest published week of each tier, and those before it, oldest last."""
    return [
        {"week_ending": week.isoformat(), "tier": tier}
        for tier in LAG_DAYS
        for week in weeks_before(week_published_on(scheduled.date(), tier), count)
    ]


def weekly_check(scheduled: datetime, calendar: PublicationDays) -> list[dict[str, str]]:
    """Return the newest week of each tier and the five before it."""
    return newest_weeks(scheduled, calendar, count=WEEKLY_CHECK)


def monthly_check(scheduled: datetime, calendar: PublicationDays) -> list[dict[str, str]]:
    """Return the weeks of the last twelve months of each tier."""
    return newest_weeks(scheduled, calendar, count=MONTHLY_CHECK)


WEEKLY = Schedule(
    name="finra.otc_transparency.weekly",
    workflow=WEEKLY_REFRESH,
    calendar=PublicationDays(),
    at=PUBLISHED_AT,
    time_zone=TIME_ZONE,
    params=weekly_check,
    catch_up=timedelta(days=7),
)

MONTHLY = Schedule(
    name="finra.otc_transparency.monthly",
    workflow=WEEKLY_REFRESH,
    calendar=FirstPublicationDays(),
    at="20:00",
    time_zone=TIME_ZONE,
    params=monthly_check,
    catch_up=timedelta(days=7),
)

#: A week must be there by the noon of the day on which FINRA publishes it.
BY_NOON = Deadline(
    name="finra.otc_transparency.by_noon",
    workflow=WEEKLY_REFRESH,
    by=CalendarRule(calendar=PublicationDays(), at="12:00", time_zone=TIME_ZONE),
    params=newest_weeks,
)
