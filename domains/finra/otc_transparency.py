"""Facts of FINRA's weekly OTC transparency data, for workflows and pipelines alike: tiers, weeks, limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

#: Accepted spellings of a tier, lower case.
TIERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "NMS_TIER_1": frozenset({"nms_tier_1", "nms tier 1", "tier1", "t1"}),
        "NMS_TIER_2": frozenset({"nms_tier_2", "nms tier 2", "tier2", "t2"}),
        "OTC": frozenset({"otc", "otce"}),
    }
)
FRIDAY = 4
#: Years beyond which a week cannot be meant; they also keep the calendar's arithmetic in range.
YEARS = range(1990, 3000)


class WrongParamError(ValueError):
    """Raised for a tier or a week that a person must change; its text opens with the code."""

    def __init__(self, message: str, *, code: str = "BAD_PARAM") -> None:
        super().__init__(f"{code}: {message}")
        self.message, self.code = message, code


@dataclass(frozen=True, kw_only=True)
class GateLimits:
    """What the weekly refresh's gates let pass; a capture beyond it is marked FAILED_GATE. Rates are shares."""

    min_rows: int = 1000
    max_errors: int = 10
    max_null_rate: float = 0.05
    max_reject_rate: float = 0.01
    max_conflicts: int = 10

    def pass_ingest(self, rows: int, errors: int) -> bool:
        """Whether validate_ingest lets these numbers pass."""
        return rows >= self.min_rows and errors <= self.max_errors

    def pass_normalize(self, null_rate: float, reject_rate: float, conflicts: int) -> bool:
        """Whether validate_normalize lets these numbers pass."""
        return (
            null_rate <= self.max_null_rate and reject_rate <= self.max_reject_rate and conflicts <= self.max_conflicts
        )


GATES = GateLimits()


def tier_named(text: object) -> str:
    """Return the tier of a name in any accepted spelling; raise BAD_PARAM listing those that there are."""
    if isinstance(text, str):
        for name, spellings in TIERS.items():
            if text.strip().lower() in spellings:
                return name
    raise WrongParamError(f"tier {text!r} is not one of {', '.join(TIERS)}")


def friday_of(text: object, *, strict: bool = False) -> date:
    """Return the Friday of the week that a day (YYYY-MM-DD) belongs to; raise BAD_PARAM or BAD_WEEK_ENDING.

    A Monday is ambiguous, and ``strict`` takes nothing but a Friday.
    """
    day = day_of(text)
    if day is None or day.year not in YEARS:
        raise WrongParamError(f"week_ending {text!r} must be a date as YYYY-MM-DD, for example 2025-11-28")
    friday = day + timedelta(days=FRIDAY - day.weekday())
    if day.weekday() == 0:
        raise WrongParamError(
            f"week_ending {day} is a Monday, which may mean the week that begins or the day of publication: "
            f"give {friday} or {friday - timedelta(days=7)}",
            code="BAD_WEEK_ENDING",
        )
    if strict and day != friday:
        raise WrongParamError(f"week_ending {day} is no Friday: give {friday}", code="BAD_WEEK_ENDING")
    return friday


def day_of(text: object) -> date | None:
    """Return the day written as YYYY-MM-DD; None where it is anything else, ISO's other forms included."""
    try:
        day = date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return day if day is not None and day.isoformat() == text else None
