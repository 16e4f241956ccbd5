"""Posts JSON. Redirects are not followed: a message goes where the settings say, and nowhere else."""

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from spine_temporal.operating.notifications.sending.outgoing import SendingError

_TIMEOUT = 15.0
#: Answers after which the same message may be taken later.
_PASSING = {408, 425, 429}


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any) -> None:
        return None


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post a JSON body; raises ``SendingError`` where the answer is none of 2xx."""
    request = Request(url, data=body, headers={"Content-Type": "application/json", **headers}, method="POST")  # noqa: S310 - the settings allow http and https alone
    try:
        with build_opener(_NoRedirect).open(request, timeout=_TIMEOUT):
            return
    except HTTPError as error:
        error.close()
        is_final = error.code < 500 and error.code not in _PASSING
        after = error.headers.get("Retry-After", "")
        raise SendingError(
            f"it answered {error.code} {error.reason}",
            is_final=is_final,
            retry_after=float(after) if after.isdigit() else None,
        ) from None
    except (OSError, HTTPException) as error:  # the address may be a secret: it is not told
        raise SendingError(f"it cannot be reached: {getattr(error, 'reason', error)}") from None


def as_body(value: Mapping[str, Any]) -> bytes:
    """Return JSON as it is sent."""
    return json.dumps(value, ensure_ascii=False).encode()
