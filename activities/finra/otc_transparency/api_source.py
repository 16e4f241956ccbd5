"""FINRA's Query API: the pages of one week, checked, in the weekly file's format."""

import base64
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from activities.finra.otc_transparency.parse import COLUMNS
from activities.finra.otc_transparency.week import Tier, publication_day
from spine_temporal import ErrorCategory, SpineError

API_URL = "https://api.finra.org"
TOKEN_URL = "https://ews.fip.finra.org/fip/rest/ews/oauth2/access_token?grant_type=client_credentials"  # noqa: S105 - no secret
DATASET = "/data/group/otcMarket/name/weeklySummary"
#: The same fields for weeks that have left the rolling twelve months; filterable by week and tier only.
HISTORIC = "/data/group/otcMarket/name/weeklySummaryHistoric"
SUMMARY_TYPE = "ATS_W_SMBL_FIRM"
PAGE = 5000
#: Seconds between two requests, and that one may take.
POLITENESS = 0.5
TIMEOUT = 60

_FIELDS = (
    *("tierIdentifier", "tierDescription", "issueSymbolIdentifier", "issueName", "MPID", "marketParticipantName"),
    *("totalWeeklyShareQuantity", "totalWeeklyTradeCount", "summaryTypeCode", "weekStartDate"),
    *("initialPublishedDate", "lastUpdateDate", "lastReportedDate"),
)


@dataclass(frozen=True, kw_only=True)
class _Page:
    rows: list[dict[str, Any]]
    total: int | None


def fetch_from_api(tier: Tier, week_ending: date, heartbeat: Callable[..., None]) -> tuple[str, bytes]:
    """Return the dataset's URL and the week's rows; never a part of a week."""
    start = week_ending - timedelta(days=4)
    historic = start < datetime.now(UTC).date() - timedelta(days=365)
    url = os.environ.get("SPINE_FINRA_API_URL", API_URL).rstrip("/") + (HISTORIC if historic else DATASET)
    headers = _authorization()
    rows = _all_pages(url, headers, tier, start, historic, heartbeat)
    if rows is None:
        rows = _all_pages(url, headers, tier, start, historic, heartbeat)
    if rows is None:
        raise SpineError(
            f"{url} did not give all rows of {tier.name}, week of {start}, twice: the week is being republished",
            ErrorCategory.DEPENDENCY,
            code="API_TRUNCATED",
        )
    rows = [row for row in rows if not historic or row.get("summaryTypeCode") == SUMMARY_TYPE]
    if not rows:
        raise _no_data(url, tier, week_ending)
    _check_filters(url, rows, tier, start)
    lines = ["|".join(COLUMNS), *(_line(row) for row in rows)]
    return url, ("\n".join(lines) + "\n").encode()


def _all_pages(
    url: str, headers: Mapping[str, str], tier: Tier, start: date, historic: bool, heartbeat: Callable[..., None]
) -> list[dict[str, Any]] | None:
    """Return every row, None where the pages do not add up to what the API said."""
    rows: list[dict[str, Any]] = []
    total: int | None = None
    while total is None or len(rows) < total:
        page = _page(url, headers, _query(tier, start, historic, len(rows)))
        heartbeat("rows", len(rows))
        known = len(page.rows) if page.total is None else page.total
        if total is not None and known != total:
            return None
        total = known
        if not page.rows:
            return rows if len(rows) >= total else None
        rows += page.rows
        if len(rows) < total:
            time.sleep(POLITENESS)
    return rows


def _query(tier: Tier, start: date, historic: bool, offset: int) -> dict[str, Any]:
    filters = [("weekStartDate", start.isoformat()), ("tierIdentifier", tier.api_identifier)]
    if not historic:
        filters.append(("summaryTypeCode", SUMMARY_TYPE))
    return {
        "fields": list(_FIELDS),
        "compareFilters": [{"compareType": "EQUAL", "fieldName": name, "fieldValue": value} for name, value in filters],
        "sortFields": ["issueSymbolIdentifier", "MPID"],
        "limit": PAGE,
        "offset": offset,
    }


