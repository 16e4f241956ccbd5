"""Messages arrive at real servers: a webhook whose signature is right, Slack's form, SMTP, Apprise."""

import base64
import email
import hashlib
import hmac
import json
import socket
from email import policy
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller

from spine_temporal import SpineError
from spine_temporal.operating.notifications.channels import AppriseChannel, EmailChannel, SlackChannel, WebhookChannel
from spine_temporal.operating.notifications.sending.outgoing import SendingError
from spine_temporal.operating.notifications.sending.sender import send
from spine_temporal.operating.notifications.sending.webhook import signature
from tests.unit.notifications.receivers import receiving
from tests.unit.notifications.told import told

BATCH = UUID(int=42)


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


class Mailbox:
    def __init__(self, answer="250 OK"):
        self.messages, self.answer = [], answer

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        self.messages.append(email.message_from_bytes(envelope.content, policy=policy.default))
        return self.answer


@pytest.fixture
def mailbox(request):
    box = Mailbox(getattr(request, "param", "250 OK"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        box.port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()


def mail(box, **more):
    return EmailChannel(
        kind="email",
        host="127.0.0.1",
        port=box.port,
        security="none",
        sender="spine@example.org",
        to=("ann@example.org", "bob@example.org"),
        **more,
    )


def test_a_signature_is_that_of_standard_webhooks():
    # The example of https://www.standardwebhooks.com, as its reference libraries test it.
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    found = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(("value", "key"), [("whsec_c2VjcmV0", b"secret"), ("in clear text", b"in clear text")])
def test_a_webhook_is_signed_with_the_time_and_has_the_batch_as_its_id(receiver, monkeypatch, value, key):
    monkeypatch.setenv("OPS_KEY", value)
    channel = WebhookChannel(kind="webhook", url=receiver.url, secret_env="OPS_KEY")
    send(channel, BATCH, [told(1), told(2)])
    [(headers, body)] = receiver.came
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-id"] == str(BATCH)
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert receiver.ids == [str(UUID(int=1)), str(UUID(int=2))]


def test_slack_is_told_in_its_form_with_its_signs_escaped(receiver, monkeypatch):
    monkeypatch.setenv("SLACK", receiver.url)
    send(SlackChannel(kind="slack", url_env="SLACK"), BATCH, [told(message="1 < 2 & <!channel>")])
    [(_, body)] = receiver.came
    assert json.loads(body)["text"].startswith("*[ERROR] weekly: week_ending=2025-01-01, tier=OTC failed at check")
    assert "1 &lt; 2 &amp; &lt;!channel&gt;" in json.loads(body)["text"]


@pytest.mark.parametrize(
    ("answer", "is_final", "after"),
    [
        ((503, {"Retry-After": "7"}), False, 7.0),
        ((429, {}), False, None),
        ((404, {}), True, None),
        ((302, {"Location": "/x"}), True, None),
    ],
)
def test_an_answer_says_whether_the_message_may_be_taken_later(receiver, answer, is_final, after):
    receiver.answers.append(answer)
    with pytest.raises(SendingError, match=f"it answered {answer[0]}") as error:
        send(WebhookChannel(kind="webhook", url=receiver.url), BATCH, [told()])
    assert (error.value.is_final, error.value.retry_after) == (is_final, after)
    assert len(receiver.came) == 1


def test_what_cannot_be_reached_may_be_later_and_its_address_is_not_told(monkeypatch):
    monkeypatch.setenv("SLACK", "http://127.0.0.1:9/T0/secret")
    with pytest.raises(SendingError, match="it cannot be reached") as error:
        send(SlackChannel(kind="slack", url_env="SLACK"), BATCH, [told()])
    assert not error.value.is_final
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("url_env", "", "the environment variable SLACK is not set"),
        ("url_env", "file:///etc/passwd", "the environment variable SLACK has no address"),
    ],
)
def test_a_secret_that_is_missing_or_wrong_is_named_by_its_variable(monkeypatch, name, value, words):
    monkeypatch.setenv("SLACK", value)
    with pytest.raises(SpineError, match=words) as error:
        send(SlackChannel(kind="slack", **{name: "SLACK"}), BATCH, [told()])
    assert "passwd" not in str(error.value)


def test_a_mail_has_the_batch_as_its_message_id(mailbox):
    send(mail(mailbox, subject="$count failed"), BATCH, [told(message="zu wenig Zeilen: ü")])
    [message] = mailbox.messages
    assert (message["Subject"], message["To"]) == ("1 failed", "ann@example.org, bob@example.org")
    assert message["Message-ID"] == f"<{BATCH}@spine-temporal>"
    assert "zu wenig Zeilen: ü" in message.get_content()


@pytest.mark.parametrize(("mailbox", "is_final"), [("451 later", False), ("554 never", True)], indirect=["mailbox"])
def test_a_mail_server_says_whether_it_may_be_taken_later(mailbox, is_final):
    with pytest.raises(SendingError, match=f"it answered {mailbox.answer}") as error:
        send(mail(mailbox), BATCH, [told()])
    assert error.value.is_final is is_final


def test_a_mail_server_without_encryption_is_not_told_where_it_is_asked_for(mailbox):
    channel = mail(mailbox).model_copy(update={"security": "starttls"})
    with pytest.raises(SendingError, match="STARTTLS extension not supported") as error:
        send(channel, BATCH, [told()])
    assert error.value.is_final
    assert mailbox.messages == []


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's own import
def test_apprise_reaches_any_service_that_it_knows(receiver, monkeypatch):
    monkeypatch.setenv("SERVICE", receiver.url.replace("http://", "json://"))
    channel = AppriseChannel(kind="apprise", url_env="SERVICE")
    send(channel, BATCH, [told()])
    [(_, body)] = receiver.came
    assert json.loads(body)["title"].startswith("[ERROR] weekly: week_ending=2025-01-01")
    receiver.answers.append((500, {}))
    with pytest.raises(SendingError, match="the service has not taken it"):
        send(channel, BATCH, [told()])
    monkeypatch.setenv("SERVICE", "no such thing")
    with pytest.raises(SpineError, match="has no address that Apprise knows"):
        send(channel, BATCH, [told()])
