"""The settings of notifications: ``[tool.spine.notifications]``, or ``[notifications]`` of spine.toml."""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spine_temporal.definition.errors import ErrorCategory, ParamsError, SpineError
from spine_temporal.definition.names import did_you_mean
from spine_temporal.operating.notifications.channels import Channel, secrets_of
from spine_temporal.operating.notifications.routes import Route, channels_of
from spine_temporal.project import Project, current_folder, find_project
from spine_temporal.recording.deliveries import Grouping
from spine_temporal.recording.outbox import Enqueued

#: Where it stands in the project's settings.
KEY = "notifications"


class NotificationSettings(BaseModel):
    """Channels and routes; durations are seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: Mapping[str, Channel] = Field(default_factory=dict)
    #: None given: everything from WARN on goes to every channel.
    routes: tuple[Route, ...] = ()
    #: How long a cause is waited for, before its first message and between two, so that many become one.
    group_wait: float = Field(default=10, ge=0, allow_inf_nan=False)
    group_interval: float = Field(default=300, ge=0, allow_inf_nan=False)
    #: How long a channel is tried.
    give_up_after: float = Field(default=timedelta(days=1).total_seconds(), ge=1, allow_inf_nan=False)
    #: Days after which notifications are deleted, delivered or not.
    keep_days: int = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _has_channels_of_routes(self) -> "NotificationSettings":
        for route in self.routes:
            for name in route.channels:
                if name not in self.channels:
                    raise ValueError(f"a route names channel {name!r}; {self._known(name)}")
        return self

    @property
    def grouping(self) -> Grouping:
        """How notifications become batches."""
        return Grouping(group_wait=self.group_wait, group_interval=self.group_interval)

    def channels_of(self, told: Enqueued) -> tuple[str, ...]:
        """Return the channels that a notification goes to."""
        return channels_of(self.routes or (Route(channels=tuple(self.channels)),), told) if self.channels else ()

    def channel(self, name: str) -> Channel:
        """Return a channel; raises ``ParamsError`` where there is none of that name."""
        if name not in self.channels:
            raise ParamsError(f"there is no channel {name!r}: {self._known(name)}")
        return self.channels[name]

    def missing_secrets(self, environ: Mapping[str, str] = os.environ) -> list[tuple[str, str]]:
        """Return each channel that cannot be used yet, with the environment variable that is not set."""
        return [
            (name, variable)
            for name, channel in self.channels.items()
            for variable in secrets_of(channel)
            if not environ.get(variable, "").strip()
        ]

    def _known(self, name: str) -> str:
        there = ", ".join(self.channels)
        return f"the channels are {there}{did_you_mean(name, self.channels)}" if there else "none is declared"


def notification_settings(project: Project | None = None) -> NotificationSettings:
    """Return the settings of a project, by default of the one around the current folder. Raises ``SpineError``."""
    found = project or find_project(current_folder())
    if found is None or KEY not in found.settings:
        return NotificationSettings()
    try:
        return NotificationSettings.model_validate(found.settings[KEY])
    except ValidationError as error:
        raise _refusal(found, error.errors(include_url=False)[0]) from None


def _refusal(project: Project, problem: Any) -> SpineError:
    """Say which key is wrong and how; never its value, which may be a secret in the wrong place."""
    at = list(problem["loc"])
    if at[:1] == ["channels"]:
        del at[2:3]  # the channel's kind, which is no key
    path = ".".join([KEY, *map(str, at)])
    said = str(problem["msg"]).removeprefix("Value error, ")
    return SpineError(f"{project.where(path)}: {said}", ErrorCategory.CONFIGURATION)
