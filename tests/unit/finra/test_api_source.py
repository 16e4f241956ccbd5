"""FINRA's API, played by a stub: all rows of a week or none, and a refusal says whether to try again."""

import json
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from activities.finra.otc_transparency import api_client, api_source
from activities.finra.otc_transparency.ingest import IngestWeek
from activities.finra.otc_transparency.parse import parse
from activities.finra.otc_transparency.week import TIERS
from spine_temporal import ErrorCategory, SpineError
from tests.unit.finra.api_stub import Stub, played, row

TODAY = date(2026, 1, 15)
WEEK = date(2025, 11, 28)


@pytest.fixture
def stub(monkeypatch):
    with played(Stub(), monkeypatch) as serving:
        yield serving


def fetch(tier="OTC", week=WEEK, today=TODAY):
    uri, data = api_source.fetch_from_api(TIERS[tier], week, lambda *_: None, today=today)
    return parse(data, uri).lines


def refusal(**asked):
    with pytest.raises(SpineError) as caught:
        fetch(**asked)
    return caught.value


def test_short_pages_are_all_fetched_and_the_query_names_the_week(stub):
    lines = fetch()
    assert len(lines) == 10
    assert lines[3] == b"OTC|S0003|A Name|OTCN OTC LINK|OTCN|103|2|2025-12-29"
    assert [query["offset"] for _, _, query in stub.asked] == [0, 4, 8]
    path, headers, query = stub.asked[0]
    assert path == "/data/group/otcMarket/name/weeklySummary"
    assert "Authorization" not in headers
    assert {entry["fieldName"]: entry["fieldValue"] for entry in query["compareFilters"]} == {
        "weekStartDate": "2025-11-24",
        "tierIdentifier": "OTCE",
        "summaryTypeCode": "ATS_W_SMBL_FIRM",
    }


def test_without_a_total_pages_are_fetched_until_one_is_empty(stub):
    stub.total = False
    assert len(fetch()) == 10
    assert len(stub.asked) == 4


def test_numbers_are_never_floats_and_null_is_empty(stub):
    rows = [
        row(1, totalWeeklyShareQuantity=777, issueSymbolIdentifier=None),
        row(2, totalWeeklyShareQuantity="10", totalWeeklyTradeCount="3"),
        row(3, totalWeeklyShareQuantity=5.0, totalWeeklyTradeCount=1.0, tierDescription=None, issueName="two\nlines"),
    ]
    body = json.dumps(rows).replace("777", "99999999999999.123456").encode()
    stub.answers = [(200, {"record-total": "3"}, body)]
    assert fetch() == [
        b"OTC||A Name|OTCN OTC LINK|OTCN|99999999999999.123456|2|2025-12-29",
        b"OTC|S0002|A Name|OTCN OTC LINK|OTCN|10|3|2025-12-29",
        b"OTC|S0003|two lines|OTCN OTC LINK|OTCN|5|1|2025-12-29",
    ]


def test_an_old_week_is_asked_of_the_historic_dataset_and_other_summary_types_are_left_out(stub):
    stub.rows = [row(1, weekStartDate="2024-11-25"), row(2, weekStartDate="2024-11-25", summaryTypeCode="ATS_W_SMBL")]
    assert len(fetch(week=date(2024, 11, 29))) == 1
    path, _, query = stub.asked[0]
    assert path == "/data/group/otcMarket/name/weeklySummaryHistoric"
    assert {entry["fieldName"] for entry in query["compareFilters"]} == {"weekStartDate", "tierIdentifier"}


def test_an_api_that_wants_to_be_left_alone_says_for_how_long(stub):
    stub.answers = [(429, {"Retry-After": "7"}, b"slow down"), (429, {}, b"slow down")]
    error = refusal()
    assert (error.code, error.category, error.retry_after) == ("SOURCE_BUSY", ErrorCategory.TRANSIENT, 7)
    assert (refusal().code, len(fetch())) == ("API_AWAY", 10)


@pytest.mark.parametrize("status", [500, 503, 504])
def test_what_passes_by_itself_is_for_temporal_to_retry(stub, status):
    stub.answers = [(status, {"Retry-After": "7"}, b"slow down")]
    error = refusal()
    assert (error.code, error.category, error.retry_after) == ("API_AWAY", ErrorCategory.DEPENDENCY, 7)
    assert len(fetch()) == 10


