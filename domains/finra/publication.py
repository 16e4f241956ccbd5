"""When FINRA publishes a week of its OTC transparency data, and which weeks it has published."""

from calendar import MONDAY
from collections.abc import Container, Mapping
from datetime import date, timedelta
from functools import cache
from types import MappingProxyType

from domains.finra.otc_transparency import FRIDAY

#: Days from a week's Monday to the Monday in whose week it is first published.
LAG_DAYS: Mapping[str, int] = MappingProxyType({"NMS_TIER_1": 21, "NMS_TIER_2": 35, "OTC": 35})
#: When a publication day's files are there, and where the clocks are.
PUBLISHED_AT = "06:05"
TIME_ZONE = "America/New_York"


class PublicationDays:
    """The days of publication: Mondays, or the next business day where the Monday is a holiday."""

    def is_day(self, day: date) -> bool:
        """Return whether FINRA publishes weeks on that day."""
        return day == first_business_day(monday_of(day))

    def __repr__(self) -> str:
        return "PublicationDays()"


class FirstPublicationDays(PublicationDays):
    """The first day of publication of each month."""

    def is_day(self, day: date) -> bool:
        """Return whether it is the first one of its month."""
        earlier = (day - timedelta(days=back) for back in range(1, day.day))
        return super().is_day(day) and not any(map(super().is_day, earlier))

    def __repr__(self) -> str:
        return "FirstPublicationDays()"


def monday_of(day: date) -> date:
    """Return the Monday of a day's ISO week."""
    return day - timedelta(days=day.weekday() - MONDAY)


def first_business_day(day: date) -> date:
    """Return the day, or the next business day where it is none."""
    while day.weekday() > FRIDAY or day in _holidays():
        day += timedelta(days=1)
    return day


def publication_monday(week_ending: date, tier: str) -> date:
    """Return the Monday in whose week a week is first published."""
    return week_ending - timedelta(days=FRIDAY) + timedelta(days=LAG_DAYS[tier])


def publication_day(week_ending: date, tier: str) -> date:
    """Return the day of first publication: that Monday, or the next business day where it is a holiday."""
    return first_business_day(publication_monday(week_ending, tier))


def week_published_on(day: date, tier: str) -> date:
    """Return the week ending that is first published in the week of a day."""
    return monday_of(day) - timedelta(days=LAG_DAYS[tier]) + timedelta(days=FRIDAY)


def weeks_before(week_ending: date, count: int) -> list[date]:
    """Return so many weeks, the given one first and then those before it."""
    return [week_ending - timedelta(weeks=back) for back in range(count)]


@cache
def _holidays() -> Container[date]:
    """Return the holidays of the exchanges, which are FINRA's."""
    from holidays import financial_holidays  # noqa: PLC0415 - 0.2 s, when first asked

    return financial_holidays("NYSE")
