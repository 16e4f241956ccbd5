"""Times as they are typed: themselves, or a span from now."""

import re
from datetime import UTC, datetime, timedelta

from spine_temporal.definition.errors import ParamsError

_SPAN = re.compile(r"(\d{1,6})\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment_of(option: str, text: str, *, back: bool = False) -> datetime:
    """Return a time in UTC that is given as itself, or as a span such as 2h from now on; ``back``: from now back.

    Raises ``ParamsError`` naming the option.
    """
    span = _SPAN.fullmatch(text.strip())
    if span is not None:
        length = timedelta(**{_UNITS[span[2]]: int(span[1])})
        return datetime.now(UTC) - length if back else datetime.now(UTC) + length
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ParamsError(
            f"{option} {text[:100]!r} must be a span such as 30m, 2h or 1d, or a time such as 2026-01-05T13:00:00+00:00"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
