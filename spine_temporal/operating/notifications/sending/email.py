"""E-mail over SMTP."""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime

from spine_temporal.operating.notifications.channels import EmailChannel, secret
from spine_temporal.operating.notifications.sending.outgoing import Outgoing, SendingError

_TIMEOUT = 15.0


def send_email(channel: EmailChannel, outgoing: Outgoing) -> None:
    """Send the batch; one that is sent again has the same Message-ID."""
    try:
        with _connected(channel) as server:
            if channel.user_env is not None and channel.password_env is not None:
                server.login(secret(channel.user_env), secret(channel.password_env))
            server.send_message(_message(channel, outgoing))
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise SendingError("it takes none of the recipients", is_final=all(code >= 500 for code in codes)) from None
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        raise SendingError(f"it answered {error.smtp_code} {said}", is_final=error.smtp_code >= 500) from None
    except smtplib.SMTPNotSupportedError as error:
        raise SendingError(str(error), is_final=True) from None
    except (OSError, smtplib.SMTPException) as error:
        raise SendingError(f"it cannot be reached: {error}") from None


def _connected(channel: EmailChannel) -> smtplib.SMTP:
    if channel.security == "tls":
        return smtplib.SMTP_SSL(channel.host, channel.port, timeout=_TIMEOUT, context=ssl.create_default_context())
    server = smtplib.SMTP(channel.host, channel.port, timeout=_TIMEOUT)
    if channel.security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server


def _message(channel: EmailChannel, outgoing: Outgoing) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = outgoing.subject
    message["From"] = channel.sender
    message["To"] = ", ".join(channel.to)
    message["Date"] = format_datetime(outgoing.at)
    message["Message-ID"] = f"<{outgoing.batch_id}@spine-temporal>"
    message.set_content(outgoing.text)
    return message
