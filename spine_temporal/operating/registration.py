"""The product's own workflows and their activities, which a service's worker runs beside the service's."""

from collections.abc import Callable
from typing import Any

from temporalio.client import Client

from spine_temporal.operating.backfill.activities import BackfillActivities
from spine_temporal.operating.backfill.messages import BACKFILL
from spine_temporal.operating.backfill.workflow import BackfillWorkflow
from spine_temporal.operating.lateness.activities import LatenessActivities
from spine_temporal.operating.lateness.messages import LATENESS
from spine_temporal.operating.lateness.workflow import JudgeDeadlines
from spine_temporal.operating.notifications.deliver_workflow import Deliver
from spine_temporal.operating.notifications.delivery_activities import DeliveryActivities
from spine_temporal.operating.notifications.messages import DELIVER
from spine_temporal.operating.notifications.notification_settings import notification_settings
from spine_temporal.operating.schedules.activities import ScheduleActivities
from spine_temporal.operating.schedules.messages import SCHEDULED
from spine_temporal.operating.schedules.workflow import Scheduled
from spine_temporal.recording.database import Database
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.settings import Settings

#: The workflow classes by their types.
_WORKFLOWS: dict[str, type] = {
    BACKFILL: BackfillWorkflow,
    SCHEDULED: Scheduled,
    LATENESS: JudgeDeadlines,
    DELIVER: Deliver,
}


def operating_workflows() -> list[type]:
    """Return the workflow classes."""
    return [*_WORKFLOWS.values()]


def operating_types() -> frozenset[str]:
    """Return the workflow types, as Temporal has them."""
    return frozenset(_WORKFLOWS)


def operating_activities(
    client: Client, database: Database, definitions: Definitions, _settings: Settings
) -> list[Callable[..., Any]]:
    """Return the activities, bound to what a worker has; raises ``SpineError`` for settings that are wrong."""
    return [
        *BackfillActivities(client, database, definitions).all,
        ScheduleActivities(definitions).due,
        LatenessActivities(database, definitions).judge,
        *DeliveryActivities(database, notification_settings()).all(),
    ]
