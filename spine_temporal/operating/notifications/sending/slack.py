"""Incoming webhooks of Slack, and of what takes the same."""

from spine_temporal.operating.notifications.channels import SlackChannel
from spine_temporal.operating.notifications.sending.http import as_body, post
from spine_temporal.operating.notifications.sending.outgoing import Outgoing

#: Characters of a message; Slack cuts longer ones.
_LONGEST = 3000
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def send_slack(channel: SlackChannel, outgoing: Outgoing) -> None:
    """Post the subject and the text."""
    subject, text = (part.translate(_ESCAPED) for part in (outgoing.subject, outgoing.text))
    post(channel.address(), as_body({"text": f"*{subject}*\n{text}"[:_LONGEST]}), {})
