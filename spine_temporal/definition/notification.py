"""A notification: what a person is to be told of a workflow's partitions. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from spine_temporal.definition.params import canonical
from spine_temporal.definition.severity import Severity

_NOTIFICATIONS = uuid5(NAMESPACE_URL, "spine-temporal/notifications")


class NotificationKind(StrEnum):
    """What a notification tells."""

    #: A run has failed, was refused at its start, or was stopped from outside; or it went past a failed step.
    FAILED = "failed"
    #: A gate waits for a person.
    HELD = "held"
    #: A gate still waits for a person.
    REMINDER = "reminder"
    #: A gate has waited for longer than it should.
    ESCALATED = "escalated"
    #: A held gate was decided of.
    DECIDED = "decided"
    #: A partition is not complete by its deadline.
    LATE = "late"
    #: A partition of which something was told is complete.
    RECOVERED = "recovered"
    #: A backfill has ended.
    BACKFILL_ENDED = "backfill_ended"
    #: A person looks whether a channel works.
    TEST = "test"


@dataclass(frozen=True, kw_only=True)
class Notification:
    """One thing to be told once, however often it is enqueued."""

    kind: NotificationKind
    #: What makes it this one: the same kind with the same key is the same notification.
    key: str
    domain: str
    workflow: str
    severity: Severity
    #: The failure's category; routes are chosen by it.
    category: str
    message: str
    partition: Mapping[str, Any] = field(default_factory=dict)
    step: str | None = None
    run_id: str | None = None
    workflow_id: str | None = None
    #: The anomaly that it tells of, so that its recovery can be told.
    anomaly_id: UUID | None = None
    #: What else there is to tell, as JSON.
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def notification_id(self) -> UUID:
        """The same for the same kind and key: what receivers tell repetitions by."""
        return uuid5(_NOTIFICATIONS, f"{self.kind}/{self.key}")

    @property
    def cause(self) -> str:
        """What it shares with others that are told together with it."""
        return canonical([self.kind, self.workflow, self.step or "", self.category, self.severity])
