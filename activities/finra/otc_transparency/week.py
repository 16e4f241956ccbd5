"""Tiers and weeks: what is accepted as one, and whether FINRA has published it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from domains.finra.otc_transparency import TIERS as SPELLINGS
from domains.finra.otc_transparency import WrongParamError, friday_of, tier_named
from domains.finra.publication import publication_day
from spine_temporal import ErrorCategory, SpineError


@dataclass(frozen=True, kw_only=True)
class Tier:
    """One of our tiers: its names in files and in the API."""

    name: str
    #: Accepted spellings, lower case.
    spellings: frozenset[str]
    api_identifier: str
    file_token: str
    description: str


def _tier(name: str, api: str, token: str, description: str) -> Tier:
    return Tier(
        name=name,
        spellings=SPELLINGS[name],
        api_identifier=api,
        file_token=token,
        description=description,
    )


TIERS = {
    tier.name: tier
    for tier in (
        _tier("NMS_TIER_1", "T1", "tier1", "NMS Tier 1"),
        _tier("NMS_TIER_2", "T2", "tier2", "NMS Tier 2"),
        _tier("OTC", "OTCE", "otc", "OTC"),
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
    expected = publication_day(week_ending, tier.name)
    if today >= expected:
        return None
    return SpineError(
        f"{tier.name} of week ending {week_ending} is published on {expected}: run it then",
        ErrorCategory.DATA_QUALITY,
        code="NOT_PUBLISHED_YET",
        metadata={"expected_publication": expected.isoformat()},
    )
