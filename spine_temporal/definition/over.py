"""Which partitions are meant by ``week_ending=2025-01-03..2025-12-26:7d`` and ``tier=NMS_TIER_1,OTC`` together.

Each text is an axis: a param and its values. The partitions are all combinations of one value of each axis.
"""

import calendar
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any

from spine_temporal.definition.calendar import Calendar
from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.names import did_you_mean

#: Partitions that one ``--over`` may name.
MAX_PARTITIONS = 100_000

_RANGE = re.compile(r"(?P<first>[^.]+)\.\.(?P<last>[^.:]+)(?::(?P<step>.+))?", re.DOTALL)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMBER = re.compile(r"-?\d{1,15}")
_STEP = re.compile(r"(?P<count>[1-9]\d{0,3})(?P<unit>[dwm])")
_EXAMPLE = "for example week_ending=2025-01-03..2025-12-26:7d or tier=NMS_TIER_1,OTC"


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A param and the values that it takes, in their order; those of a range are text."""

    name: str
    values: tuple[Any, ...]
    #: As it was given.
    text: str
    #: Whether the values are days, oldest first.
    is_time: bool = False


@dataclass(frozen=True)
class Over:
    """All combinations of one value of each axis."""

    axes: tuple[Axis, ...]

    def __len__(self) -> int:
        return math.prod(len(axis.values) for axis in self.axes)

    @property
    def told(self) -> dict[str, str]:
        """What was given for each param."""
        return {axis.name: axis.text for axis in self.axes}

    def partitions(self, *, newest_first: bool = False) -> Iterator[dict[str, Any]]:
        """Give each combination, the oldest days first, or the newest; of one day in the order of the other values."""
        slowest_first = sorted(self.axes, key=lambda axis: not axis.is_time)
        columns = [axis.values[::-1] if axis.is_time and newest_first else axis.values for axis in slowest_first]
        names = [axis.name for axis in self.axes]
        for values in product(*columns):
            found = {axis.name: value for axis, value in zip(slowest_first, values, strict=True)}
            yield {name: found[name] for name in names}


def read_over(texts: Iterable[str], calendars: Mapping[str, Calendar] | None = None) -> Over:
    """Return what ``PARAM=VALUES`` texts mean; ``calendars`` by the name that a range's step may have.

    Raises ``ParamsError`` saying which of them is wrong.
    """
    given: dict[str, str] = {}
    for text in texts:
        name, separator, values = text.partition("=")
        if not separator or not name:
            raise ParamsError(f"--over {text[:100]!r} must be PARAM=VALUES, {_EXAMPLE}")
        if name in given:
            raise ParamsError(f"--over names {name!r} twice: give all of its values at once, as {name}=A,B")
        given[name] = values
    return over_of(given, calendars)


def over_of(given: Mapping[str, str | Sequence[Any]], calendars: Mapping[str, Calendar] | None = None) -> Over:
    """Return what a program gives: for each param a text as of ``read_over``, or a sequence of values.

    Raises ``ParamsError`` saying which of them is wrong.
    """
    if not given:
        raise ParamsError(f"over is empty: name at least one param and its values, {_EXAMPLE}")
    over = Over(tuple(_axis(name, values, calendars or {}) for name, values in given.items()))
    if len(over) > MAX_PARTITIONS:
        raise ParamsError(f"over names {len(over):,} partitions, and {MAX_PARTITIONS:,} are allowed: name fewer")
    return over


def _axis(name: str, given: str | Sequence[Any], calendars: Mapping[str, Calendar]) -> Axis:
    if not isinstance(given, str):
        return _listed(name, list(given))
    found = _RANGE.fullmatch(given)
    if found is None:
        return _listed(name, [value.strip() for value in given.split(",")])
    first, last, step = found["first"].strip(), found["last"].strip(), found["step"]
    if _DAY.fullmatch(first) and _DAY.fullmatch(last):
        days = _days(name, _day(name, first), _day(name, last), step, calendars)
        return _ranged(name, given, [day.isoformat() for day in days], is_time=True)
    if _NUMBER.fullmatch(first) and _NUMBER.fullmatch(last):
        return _ranged(name, given, _numbers(name, int(first), int(last), step), is_time=False)
    raise ParamsError(f"over {name}={given[:100]}: a range goes from day to day (2025-01-03) or from number to number")


def _listed(name: str, values: list[Any]) -> Axis:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value == "":
            raise ParamsError(f"over {name}: value {index + 1} is empty, {_EXAMPLE}")
        if repr(value) in seen:
            raise ParamsError(f"over {name} names {str(value)[:100]!r} twice")
        seen.add(repr(value))
    if not values:
        raise ParamsError(f"over {name} names no value, {_EXAMPLE}")
    return Axis(name=name, values=tuple(values), text=",".join(map(str, values)))


def _ranged(name: str, given: str, values: list[str], *, is_time: bool) -> Axis:
    if not values:
        raise ParamsError(f"over {name}={given[:100]} names no value: it begins after it ends, or its step has none")
    return Axis(name=name, values=tuple(values), text=given, is_time=is_time)


def _numbers(name: str, first: int, last: int, step: str | None) -> list[str]:
    if step is not None and (not step.isdigit() or int(step) < 1):
        raise ParamsError(f"over {name}: the step {step[:100]!r} of a range of numbers must be a number from 1")
    numbers = range(first, last + 1, int(step or 1))
    _require_few(name, len(numbers))
    return [str(number) for number in numbers]


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ParamsError(f"over {name}: {text} is no day: {error}") from None


def _days(name: str, first: date, last: date, step: str | None, calendars: Mapping[str, Calendar]) -> list[date]:
    """Return the days from first to last that the step, or the calendar of its name, has."""
    _require_few(name, (last - first).days // 31)
    step = step or "1d"
    found = _STEP.fullmatch(step)
    if found is not None:
        return list(_stepped(first, last, _after(first, int(found["count"]), found["unit"])))
    if step not in calendars:
        known = f"or a calendar: {', '.join(sorted(calendars))}" if calendars else "and there is no calendar"
        raise ParamsError(
            f"over {name}: the step {step[:100]!r} must be days, weeks or months as 7d, 1w, 1m, {known}"
            f"{did_you_mean(step, list(calendars))}"
        )
    return [day for day in _stepped(first, last, _after(first, 1, "d")) if calendars[step].is_day(day)]


def _after(first: date, count: int, unit: str) -> Callable[[int], date]:
    """Return what gives the n-th day: a month later is the same day of the month, or the month's last one."""

    def month(number: int) -> date:
        years, index = divmod(first.month - 1 + number * count, 12)
        year = first.year + years
        return date(year, index + 1, min(first.day, calendar.monthrange(year, index + 1)[1]))

    days = timedelta(days=count * (7 if unit == "w" else 1))
    return month if unit == "m" else lambda number: first + number * days


def _stepped(first: date, last: date, nth: Callable[[int], date]) -> Iterator[date]:
    number, day = 0, first
    while day <= last:
        yield day
        number += 1
        try:
            day = nth(number)
        except (ValueError, OverflowError):  # beyond the last day that there is
            return


def _require_few(name: str, count: int) -> None:
    if count > MAX_PARTITIONS:
        raise ParamsError(f"over {name} names {count:,} values, and {MAX_PARTITIONS:,} are allowed: name fewer")
