"""What a pending activity of Temporal's description is about, beside its state."""

from datetime import UTC, datetime

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowExecutionDescription

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.runtime.backfill_places import NO_PLACE
from spine_temporal.runtime.run_activities import NOT_YET
from spine_temporal.runtime.source_limits import LIMITED

_STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
#: Failure types of attempts that have only looked whether they may go on.
_LOOKS = frozenset({ErrorCategory.PARTITION_BUSY.value, LIMITED, NO_PLACE, NOT_YET})
#: Seconds after which an attempt that has begun does more than look.
_MOMENT = 5.0


def task_queue_of(activity: PendingActivityInfo) -> str:
    """Return where the activity asks for workers; empty where an older server does not say."""
    return activity.activity_options.task_queue.name


def is_started(activity: PendingActivityInfo) -> bool:
    """Return whether an attempt of the activity is being made."""
    return bool(activity.state == _STARTED)


def looks_for(activity: PendingActivityInfo, now: datetime) -> str:
    """Return what the activity looks for again and again: the failure type of its last look; empty where it does not.

    An attempt that has begun looks for a moment; if it goes on for longer, it has found what it looked for.
    """
    kind = activity.last_failure.application_failure_info.type
    if kind not in _LOOKS:
        return ""
    works = is_started(activity) and (now - activity.last_started_time.ToDatetime(UTC)).total_seconds() > _MOMENT
    return "" if works else kind


def next_in(activity: PendingActivityInfo, now: datetime) -> float:
    """Return in how many seconds the next attempt is due; 0 where it is now."""
    if not activity.HasField("next_attempt_schedule_time"):
        return 0.0
    return max(0.0, (activity.next_attempt_schedule_time.ToDatetime(UTC) - now).total_seconds())


def place_awaited(description: WorkflowExecutionDescription) -> str:
    """Return that a decided run waits for a place of its backfill, in a sentence; empty where it does not."""
    now = datetime.now(UTC)
    activities = description.raw_description.pending_activities
    found = (each.last_failure.message for each in activities if looks_for(each, now) == NO_PLACE)
    return next((f"it {told}" for told in found), "")
