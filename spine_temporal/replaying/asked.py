"""What a run asks of Temporal: read from its history, and from the commands of the code that replays it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

#: Name of the marker that a local activity leaves.
_LOCAL = "core_local_activity"
_END = "end"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One thing that a run asks of Temporal."""

    #: What it is: activity, local activity, timer, child workflow, end.
    kind: str
    #: Type of the activity or workflow, or how the run ends.
    name: str = ""
    #: The step that asks, where the request tells it.
    step: str | None = None
    summary: str = ""
    #: The event of the history; None: the code asks now.
    event: int | None = None

    def is_as(self, other: "Asked") -> bool:
        """Whether the other is the same request; steps are compared where both tell theirs."""
        same_step = self.step == other.step or None in {self.step, other.step}
        return (self.kind, self.name) == (other.kind, other.name) and same_step

    def __str__(self) -> str:
        """Name it as Temporal's Web UI does, with its step or its summary."""
        if self.kind == _END:
            return f"the end of the run as {self.name}{f' ({self.summary})' if self.summary else ''}"
        told = f"of step {self.step!r}" if self.step else f"({self.summary})" if self.summary else ""
        return " ".join(part for part in (self.kind, self.name, told) if part)


def in_history(events: Iterable[HistoryEvent]) -> list[Asked]:
    """Return what the run has asked for, in order."""
    return [asked for asked in map(_of_event, events) if asked is not None]


def in_commands(commands: Iterable[WorkflowCommand]) -> list[Asked]:
    """Return what the code asks for, in order."""
    return [asked for asked in map(_of_command, commands) if asked is not None]


def _of_event(event: HistoryEvent) -> Asked | None:
    given: dict[str, Any] = {"event": event.event_id, "summary": _summary(event.user_metadata.summary)}
    match event.event_type:
        case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            activity = event.activity_task_scheduled_event_attributes
            step = _step(activity.input.payloads)
            return Asked(kind="activity", name=activity.activity_type.name, step=step, **given)
        case EventType.EVENT_TYPE_MARKER_RECORDED:
            marker = event.marker_recorded_event_attributes
            if marker.marker_name != _LOCAL:
                return None
            name = _field(marker.details["data"].payloads, "activity_type") or ""
            failed = marker.failure.application_failure_info.details.payloads  # with the verdict that it has recorded
            step = _step([*marker.details["result"].payloads, *failed])
            return Asked(kind="local activity", name=name, step=step, **given)
        case EventType.EVENT_TYPE_TIMER_STARTED:
            return Asked(kind="timer", **given)
        case EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
            child = event.start_child_workflow_execution_initiated_event_attributes
            return Asked(kind="child workflow", name=child.workflow_type.name, **given)
    return Asked(kind=_END, name=_ENDS[event.event_type], **given) if event.event_type in _ENDS else None


#: How a run ends by itself.
_ENDS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "completed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "failed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "cancelled",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "continued as new",
}


def _of_command(command: WorkflowCommand) -> Asked | None:
    summary, variant = _summary(command.user_metadata.summary), command.WhichOneof("variant")
    match variant:
        case "schedule_activity" | "schedule_local_activity":
            is_local = variant == "schedule_local_activity"
            activity = command.schedule_local_activity if is_local else command.schedule_activity
            kind = "local activity" if is_local else "activity"
            return Asked(kind=kind, name=activity.activity_type, step=_step(activity.arguments), summary=summary)
        case "start_timer":
            return Asked(kind="timer", summary=summary)
        case "start_child_workflow_execution":
            child = command.start_child_workflow_execution
            return Asked(kind="child workflow", name=child.workflow_type, summary=summary)
    return _end_of(command, variant or "")


def _end_of(command: WorkflowCommand, variant: str) -> Asked | None:
    ends = {
        "complete_workflow_execution": "completed",
        "fail_workflow_execution": "failed",
        "cancel_workflow_execution": "cancelled",
        "continue_as_new_workflow_execution": "continued as new",
    }
    if variant not in ends:
        return None
    return Asked(kind=_END, name=ends[variant], summary=command.fail_workflow_execution.failure.message)


def _step(payloads: Iterable[Payload]) -> str | None:
    """Return the step that a message of ours is about; a codec's payloads tell nothing."""
    return _field(payloads, "step")


def _field(payloads: Iterable[Payload], name: str) -> str | None:
    for payload in payloads:
        try:
            value = json.loads(payload.data)
        except ValueError:
            continue
        found = value.get(name) if isinstance(value, dict) else None
        if isinstance(found, str):
            return found
    return None


def _summary(payload: Payload) -> str:
    try:
        value = json.loads(payload.data or b'""')
    except ValueError:
        return ""
    return value if isinstance(value, str) else ""
