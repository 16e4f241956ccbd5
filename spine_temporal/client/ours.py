"""Whether a Temporal workflow is a run of a Spine workflow: a person may give any id."""

import shlex

from temporalio.client import Client, WorkflowExecutionDescription

from spine_temporal.definition.errors import ParamsError
from spine_temporal.translation.messages import BEGIN
from spine_temporal.translation.search_attributes import DOMAIN

#: Events in which a run of ours has begun, with the tasks that a worker has failed before.
_FIRST_EVENTS = 50


async def require_ours(client: Client, description: WorkflowExecutionDescription, task_queue: str) -> None:
    """Raise ``ParamsError`` for a workflow that shows no sign of ours: its id, attributes, task queue and history."""
    kind = description.workflow_type
    if description.id == kind or description.id.startswith(f"{kind}/") or description.task_queue == task_queue:
        return
    if description.typed_search_attributes.get(DOMAIN) is None and not await _has_begun(client, description):
        raise not_ours(description)


def not_ours(description: WorkflowExecutionDescription) -> ParamsError:
    """Return the error that tells that a workflow is another's."""
    return ParamsError(
        f"{description.id!r} is a Temporal workflow of type {description.workflow_type!r}, and no run of ours",
        advice=f"look at it with `temporal workflow describe --workflow-id {shlex.quote(description.id)}`",
    )


async def _has_begun(client: Client, description: WorkflowExecutionDescription) -> bool:
    """Return whether its history opens with the run's beginning, as a marker or as an activity."""
    history = client.get_workflow_handle(description.id, run_id=description.run_id)
    read = 0
    async for event in history.fetch_history_events(page_size=_FIRST_EVENTS):
        marker = event.marker_recorded_event_attributes.details.get("data")
        data = b"".join(payload.data for payload in marker.payloads) if marker else b""
        if BEGIN.encode() in data or event.activity_task_scheduled_event_attributes.activity_type.name == BEGIN:
            return True
        read += 1
        if read == _FIRST_EVENTS:
            break
    return False
