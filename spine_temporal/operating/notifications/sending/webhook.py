"""Webhooks, signed as https://www.standardwebhooks.com says: a receiver's library checks them."""

import base64
import binascii
import hashlib
import hmac
import time

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.operating.notifications.channels import WebhookChannel, secret
from spine_temporal.operating.notifications.sending.http import as_body, post
from spine_temporal.operating.notifications.sending.outgoing import Outgoing

_PREFIX = "whsec_"


def send_webhook(channel: WebhookChannel, outgoing: Outgoing) -> None:
    """Post the batch; its id is the idempotency key."""
    body, at = as_body(outgoing.json), int(time.time())
    headers = {"webhook-id": str(outgoing.batch_id), "webhook-timestamp": str(at)}
    if channel.secret_env is not None:
        headers["webhook-signature"] = signature(key_of(channel.secret_env), str(outgoing.batch_id), at, body)
    post(channel.address(), body, headers)


def signature(key: bytes, message_id: str, at: int, body: bytes) -> str:
    """Return the signature's header: HMAC-SHA256 over id, seconds since 1970 and body."""
    signed = hmac.new(key, f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def key_of(variable: str) -> bytes:
    """Return the key that a variable has: base64 behind ``whsec_``, else the text as it is."""
    value = secret(variable)
    if not value.startswith(_PREFIX):
        return value.encode()
    try:
        return base64.b64decode(value.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise SpineError(
            f"the environment variable {variable} begins with {_PREFIX}, and what follows is not base64",
            ErrorCategory.CONFIGURATION,
        ) from None
