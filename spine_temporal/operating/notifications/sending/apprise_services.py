"""The services that Apprise knows; it is an extra, and loaded only where a channel needs it."""

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.operating.notifications.channels import AppriseChannel, secret
from spine_temporal.operating.notifications.sending.outgoing import Outgoing, SendingError


def send_apprise(channel: AppriseChannel, outgoing: Outgoing) -> None:
    """Hand the subject and the text to the service."""
    try:
        from apprise import Apprise  # noqa: PLC0415 - an extra
    except ImportError:
        raise SpineError(
            "a channel of kind apprise needs Apprise, which is not installed",
            ErrorCategory.CONFIGURATION,
            advice="pip install 'spine-temporal[notify]'",
        ) from None
    services = Apprise()
    if not services.add(secret(channel.url_env)):
        raise SpineError(
            f"the environment variable {channel.url_env} has no address that Apprise knows", ErrorCategory.CONFIGURATION
        )
    if not services.notify(title=outgoing.subject, body=outgoing.text):
        raise SendingError("the service has not taken it; the worker's log says more")
