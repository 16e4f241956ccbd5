"""FINRA's Query API: the pages of one week, checked, in the weekly file's format."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from activities.finra.otc_transparency.api_client import ApiClient
from activities.finra.otc_transparency.parse import COLUMNS
from activities.finra.otc_transparency.week import Tier, not_published
from spine_temporal import ErrorCategory, SpineError

DATASET = "/data/group/otcMarket/name/weeklySummary"
#: The same fields for weeks that have left the rolling twelve months; filterable by week and tier only.
HISTORIC = "/data/group/otcMarket/name/weeklySummaryHistoric"
SUMMARY_TYPE = "ATS_W_SMBL_FIRM"
PAGE = 5000
#: The largest offset that the API takes.
MAX_OFFSET = 500_000
#: Seconds between two requests.
POLITENESS = 0.5

_FIELDS = (
    *("tierIdentifier", "tierDescription", "issueSymbolIdentifier", "issueName", "MPID", "marketParticipantName"),
    *("totalWeeklyShareQuantity", "totalWeeklyTradeCount", "summaryTypeCode", "weekStartDate"),
    *("initialPublishedDate", "lastUpdateDate", "lastReportedDate"),
)


@dataclass(frozen=True, kw_only=True)
class _Page:
    rows: list[dict[str, Any]]
    total: int | None


@dataclass(frozen=True, kw_only=True)
class _Week:
    """What is asked for."""

    tier: Tier
    start: date
    historic: bool

    @property
    def path(self) -> str:
        return HISTORIC if self.historic else DATASET

    def query(self, offset: int) -> dict[str, Any]:
        """Ask for a page."""
        return self._filtered() | {"sortFields": ["issueSymbolIdentifier", "MPID"], "limit": PAGE, "offset": offset}

    def newest(self) -> dict[str, Any]:
        """Ask for the row that was updated last."""
        return self._filtered() | {"sortFields": ["-lastUpdateDate"], "limit": 1, "offset": 0}

    def _filtered(self) -> dict[str, Any]:
        filters = [("weekStartDate", self.start.isoformat()), ("tierIdentifier", self.tier.api_identifier)]
        if not self.historic:
            filters.append(("summaryTypeCode", SUMMARY_TYPE))
        equal = [{"compareType": "EQUAL", "fieldName": name, "fieldValue": value} for name, value in filters]
        return {"fields": list(_FIELDS), "compareFilters": equal}


def fetch_from_api(tier: Tier, week_ending: date, heartbeat: Callable[..., None], *, today: date) -> tuple[str, bytes]:
    """Return the dataset's URL and the week's rows; never a part of a week."""
    week = _week(tier, week_ending, today)
    start = week.start
    client = ApiClient()
    url = client.url + week.path
    # Rows that move between pages mean that the week is being republished: the whole of it is asked for once more.
    rows = _all_pages(client, week, heartbeat)
    if rows is None:
        rows = _all_pages(client, week, heartbeat)
    if rows is None:
        raise SpineError(
            f"{url} did not give all rows of {tier.name}, week of {start}, twice: run it again later, "
            "the week is being republished",
            ErrorCategory.DEPENDENCY,
            code="API_TRUNCATED",
        )
    _check_filters(url, rows, week)
    lines = [_line(row, tier) for row in rows if row.get("summaryTypeCode") == SUMMARY_TYPE]
    if not lines:
        raise not_published(week_ending, tier, today) or SpineError(
            f"{url} has no rows of {tier.name}, week ending {week_ending}, although it has been published: "
            "give a file, or ask FINRA",
            ErrorCategory.DATA_QUALITY,
            code="NO_DATA",
        )
    return url, ("\n".join(["|".join(COLUMNS), *lines]) + "\n").encode("utf-8", "replace")


def last_update(tier: Tier, week_ending: date, *, today: date) -> dict[str, Any] | None:
    """Return how many rows the week has and when one was last updated, by one small request; None of a week without."""
    week = _week(tier, week_ending, today)
    client = ApiClient()
    page = _page(client, week, week.newest())
    if not page.rows:
        return None
    _check_filters(client.url + week.path, page.rows, week)
    return {"rows": page.total, "last_update_date": page.rows[0].get("lastUpdateDate")}


def _week(tier: Tier, week_ending: date, today: date) -> _Week:
    start = week_ending - timedelta(days=4)
    return _Week(tier=tier, start=start, historic=start < today - timedelta(days=365))


def _all_pages(client: ApiClient, week: _Week, heartbeat: Callable[..., None]) -> list[dict[str, Any]] | None:
    """Return every row, None where the pages do not add up to what the API said."""
    rows: list[dict[str, Any]] = []
    total: int | None = None
    while len(rows) <= MAX_OFFSET:
        page = _page(client, week, week.query(len(rows)))
        if rows and page.total != total:
            return None
        total = page.total
        rows += page.rows
        heartbeat("rows", len(rows))
        # A short page is not the last one: answers are also cut by their size.
        if total is not None and len(rows) >= total:
            return rows if len(rows) == total else None
        if not page.rows:
            return rows if total is None else None
        time.sleep(POLITENESS)
    return None


def _page(client: ApiClient, week: _Week, query: Mapping[str, Any]) -> _Page:
    body, received = client.post(week.path, query)
    try:
        rows = json.loads(body or b"[]", parse_float=Decimal)
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list) or len(rows) > PAGE or not all(isinstance(row, dict) for row in rows):
        found = f"a list of {len(rows):,}" if isinstance(rows, list) else f"{len(body):,} bytes of something else"
        raise SpineError(
            f"{client.url}{week.path} answered with {found}, where a list of at most {PAGE:,} rows was asked for; "
            "check SPINE_FINRA_API_URL",
            ErrorCategory.DEPENDENCY,
            code="API_BAD_RESPONSE",
        )
    total = received.get("record-total", "").strip()
    return _Page(rows=rows, total=int(total) if total.isdecimal() and len(total) < 10 else None)


def _check_filters(url: str, rows: list[dict[str, Any]], week: _Week) -> None:
    """The API may ignore filters silently, and then gives another week."""
    expected: tuple[Any, ...] = (week.start.isoformat(), week.tier.api_identifier)
    names: tuple[str, ...] = ("weekStartDate", "tierIdentifier")
    if not week.historic:
        names, expected = (*names, "summaryTypeCode"), (*expected, SUMMARY_TYPE)
    for row in rows:
        given = tuple(row.get(name) for name in names)
        if given != expected:
            raise SpineError(
                f"{url} gave rows of {given} where {expected} was asked for: nothing was kept, report it to FINRA",
                ErrorCategory.DATA_QUALITY,
                code="API_FILTER_IGNORED",
            )


def _line(row: Mapping[str, Any], tier: Tier) -> str:
    """Return the row as a line of the weekly file; its tier was checked, so that its description may be missing."""
    values = {"tierDescription": tier.description} | {name: row[name] for name in COLUMNS if row.get(name) is not None}
    return "|".join(_field(values.get(name, "")) for name in COLUMNS)


def _field(value: Any) -> str:
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < 40:
        # 5.0 and 5e0 are the number 5: the same quantity gives the same line, and so the same capture.
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return " ".join(str(value).splitlines()) if not isinstance(value, bool) else ""
