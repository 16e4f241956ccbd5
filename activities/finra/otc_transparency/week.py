"""Tiers and weeks: what is accepted as one, and when FINRA publishes a week."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from domains.finra.otc_transparency import FRIDAY, WrongParamError, friday_of, tier_named
from domains.finra.otc_transparency import TIERS as SPELLINGS
from spine_temporal import ErrorCategory, SpineError


@dataclass(frozen=True, kw_only=True)
class Tier:
    """One of our tiers: its names in files and in the API, and how many weeks FINRA publishes after the week."""

    name: str
    #: Accepted spellings, lower case.
    spellings: frozenset[str]
    api_identifier: str
    file_token: str
    description: str
    #: Days from the week's Monday to the publication Monday.
    lag_days: int


def _tier(name: str, api: str, token: str, description: str, lag_days: int) -> Tier:
    return Tier(
        name=name,
        spellings=SPELLINGS[name],
        api_identifier=api,
        file_token=token,
        description=description,
        lag_days=lag_days,
    )


TIERS = {
    tier.name: tier
    for tier in (
        _tier("NMS_TIER_1", "T1", "tier1", "NMS Tier 1", 21),
        _tier("NMS_TIER_2", "T2", "tier2", "NMS Tier 2", 35),
        _tier("OTC", "OTCE", "otc", "OTC", 35),
    )
}


def bad_param(message: str, code: str = "BAD_PARAM") -> SpineError:
    """Return the error of a param that a person must change."""
    return SpineError(message, ErrorCategory.CONFIGURATION, code=code)


def tier_of(text: object) -> Tier:
    """Return the tier of a name in any accepted spelling; raise BAD_PARAM listing the allowed ones."""
    try:
        return TIERS[tier_named(text)]
    except WrongParamError as error:
        raise bad_param(error.message, error.code) from None


def week_ending_of(given: object, *, strict: bool = False) -> date:
    """Return the Friday of the week that ``given`` (ISO 8601) names; raise BAD_PARAM or BAD_WEEK_ENDING."""
    try:
        return friday_of(given, strict=strict)
    except WrongParamError as error:
        raise bad_param(error.message, error.code) from None


def utc_today() -> date:
    """Return the current day in UTC."""
    return datetime.now(UTC).date()


def not_published(week_ending: date, tier: Tier, today: date) -> SpineError | None:
    """Return NOT_PUBLISHED_YET with the day to come back on, None where the week has been published."""
    expected = publication_day(week_ending, tier)
    if today >= expected:
        return None
    return SpineError(
        f"{tier.name} of week ending {week_ending} is published on {expected}: run it then",
        ErrorCategory.DATA_QUALITY,
        code="NOT_PUBLISHED_YET",
        metadata={"expected_publication": expected.isoformat()},
    )


def publication_monday(week_ending: date, tier: Tier) -> date:
    """Return the Monday of the week in which FINRA first publishes a week."""
    return week_ending - timedelta(days=FRIDAY) + timedelta(days=tier.lag_days)


def publication_day(week_ending: date, tier: Tier) -> date:
    """Return the day of first publication: that Monday, or the next business day where it is a holiday."""
    day = publication_monday(week_ending, tier)
    while day.weekday() > FRIDAY or day in us_holidays(day.year):
        day += timedelta(days=1)
    return day


def week_of_publication(monday: date, tier: Tier) -> date:
    """Return the week ending that is first published in the week of ``monday``."""
    return monday - timedelta(days=tier.lag_days) + timedelta(days=FRIDAY)


def monday_of(day: date) -> date:
    """Return the Monday of a day's ISO week."""
    return day - timedelta(days=day.weekday())


def us_holidays(year: int) -> frozenset[date]:
    """Return the US market holidays of a year that can fall on a weekday, moved as they are observed."""
    fixed = [date(year, 1, 1), date(year, 6, 19), date(year, 7, 4), date(year, 12, 25)]
    floating = [
        _nth_monday(year, 1, 3),
        _nth_monday(year, 2, 3),
        _nth_monday(year, 6, 1) - timedelta(days=7),
        _nth_monday(year, 9, 1),
        date(year, 11, 1) + timedelta(days=(3 - date(year, 11, 1).weekday()) % 7 + 21),
    ]
    return frozenset([_observed(day) for day in fixed] + floating)


def _nth_monday(year: int, month: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(7 - first.weekday()) % 7 + 7 * (number - 1))


def _observed(day: date) -> date:
    return day + timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0))
