"""Calendars: which days count. A class of the user's own with ``is_day`` is one, too."""

from calendar import monthrange
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Protocol, runtime_checkable

from spine_temporal.definition.errors import DefinitionError

#: Days within which a calendar must have a day, else it counts as empty.
HORIZON = 400
_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@runtime_checkable
class Calendar(Protocol):
    """Says which days count; pure, so that a day of ten years ago has the same answer as then."""

    def is_day(self, day: date) -> bool:
        """Return whether the day counts."""


class Weekdays:
    """The same days of every week: ``Weekdays("Monday", "Thursday")``."""

    def __init__(self, *names: str) -> None:
        wrong = [name for name in names if str(name).lower() not in _NAMES]
        if wrong or not names:
            given = repr(wrong[0]) if wrong else "nothing"
            raise DefinitionError(f"Weekdays takes names of days, such as 'Monday' or 'Friday', not {given}")
        self._days = frozenset(_NAMES.index(name.lower()) for name in names)

    def is_day(self, day: date) -> bool:
        """Return whether it is one of these days of the week."""
        return day.weekday() in self._days

    def __repr__(self) -> str:
        return f"Weekdays({_quoted(_NAMES[day].capitalize() for day in sorted(self._days))})"


class MonthDays:
    """The same days of every month: ``MonthDays(1, 15)``; -1 is the last day. A month without the day has none."""

    def __init__(self, *days: int) -> None:
        allowed = (*range(1, 32), *range(-31, 0))
        wrong = [day for day in days if isinstance(day, bool) or day not in allowed]
        if wrong or not days:
            given = repr(wrong[0]) if wrong else "nothing"
            raise DefinitionError(f"MonthDays takes numbers from 1 to 31, or from -1 back to -31, not {given}")
        self._days = frozenset(days)

    def is_day(self, day: date) -> bool:
        """Return whether it is one of these days of its month, counted from the front or from the end."""
        return bool(self._days & {day.day, day.day - monthrange(day.year, day.month)[1] - 1})

    def __repr__(self) -> str:
        return f"MonthDays({', '.join(map(str, sorted(self._days)))})"


def latest_day(calendar: Calendar, day: date) -> date:
    """Return the newest day of the calendar that is not after ``day``."""
    return _nearest(calendar, day, -1)


def next_day(calendar: Calendar, day: date) -> date:
    """Return the first day of the calendar that is not before ``day``."""
    return _nearest(calendar, day, 1)


def _nearest(calendar: Calendar, day: date, direction: int) -> date:
    for distance in range(HORIZON):
        found = day + timedelta(days=direction * distance)
        if calendar.is_day(found):
            return found
    side = "before" if direction < 0 else "after"
    raise DefinitionError(f"calendar {calendar!r} has no day in the {HORIZON} days {side} {day}")


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