def test_retry_after_may_be_a_date(stub):
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    stub.answers = [(503, {"Retry-After": until}, b""), (503, {"Retry-After": "soon"}, b"")]
    assert 50 < refusal().retry_after <= 60
    assert refusal().retry_after is None


def test_an_api_that_is_not_there_is_retried(monkeypatch):
    monkeypatch.setenv("SPINE_FINRA_API_URL", "http://127.0.0.1:9")
    assert (refusal().code, refusal().category) == ("API_AWAY", ErrorCategory.DEPENDENCY)


@pytest.mark.parametrize("url", ["ftp://example.org", "nonsense", "http://[broken"])
def test_a_url_that_is_none_is_not(monkeypatch, url):
    monkeypatch.setenv("SPINE_FINRA_API_URL", url)
    assert (refusal().code, refusal().category) == ("BAD_PARAM", ErrorCategory.CONFIGURATION)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "API_BAD_REQUEST"),
        (404, "API_BAD_REQUEST"),
        (415, "API_BAD_REQUEST"),
        (302, "API_BAD_REQUEST"),
        (401, "API_AUTH"),
        (403, "API_AUTH"),
    ],
)
def test_a_refusal_is_not_retried_and_has_finras_words(stub, status, code):
    stub.answers = [(status, {"Location": "/elsewhere"}, b'{"message": "bad filter", "requestId": "42"}')]
    error = refusal()
    assert (error.code, error.category) == (code, ErrorCategory.CONFIGURATION)
    assert code == "API_AUTH" or "bad filter" in str(error)


def test_a_total_that_changes_is_fetched_once_more_and_then_given_up(stub):
    first = json.dumps([row(number) for number in range(4)]).encode()
    moved = [(200, {"record-total": "10"}, first), (200, {"record-total": "11"}, first)]
    stub.answers = list(moved)
    assert len(fetch()) == 10
    stub.answers = moved * 2
    error = refusal()
    assert (error.code, error.category) == ("API_TRUNCATED", ErrorCategory.DEPENDENCY)


@pytest.mark.parametrize("last", [b"[]", b""])
def test_pages_that_end_before_the_total_are_no_week(stub, last):
    first = json.dumps([row(number) for number in range(4)]).encode()
    stub.answers = [(200, {"record-total": "10"}, first), (200, {"record-total": "10"}, last)] * 2
    assert refusal().code == "API_TRUNCATED"


@pytest.mark.parametrize(
    "change", [{"weekStartDate": "2023-01-02"}, {"tierIdentifier": "T1"}, {"summaryTypeCode": "OTC_W_SMBL"}]
)
def test_rows_that_were_not_asked_for_are_refused(stub, change):
    stub.rows[7] |= change
    assert refusal().code == "API_FILTER_IGNORED"


@pytest.mark.parametrize("body", [b"<html>maintenance</html>", b'{"a": 1}', b"[1, 2]", b"[" * 100_000])
def test_an_answer_that_is_no_list_of_rows_is_refused(stub, body):
    stub.answers = [(200, {}, body)]
    assert refusal().code == "API_BAD_RESPONSE"


def test_no_rows_are_no_data_or_not_published_yet(stub):
    stub.rows = []
    assert refusal().code == "NO_DATA"
    error = refusal(today=date(2025, 12, 28))
    assert (error.code, error.category) == ("NOT_PUBLISHED_YET", ErrorCategory.DATA_QUALITY)
    assert "2025-12-29" in str(error)


def test_with_credentials_a_token_is_sent_and_renewed_once(stub, monkeypatch):
    monkeypatch.setenv("SPINE_FINRA_CLIENT_ID", "name")
    monkeypatch.setenv("SPINE_FINRA_CLIENT_SECRET", "hidden")
    stub.answers = [(401, {}, b"expired")]
    assert len(fetch()) == 10
    assert [headers["Authorization"] for _, headers, _ in stub.asked] == ["Bearer token-1"] + ["Bearer token-2"] * 3
    stub.answers = [(401, {}, b"no"), (401, {}, b"no")]
    error = refusal()
    assert error.code == "API_AUTH"
    assert "hidden" not in str(error)


@pytest.fixture
def credentials(monkeypatch):
    monkeypatch.setenv("SPINE_FINRA_CLIENT_ID", "name")
    monkeypatch.setenv("SPINE_FINRA_CLIENT_SECRET", "hidden")


