"""Channels: where notifications are sent to, as the settings declare them. Secrets are named, never written."""

import os
from collections.abc import Mapping
from string import Template
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from spine_temporal.definition.errors import ErrorCategory, SpineError

#: What a template may name.
PLACEHOLDERS = (
    "severity", "kind", "told", "workflow", "domain", "category", "step", "count", "partition", "message", "subject",
    "lines", "advice",
)  # fmt: skip


def _template(text: str) -> str:
    template = Template(text)
    unknown = [name for name in template.get_identifiers() if name not in PLACEHOLDERS]
    if unknown or not template.is_valid():
        named = f"${unknown[0]} is unknown" if unknown else "a $ stands alone (write $$)"
        raise ValueError(f"{named}; a template may name {', '.join('$' + name for name in PLACEHOLDERS)}")
    return text


def _http(url: str) -> str:
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise ValueError("it must be like https://host/path")
    return url


Text = Annotated[str, Field(min_length=1)]
TemplateText = Annotated[str, AfterValidator(_template)]
HttpUrl = Annotated[str, AfterValidator(_http)]
#: The name of an environment variable.
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class _Channel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    #: The first line of what is told, and the rest.
    subject: TemplateText = "[$severity] $told"
    body: TemplateText = "$lines\n\n$advice"


class _HttpChannel(_Channel):
    #: The address, or the variable that has it: that of Slack is a secret itself.
    url: HttpUrl | None = None
    url_env: Variable | None = None

    @model_validator(mode="after")
    def _has_one(self) -> "_HttpChannel":
        if (self.url is None) == (self.url_env is None):
            raise ValueError("give url, or url_env: the name of the environment variable that has it")
        return self

    def address(self, environ: Mapping[str, str] = os.environ) -> str:
        """Return the address; raises ``SpineError`` where the variable has none."""
        return _checked_http(self.url_env, secret(self.url_env, environ)) if self.url_env else str(self.url)


class WebhookChannel(_HttpChannel):
    """A program of one's own: JSON, signed as Standard Webhooks are."""

    kind: Literal["webhook"]
    #: The variable with the secret that signs; None: nothing is signed.
    secret_env: Variable | None = None


class SlackChannel(_HttpChannel):
    """An incoming webhook of Slack, or of what takes the same, such as Mattermost."""

    kind: Literal["slack"]


class EmailChannel(_Channel):
    """A mail server."""

    kind: Literal["email"]
    host: Text
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Text
    to: tuple[Text, ...] = Field(min_length=1, strict=False)
    user_env: Variable | None = None
    password_env: Variable | None = None

    @model_validator(mode="after")
    def _has_both(self) -> "EmailChannel":
        if (self.user_env is None) != (self.password_env is None):
            raise ValueError("user_env and password_env go together")
        if self.user_env and self.security == "none":
            raise ValueError("a password is not sent without encryption: security must be starttls or tls")
        return self


class AppriseChannel(_Channel):
    """Any service that Apprise knows; needs the extra ``notify``."""

    kind: Literal["apprise"]
    #: The variable that has the service's address in Apprise's form.
    url_env: Variable


Channel = Annotated[
    WebhookChannel | SlackChannel | EmailChannel | AppriseChannel,
    Field(discriminator="kind"),
]


def secret(variable: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return the value of an environment variable; raises ``SpineError`` where it is not set."""
    value = environ.get(variable, "").strip()
    if not value:
        raise SpineError(
            f"the environment variable {variable} is not set, and a channel of the notifications needs it",
            ErrorCategory.CONFIGURATION,
            advice="set it for every worker",
        )
    return value


def _checked_http(variable: str, url: str) -> str:
    try:
        return _http(url)
    except ValueError as error:  # the address may be a secret: it is not shown
        raise SpineError(
            f"the environment variable {variable} has no address: {error}", ErrorCategory.CONFIGURATION
        ) from None


def secrets_of(channel: Channel) -> list[str]:
    """Return the names of the variables that a channel needs."""
    given = channel.model_dump(exclude_none=True)
    return [value for name, value in given.items() if name.endswith("_env")]
