"""When something is due: on the days of a calendar, at a time of the day in a time zone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from spine_temporal.definition.calendar import Calendar, latest_day, next_day
from spine_temporal.definition.errors import DefinitionError

#: Days in which a time of the day must be there once each; every zone that changes its clocks does so among them.
_CHANGES = (date(2024, 1, 1), date(2028, 1, 1))


@dataclass(frozen=True, kw_only=True)
class CalendarRule:
    """Is due on each day of ``calendar`` at ``at`` (``"06:05"``) on the clocks of ``time_zone`` (an IANA name).

    Raises ``DefinitionError`` for a time of the day that the zone's change of clocks leaves out or has twice.
    """

    calendar: Calendar
    at: str
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        if not isinstance(self.calendar, Calendar):
            raise DefinitionError(
                f"calendar must be an object with is_day(day), such as Weekdays, not {self.calendar!r}"
            )
        if not isinstance(self.at, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", self.at):
            raise DefinitionError(f"at must be a time of the day as HH:MM, such as '06:05', not {self.at!r}")
        day = changed_clocks(zone_of(self.time_zone), self.time_of_day)
        if day is not None:
            raise DefinitionError(
                f"at {self.at} is not there once on every day in {self.time_zone}: the clocks are changed on {day}; "
                "choose a time of the day that they leave alone"
            )

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return zone_of(self.time_zone)

    @property
    def time_of_day(self) -> time:
        """The time of the day."""
        return time.fromisoformat(self.at)

    def on(self, day: date) -> datetime:
        """Return the moment on that day, in the rule's time zone."""
        return datetime.combine(day, self.time_of_day, self.zone)

    def is_due(self, moment: datetime) -> bool:
        """Return whether it is due at this very moment."""
        local = moment.astimezone(self.zone)
        return local == self.on(local.date()) and self.calendar.is_day(local.date())

    def latest(self, moment: datetime) -> datetime:
        """Return the newest due time that is not after ``moment``."""
        day = moment.astimezone(self.zone).date()
        found = self.on(latest_day(self.calendar, day))
        return found if found <= moment else self.on(latest_day(self.calendar, day - timedelta(days=1)))

    def next(self, moment: datetime) -> datetime:
        """Return the first due time after ``moment``."""
        day = moment.astimezone(self.zone).date()
        found = self.on(next_day(self.calendar, day))
        return found if found > moment else self.on(next_day(self.calendar, day + timedelta(days=1)))

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the due times after ``after`` up to ``until``, which counts."""
        moment = self.next(after)
        while moment <= until:
            yield moment
            moment = self.next(moment)

    def __str__(self) -> str:
        return f"{self.calendar!r} at {self.at} {self.time_zone}"


@cache
def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name; raise ``DefinitionError`` where there is none."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, TypeError, KeyError):
        raise DefinitionError(
            f"time_zone {name!r} is unknown: it must be an IANA name, such as 'America/New_York' or 'UTC'"
        ) from None


@cache
def changed_clocks(zone: ZoneInfo, at: time) -> date | None:
    """Return a day on which the zone has that time of the day not at all, or twice; None: there is none."""
    day, end = _CHANGES
    while day < end:
        local = datetime.combine(day, at, zone)
        if local.utcoffset() != local.replace(fold=1).utcoffset():
            return day
        day += timedelta(days=1)
    return None


def in_utc(moment: datetime) -> str:
    """Return a moment as it stands in ids and messages: ``2025-12-29T11:05:00Z``."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
