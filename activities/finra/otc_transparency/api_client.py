"""FINRA's API over HTTP: one request, its token, and what a refusal means. Temporal retries; nothing loops here."""

import base64
import http.client
import io
import json
import logging
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from spine_temporal import ErrorCategory, SourceBusyError, SpineError

API_URL = "https://api.finra.org"
TOKEN_URL = "https://ews.fip.finra.org/fip/rest/ews/oauth2/access_token?grant_type=client_credentials"  # noqa: S105 - no secret
#: Seconds to wait for the next bytes of an answer, and for the whole of it.
TIMEOUT, LONGEST = 60, 300
#: Bytes of one answer; FINRA caps its own at 3 MB.
MAX_ANSWER = 16 * 1024 * 1024
#: Seconds that the API may ask us to wait; the step's own policy decides beyond.
_MAX_RETRY_AFTER = 86_400.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TOKEN = re.compile(r"[!-~]{1,16384}", re.ASCII)

_log = logging.getLogger(__name__)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would turn the POST into a GET and take the token to another host."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        return None


class ApiClient:
    """Posts queries, with a bearer token where credentials are configured; FINRA also answers without one."""

    def __init__(self) -> None:
        self.url = os.environ.get("SPINE_FINRA_API_URL", API_URL).rstrip("/")
        self._token: str | None = None

    def post(self, path: str, query: Mapping[str, Any]) -> tuple[bytes, Mapping[str, str]]:
        """Return the answer's body and its headers, lower case; a token that has run out is renewed once."""
        body = json.dumps(query).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        url = self.url + path
        try:
            return _send(url, headers | self._authorization(), body)
        except _UnauthorizedError:
            if self._token is None:
                raise
            self._token = None
            return _send(url, headers | self._authorization(), body)

    def _authorization(self) -> dict[str, str]:
        name, secret = os.environ.get("SPINE_FINRA_CLIENT_ID"), os.environ.get("SPINE_FINRA_CLIENT_SECRET")
        if not (name and secret):
            return {}
        if self._token is None:
            self._token = _new_token(name, secret)
        return {"Authorization": f"Bearer {self._token}"}


class _UnauthorizedError(SpineError):
    """Raised when the API answers 401 or 403."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(
            f"{url} answered {status}: check SPINE_FINRA_CLIENT_ID and SPINE_FINRA_CLIENT_SECRET",
            ErrorCategory.CONFIGURATION,
            code="API_AUTH",
        )


def _new_token(name: str, secret: str) -> str:
    url = os.environ.get("SPINE_FINRA_TOKEN_URL", TOKEN_URL)
    basic = base64.b64encode(f"{name}:{secret}".encode()).decode()
    body, _ = _send(url, {"Authorization": f"Basic {basic}", "Accept": "application/json"}, b"")
    try:
        token = json.loads(body)["access_token"]
    except (ValueError, KeyError, TypeError, RecursionError):
        token = None
    # What cannot be a header's value would stand in the error that says so.
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise SpineError(
            f"{url} gave no access_token: check SPINE_FINRA_TOKEN_URL", ErrorCategory.CONFIGURATION, code="API_AUTH"
        )
    return token


def _send(url: str, headers: Mapping[str, str], body: bytes) -> tuple[bytes, Mapping[str, str]]:
    _check_url(url, secret="Authorization" in headers)
    try:
        request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 - http(s)
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT) as answer:
            received = {name.lower(): value for name, value in answer.headers.items()}
            _log.info("%s: request %s", url, received.get("finra-api-request-id", "without an id"))
            return _body(answer, url), received
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(url, error) from None
    except ValueError as error:
        raise _wrong_url(repr(url), str(error)) from None
    except (OSError, http.client.HTTPException) as error:
        raise SpineError(
            f"{url} cannot be reached: {error or type(error).__name__}", ErrorCategory.DEPENDENCY, code="API_AWAY"
        ) from None


def _check_url(url: str, *, secret: bool) -> None:
    """Refuse what is no web address, and one to which or with which a secret would go in the open."""
    if not url.startswith(("http://", "https://")):
        raise _wrong_url(repr(url[:40]), "it is no http URL")
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise _wrong_url("the URL", str(error)) from None
    if "@" in parts.netloc:
        raise _wrong_url(f"the URL of {host}", "a user and a password in it would be recorded with every capture")
    if secret and parts.scheme == "http" and host not in _LOOPBACK:
        raise _wrong_url(repr(url), "credentials are sent over https only")


def _body(answer: http.client.HTTPResponse, url: str) -> bytes:
    """Read the answer; raise API_BAD_RESPONSE where it is too long, API_AWAY where it stops or does not end."""
    data, deadline = io.BytesIO(), time.monotonic() + LONGEST
    while block := answer.read1(64 * 1024):
        data.write(block)
        if data.tell() > MAX_ANSWER:
            raise SpineError(
                f"{url} answered with more than {MAX_ANSWER:,} bytes; check SPINE_FINRA_API_URL",
                ErrorCategory.DEPENDENCY,
                code="API_BAD_RESPONSE",
            )
        if time.monotonic() > deadline:
            raise TimeoutError(f"its answer was not all there after {LONGEST} s")
    if answer.length:
        raise ConnectionError("its answer was cut off")
    return data.getvalue()


def _wrong_url(url: str, reason: str) -> SpineError:
    return SpineError(
        f"{url}: {reason}; set SPINE_FINRA_API_URL and SPINE_FINRA_TOKEN_URL, or leave them out",
        ErrorCategory.CONFIGURATION,
        code="BAD_PARAM",
    )


def _refused(url: str, error: urllib.error.HTTPError) -> SpineError:
    request_id = error.headers.get("finra-api-request-id", "")
    said = " ".join(error.read(300).decode("utf-8", "replace").split())
    if error.code == 429 or error.code >= 500:
        told, pause = f"{url} answered {error.code}", _seconds(error.headers.get("Retry-After", ""))
        if error.code == 429 and pause is not None:
            return SourceBusyError(told, pause)
        return SpineError(told, ErrorCategory.DEPENDENCY, code="API_AWAY", retry_after=pause)
    if error.code in {401, 403}:
        return _UnauthorizedError(url, error.code)
    return SpineError(
        f"{url} answered {error.code} (request {request_id or 'without an id'}): {said}",
        ErrorCategory.CONFIGURATION,
        code="API_BAD_REQUEST",
    )


def _seconds(retry_after: str) -> float | None:
    """Return Retry-After in seconds, which may be given as a number or as a date."""
    if retry_after.strip().isdecimal():
        return min(float(retry_after), _MAX_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max(0.0, (until - datetime.now(UTC)).total_seconds()), _MAX_RETRY_AFTER)
