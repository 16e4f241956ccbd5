"""FINRA's API over HTTP: one request, its token, and what a refusal means. Temporal retries; nothing loops here."""

import base64
import http.client
import json
import logging
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from spine_temporal import ErrorCategory, SpineError

API_URL = "https://api.finra.org"
TOKEN_URL = "https://ews.fip.finra.org/fip/rest/ews/oauth2/access_token?grant_type=client_credentials"  # noqa: S105 - no secret
#: Seconds that one request may take.
TIMEOUT = 60
#: Bytes of one answer; FINRA caps its own at 3 MB.
_MAX_ANSWER = 64 * 1024 * 1024

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
        return str(json.loads(body)["access_token"])
    except (ValueError, KeyError, TypeError):
        raise SpineError(
            f"{url} gave no access_token: check SPINE_FINRA_TOKEN_URL", ErrorCategory.CONFIGURATION, code="API_AUTH"
        ) from None


def _send(url: str, headers: Mapping[str, str], body: bytes) -> tuple[bytes, Mapping[str, str]]:
    if not url.startswith(("http://", "https://")):
        raise _wrong_url(url, "it is no http URL")
    try:
        request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 - http(s)
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT) as answer:
            received = {name.lower(): value for name, value in answer.headers.items()}
            _log.info("%s: request %s", url, received.get("finra-api-request-id", "without an id"))
            return answer.read(_MAX_ANSWER), received
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(url, error) from None
    except ValueError as error:
        raise _wrong_url(url, str(error)) from None
    except (OSError, http.client.HTTPException) as error:
        raise SpineError(
            f"{url} cannot be reached: {error or type(error).__name__}", ErrorCategory.DEPENDENCY, code="API_AWAY"
        ) from None


def _wrong_url(url: str, reason: str) -> SpineError:
    return SpineError(
        f"{url!r}: {reason}; set SPINE_FINRA_API_URL and SPINE_FINRA_TOKEN_URL, or leave them out",
        ErrorCategory.CONFIGURATION,
        code="BAD_PARAM",
    )


def _refused(url: str, error: urllib.error.HTTPError) -> SpineError:
    request_id = error.headers.get("finra-api-request-id", "")
    said = " ".join(error.read(300).decode("utf-8", "replace").split())
    if error.code == 429 or error.code >= 500:
        return SpineError(
            f"{url} answered {error.code}",
            ErrorCategory.DEPENDENCY,
            code="API_AWAY",
            retry_after=_seconds(error.headers.get("Retry-After", "")),
        )
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
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
