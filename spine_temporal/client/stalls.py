"""Why an open run does not move, by what Temporal's description of it and Postgres say. Pure: nobody is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from spine_temporal.client.descriptions import is_paused_info
from spine_temporal.client.pending import is_started, looks_for, task_queue_of
from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.recording.stalls import OpenRow
from spine_temporal.runtime.backfill_places import NO_PLACE
from spine_temporal.runtime.run_activities import NOT_YET
from spine_temporal.runtime.source_limits import LIMITED

#: Seconds that a task may wait for a worker before that is worth a line.
_MOMENT = 5.0
#: Characters of an error in a line.
_LONGEST = 200


class StallCause(StrEnum):
    """Why a run does not move; the values are what is printed, in the order in which they are told."""

    #: Its workflow task fails again and again: its code cannot go on with it.
    TASK_FAILING = "task failing"
    #: Nobody serves the task queue that it, or a step of it, asks.
    NO_WORKER = "no worker"
    #: An attempt has failed, and the next one is due.
    RETRYING = "retrying"
    #: A gate waits for a person.
    HELD = "held"
    #: Somebody has paused it, or a step of it.
    PAUSED = "paused"
    #: A source is closed, or full.
    LIMIT = "limit"
    #: Another run holds its partition.
    BUSY = "busy"
    #: It was held and is decided, and its backfill has no place free.
    PLACE = "place"
    #: The workers of its task queue have no free slot.
    QUEUED = "queued"
    #: For a time, or for partitions of another workflow, as its definition says.
    WAITING = "waiting"
    #: It moves, and its partition is late all the same.
    LATE = "late"


#: What an activity that only looks waits for, by the failure type of its look.
_LOOKS = {
    ErrorCategory.PARTITION_BUSY.value: StallCause.BUSY,
    LIMITED: StallCause.LIMIT,
    NO_PLACE: StallCause.PLACE,
    NOT_YET: StallCause.WAITING,
}
#: Looks of the run as a whole, and not of a step.
_OF_THE_RUN = {ErrorCategory.PARTITION_BUSY.value, NO_PLACE}


@dataclass(frozen=True, kw_only=True)
class Stall:
    """A run that does not move."""

    cause: StallCause
    workflow: str
    workflow_id: str
    run_id: str
    #: What exactly, in a line.
    text: str


@dataclass(frozen=True, kw_only=True)
class Queues:
    """How many workers ask for tasks, by task queue."""

    workflow_tasks: Mapping[str, int]
    activity_tasks: Mapping[str, int]


def queues_of(described: DescribeWorkflowExecutionResponse) -> tuple[str, set[str]]:
    """Return the run's own task queue where its workflow task waits (else empty), and those of activities that wait."""
    own = described.execution_config.task_queue.name
    waits = described.HasField("pending_workflow_task") and not described.pending_workflow_task.HasField("started_time")
    waiting = {task_queue_of(each) or own for each in described.pending_activities if not is_started(each)}
    return (own if waits else ""), waiting


def stall_of(
    described: DescribeWorkflowExecutionResponse, row: OpenRow | None, queues: Queues, now: datetime
) -> Stall | None:
    """Return why an open run does not move; None: it does. ``row``: what Postgres has of it."""
    found = _found(described, row, queues, now)
    late = row.late if row is not None else None
    if found is None:
        found = (StallCause.LATE, late) if late else None
    elif late:
        found = (found[0], f"{found[1]}; and its partition is late")
    if found is None:
        return None
    info = described.workflow_execution_info
    return Stall(
        cause=found[0],
        workflow=info.type.name,
        workflow_id=info.execution.workflow_id,
        run_id=info.execution.run_id,
        text=" ".join(found[1].split()),
    )


_Found = tuple[StallCause, str]


def _found(
    described: DescribeWorkflowExecutionResponse, row: OpenRow | None, queues: Queues, now: datetime
) -> _Found | None:
    if is_paused_info(described):
        pause = described.workflow_extended_info.pause_info
        return (
            StallCause.PAUSED,
            f"{pause.identity or 'somebody'} has paused it{f': {pause.reason}' * bool(pause.reason)}",
        )
    if row is not None and row.held_stage is not None:
        step = row.held_stage.removeprefix("workflow.")
        return StallCause.HELD, f"{step} waits for a person: {(row.held_for or '')[:_LONGEST]}"
    own = described.execution_config.task_queue.name
    if described.HasField("pending_workflow_task"):
        return _of_workflow_task(described, own, queues, now)
    activities = [_of_activity(each, own, queues, now) for each in described.pending_activities]
    stalls = [each for each in activities if each is not None]
    if stalls:
        return (
            min(stalls, key=lambda found: list(StallCause).index(found[0])) if len(stalls) == len(activities) else None
        )
    if activities or described.pending_children:
        return None
    return StallCause.WAITING, "for a time that its definition says, or for a signal"


def _of_workflow_task(
    described: DescribeWorkflowExecutionResponse, own: str, queues: Queues, now: datetime
) -> _Found | None:
    task = described.pending_workflow_task
    if task.attempt > 1:
        return (
            StallCause.TASK_FAILING,
            f"attempt {task.attempt} of its workflow task; `spine-temporal why` has the error",
        )
    if not queues.workflow_tasks.get(own, 1):
        return StallCause.NO_WORKER, f"none asks for work on task queue {own!r}"
    waits = (now - task.scheduled_time.ToDatetime(UTC)).total_seconds()
    if not task.HasField("started_time") and waits > _MOMENT:
        return StallCause.QUEUED, f"its workflow task waits for {waits:.0f} s for a worker on task queue {own!r}"
    return None


def _of_activity(activity: PendingActivityInfo, own: str, queues: Queues, now: datetime) -> _Found | None:
    """Return why a pending activity does not run; None: it does, or has just been asked for."""
    what = activity.activity_type.name if activity.activity_id.isdigit() else activity.activity_id
    if activity.paused:
        return StallCause.PAUSED, f"somebody has paused {what}"
    queue = task_queue_of(activity) or own
    if not is_started(activity) and not queues.activity_tasks.get(queue, 1):
        return StallCause.NO_WORKER, f"{what}: none asks for work on task queue {queue!r}"
    told, look = activity.last_failure.message[:_LONGEST], looks_for(activity, now)
    if look:
        return _LOOKS[look], told if look in _OF_THE_RUN else f"{what}: {told}"
    waits = (now - activity.scheduled_time.ToDatetime(UTC)).total_seconds()
    if not is_started(activity) and activity.attempt > 1 and activity.HasField("next_attempt_schedule_time"):
        return StallCause.RETRYING, f"{what}, attempt {activity.attempt}: {told}"
    if is_started(activity) or waits <= _MOMENT:
        return None
    return StallCause.QUEUED, f"{what} waits for {waits:.0f} s for a free slot on task queue {queue!r}"