@pytest.mark.parametrize("variable", ["SPINE_FINRA_API_URL", "SPINE_FINRA_TOKEN_URL"])
def test_credentials_do_not_go_in_the_open(stub, credentials, monkeypatch, variable):
    monkeypatch.setenv(variable, "http://api.example.org")
    error = refusal()
    assert (error.code, error.category) == ("BAD_PARAM", ErrorCategory.CONFIGURATION)
    assert "https only" in str(error)
    assert stub.asked == []


@pytest.mark.parametrize("url", ["https://name:hidden@example.org", "https://hidden@example.org", "hidden://x"])
def test_a_url_with_a_password_is_neither_used_nor_told(stub, monkeypatch, url):
    monkeypatch.setenv("SPINE_FINRA_API_URL", url)
    error = refusal()
    assert error.code == "BAD_PARAM"
    assert "hidden@" not in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_with_the_token(stub, credentials, status):
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as elsewhere:
        url = f"http://127.0.0.1:{elsewhere.server_port}/"
        stub.answers = [(status, {"Location": url}, b"")]
        assert refusal().code == "API_BAD_REQUEST"
        elsewhere.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            elsewhere.socket.accept()


@pytest.mark.parametrize("token", ["to\nken", "to ken\r\nX: 1", "", "t" * 20_000, 7, None])
def test_a_token_that_is_none_is_refused_and_not_told(stub, credentials, monkeypatch, token):
    monkeypatch.setattr(stub, "answer", lambda *_: (200, {}, json.dumps({"access_token": token}).encode()))
    error = refusal()
    assert error.code == "API_AUTH"
    assert "ken" not in str(error).replace("access_token", "").replace("TOKEN_URL", "").replace("/token", "")


def test_an_answer_may_be_as_long_as_a_page_is_and_no_longer(stub, monkeypatch):
    monkeypatch.setattr(api_client, "MAX_ANSWER", 5_000)
    assert len(fetch()) == 10
    stub.answers = [(200, {}, b"[" + b" " * 5_000 + b"]")]
    assert "more than 5,000 bytes" in str(refusal())
    stub.answers = [(200, {}, json.dumps([{}] * 5_001).encode().replace(b" ", b""))]
    monkeypatch.setattr(api_client, "MAX_ANSWER", 50_000)
    error = refusal()
    assert (error.code, error.category) == ("API_BAD_RESPONSE", ErrorCategory.DEPENDENCY)
    assert "a list of 5,001" in str(error)


def test_an_answer_that_does_not_end_is_given_up(stub, monkeypatch):
    monkeypatch.setattr(api_client, "LONGEST", -1)
    error = refusal()
    assert (error.code, error.category) == ("API_AWAY", ErrorCategory.DEPENDENCY)


def test_an_answer_that_is_cut_off_is_asked_for_again(stub):
    stub.answers = [(200, {"Content-Length": "1000"}, b"[]")]
    error = refusal()
    assert (error.code, error.category) == ("API_AWAY", ErrorCategory.DEPENDENCY)
    assert "cut off" in str(error)


def test_what_is_no_list_of_rows_is_not_told(stub):
    stub.answers = [(200, {}, b"<html>hidden</html>")]
    assert "hidden" not in str(refusal())


def test_a_wait_that_the_api_asks_for_and_a_total_have_bounds(stub):
    stub.answers = [(503, {"Retry-After": "9" * 400}, b"")]
    assert refusal().retry_after == 86_400
    stub.answers = [(200, {"record-total": "9" * 5_000}, b"[]")]
    assert refusal().code == "NO_DATA"


def test_a_small_request_tells_whether_a_week_has_changed(stub, monkeypatch):
    monkeypatch.setattr(IngestWeek, "today", staticmethod(lambda: TODAY))
    params = {"week_ending": WEEK.isoformat(), "tier": "OTC", "source": "api"}
    before = IngestWeek.fingerprint(params)
    assert before == {"rows": 10, "last_update_date": "2025-12-29"}
    [(_, _, query)] = stub.asked
    assert (query["limit"], query["sortFields"]) == (1, ["-lastUpdateDate"])
    assert IngestWeek.fingerprint(params) == before
    stub.rows[0]["lastUpdateDate"] = "2026-01-12"
    assert IngestWeek.fingerprint(params) == {"rows": 10, "last_update_date": "2026-01-12"}
    stub.rows[0]["weekStartDate"] = "2020-01-06"
    with pytest.raises(SpineError, match="API_FILTER_IGNORED"):
        IngestWeek.fingerprint(params)
    stub.rows = []
    assert IngestWeek.fingerprint(params) is None
    assert IngestWeek.fingerprint({"tier": "OTC", "source": "api"}) is None
