"""Routes: which notifications go to which channels. Pure."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from spine_temporal.definition.notification import NotificationKind
from spine_temporal.definition.severity import Severity
from spine_temporal.recording.outbox import Enqueued


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


#: One pattern or several: ``*`` stands for any text.
Patterns = Annotated[tuple[str, ...], BeforeValidator(_listed)]
_GRAVITY = [Severity.INFO, Severity.WARN, Severity.ERROR]


class Route(BaseModel):
    """Where notifications go that match all of it; what is left out matches each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
    domain: Patterns = ("*",)
    workflow: Patterns = ("*",)
    category: Patterns = ("*",)
    kind: Annotated[tuple[NotificationKind, ...], BeforeValidator(_listed)] = ()
    #: The least severity.
    severity: Severity = Severity.WARN

    def takes(self, told: Enqueued) -> bool:
        """Return whether the notification goes this way."""
        return (
            (not self.kind or told.kind in self.kind)
            and _matches(self.domain, told.domain)
            and _matches(self.workflow, told.workflow)
            and _matches(self.category, told.category)
            and _gravity(told.severity) >= _gravity(self.severity)
        )


def channels_of(routes: Sequence[Route], told: Enqueued) -> tuple[str, ...]:
    """Return the channels of all routes that take the notification, each once."""
    return tuple(dict.fromkeys(channel for route in routes if route.takes(told) for channel in route.channels))


def _matches(patterns: tuple[str, ...], value: str) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in patterns)


def _gravity(severity: str) -> int:
    """Return how grave it is; a word that nobody knows is as grave as can be."""
    return _GRAVITY.index(Severity(severity)) if severity in list(Severity) else len(_GRAVITY)
