"""Whether a file is of the tier and week that are asked for, and what is worth noting of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from activities.finra.otc_transparency.parse import COLUMNS, FIELD_COUNT, ParsedFile
from activities.finra.otc_transparency.source import SourceBytes
from activities.finra.otc_transparency.thresholds import WARN_BANDS
from activities.finra.otc_transparency.week import TIERS, Tier, bad_param
from domains.finra.otc_transparency import day_of
from domains.finra.publication import monday_of, publication_monday, week_published_on
from spine_temporal import ErrorCategory, Severity, SpineError


@dataclass(frozen=True, kw_only=True)
class Received:
    """A week as it came: its bytes, their lines, and the days on which those were last updated."""

    source: SourceBytes
    parsed: ParsedFile
    dates: tuple[date, ...]


@dataclass(frozen=True, kw_only=True)
class Note:
    """An anomaly to be recorded."""

    category: str
    message: str
    severity: Severity = Severity.WARN


def update_dates(parsed: ParsedFile, today: date) -> tuple[date, ...]:
    """Return the days of last update; one that cannot be yet is its line's fault and tells nothing of the file."""
    days = (day_of(value) for value in parsed.values(7))
    return tuple(sorted(day for day in days if day is not None and day <= today + timedelta(days=1)))


def require_tier(received: Received, tier: Tier) -> None:
    """Raise TIER_MISMATCH where no row is of the tier; single rows of another are rejected later."""
    found = {value.lower() for value in received.parsed.values(0)}
    if found and not found & tier.spellings:
        known = [other.name for other in TIERS.values() if found & other.spellings]
        raise SpineError(
            f"{received.source.uri} holds {' and '.join(known) or 'no known tier'} in column tierDescription, "
            f"not {tier.name}: give the tier or the file that belongs to it",
            ErrorCategory.DATA_QUALITY,
            code="TIER_MISMATCH",
        )


def inferred_week(received: Received, tier: Tier) -> date:
    """Return the week that is first published when the file was last updated."""
    if not received.dates:
        raise bad_param(f"week_ending is missing, and {received.source.uri} has no date to tell it by: give it")
    return week_published_on(received.dates[-1], tier.name)


def week_notes(received: Received, tier: Tier, week_ending: date, *, allow_mismatch: bool) -> Iterator[Note]:
    """Compare last update and publication; raise WEEK_MISMATCH where the file is older than its week."""
    if not received.dates:
        return
    last, expected = received.dates[-1], publication_monday(week_ending, tier.name)
    published = monday_of(last)
    if published < expected:
        message = (
            f"{received.source.uri} was last updated on {last}, before week ending {week_ending} of {tier.name} is "
            f"published on {expected}; it is the week ending {week_published_on(last, tier.name)}: "
            "give that week or another file"
        )
        if not allow_mismatch:
            raise SpineError(message, ErrorCategory.DATA_QUALITY, code="WEEK_MISMATCH")
        yield Note(category="WEEK_MISMATCH", message=message)
    elif published > expected:
        message = f"last updated on {last}, after the first publication on {expected}"
        yield Note(category="REVISED_SOURCE", message=message, severity=Severity.INFO)


def structure_notes(received: Received, tier: Tier, week_ending: date, params: Mapping[str, Any]) -> Iterator[Note]:
    """Return what is unusual of the params and of the file's form."""
    parsed, dates = received.parsed, received.dates
    requested = params.get("week_ending_requested") or params.get("week_ending")
    if requested not in {None, week_ending.isoformat()}:
        yield Note(
            category="WEEK_ENDING_SNAPPED", message=f"{requested} was read as {week_ending}", severity=Severity.INFO
        )
    if parsed.extra_columns:
        message = f"columns beside the weekly file's eight, ignored: {', '.join(map(str, parsed.extra_columns))[:500]}"
        yield Note(category="EXTRA_COLUMN", message=message, severity=Severity.INFO)
    if len(dates) > 1:
        message = f"{len(dates)} days of last update, {dates[0]} to {dates[-1]}"
        yield Note(category="SEVERAL_UPDATE_DATES", message=message, severity=Severity.INFO)
    if _is_cut(parsed):
        yield Note(category="POSSIBLY_TRUNCATED", message="the last line has not all of its fields")
    low, high = WARN_BANDS[tier.name].rows
    if not low <= len(parsed.lines) <= high:
        message = f"{len(parsed.lines):,} rows, usual are {low:,} to {high:,}"
        yield Note(category="ROW_COUNT_BAND", message=message)


def _is_cut(parsed: ParsedFile) -> bool:
    last = len(parsed.lines) - 1
    return parsed.bad.get(last) == FIELD_COUNT and parsed.lines[last].count(b"|") < len(COLUMNS) - 1