def _page(url: str, headers: Mapping[str, str], query: dict[str, Any]) -> _Page:
    body, received = _request(url, headers, json.dumps(query).encode())
    try:
        rows = json.loads(body or b"[]", parse_float=Decimal)
    except ValueError:
        rows = None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SpineError(
            f"{url} answered with something else than a list of rows: {body[:80]!r}",
            ErrorCategory.DEPENDENCY,
            code="API_BAD_RESPONSE",
        )
    total = received.get("record-total", "")
    return _Page(rows=rows, total=int(total) if total.isdigit() else None)


def _request(url: str, headers: Mapping[str, str], body: bytes | None) -> tuple[bytes, Mapping[str, str]]:
    if not url.startswith(("http://", "https://")):
        raise SpineError(f"{url!r} is no http URL: set SPINE_FINRA_API_URL", ErrorCategory.CONFIGURATION)
    request = urllib.request.Request(  # noqa: S310 - http(s), checked above
        url,
        data=body,
        headers={"Content-Type": "application/json", "Accept": "application/json", **headers},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - see above
            return answer.read(), {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        raise _refused(url, error) from None
    except (OSError, TimeoutError) as error:
        raise SpineError(f"{url} cannot be reached: {error}", ErrorCategory.DEPENDENCY, code="API_AWAY") from None


def _refused(url: str, error: urllib.error.HTTPError) -> SpineError:
    said = error.read(300).decode("utf-8", "replace").replace("\n", " ")
    if error.code == 429 or error.code >= 500:
        after = error.headers.get("Retry-After", "")
        return SpineError(
            f"{url} answered {error.code}",
            ErrorCategory.DEPENDENCY,
            code="API_AWAY",
            retry_after=float(after) if after.isdigit() else None,
        )
    if error.code in {401, 403}:
        return SpineError(
            f"{url} answered {error.code}: check SPINE_FINRA_CLIENT_ID and SPINE_FINRA_CLIENT_SECRET",
            ErrorCategory.CONFIGURATION,
            code="API_AUTH",
        )
    return SpineError(f"{url} answered {error.code}: {said}", ErrorCategory.CONFIGURATION, code="API_BAD_REQUEST")


def _authorization() -> dict[str, str]:
    """Return a bearer token where credentials are configured; FINRA also answers without one."""
    name, secret = os.environ.get("SPINE_FINRA_CLIENT_ID"), os.environ.get("SPINE_FINRA_CLIENT_SECRET")
    if not (name and secret):
        return {}
    url = os.environ.get("SPINE_FINRA_TOKEN_URL", TOKEN_URL)
    basic = base64.b64encode(f"{name}:{secret}".encode()).decode()
    body, _ = _request(url, {"Authorization": f"Basic {basic}"}, b"")
    try:
        return {"Authorization": f"Bearer {json.loads(body)['access_token']}"}
    except (ValueError, KeyError, TypeError):
        raise SpineError(f"{url} gave no access_token", ErrorCategory.CONFIGURATION, code="API_AUTH") from None


def _check_filters(url: str, rows: list[dict[str, Any]], tier: Tier, start: date) -> None:
    """The API may ignore filters silently, and then gives another week."""
    expected = (start.isoformat(), tier.api_identifier, SUMMARY_TYPE)
    for row in rows:
        given = (row.get("weekStartDate"), row.get("tierIdentifier"), row.get("summaryTypeCode"))
        if given != expected:
            raise SpineError(
                f"{url} gave rows of {given} where {expected} was asked for",
                ErrorCategory.DATA_QUALITY,
                code="API_FILTER_IGNORED",
            )


def _line(row: Mapping[str, Any]) -> str:
    return "|".join("" if row.get(name) is None else str(row[name]) for name in COLUMNS)


def _no_data(url: str, tier: Tier, week_ending: date) -> SpineError:
    expected = publication_day(week_ending, tier)
    if datetime.now(UTC).date() < expected:
        return SpineError(
            f"{tier.name} of week ending {week_ending} is published on {expected}: run it then",
            ErrorCategory.DATA_QUALITY,
            code="NOT_PUBLISHED_YET",
        )
    return SpineError(
        f"{url} has no rows of {tier.name}, week ending {week_ending}", ErrorCategory.DATA_QUALITY, code="NO_DATA"
    )
