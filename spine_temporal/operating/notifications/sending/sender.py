"""Sends a batch over whichever channel it goes to."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import assert_never
from uuid import UUID

from spine_temporal.operating.notifications.channels import (
    AppriseChannel,
    Channel,
    EmailChannel,
    SlackChannel,
    WebhookChannel,
)
from spine_temporal.operating.notifications.sending.apprise_services import send_apprise
from spine_temporal.operating.notifications.sending.email import send_email
from spine_temporal.operating.notifications.sending.outgoing import Outgoing
from spine_temporal.operating.notifications.sending.slack import send_slack
from spine_temporal.operating.notifications.sending.webhook import send_webhook
from spine_temporal.operating.notifications.wording import Wording
from spine_temporal.recording.outbox import Enqueued


def send(channel: Channel, batch_id: UUID, told: Sequence[Enqueued]) -> None:
    """Send notifications of one cause as one message.

    Raises ``SendingError`` where the channel does not take it, ``SpineError`` where its settings are wrong.
    """
    outgoing = _outgoing(channel, batch_id, told)
    match channel:
        case WebhookChannel():
            send_webhook(channel, outgoing)
        case SlackChannel():
            send_slack(channel, outgoing)
        case EmailChannel():
            send_email(channel, outgoing)
        case AppriseChannel():
            send_apprise(channel, outgoing)
        case _:
            assert_never(channel)


def _outgoing(channel: Channel, batch_id: UUID, told: Sequence[Enqueued]) -> Outgoing:
    wording, at = Wording(told, subject=channel.subject, body=channel.body), datetime.now(UTC)
    return Outgoing(
        batch_id=batch_id, at=at, subject=wording.subject, text=wording.text, json=wording.json(batch_id, at)
    )
