"""When each step of a run waited, worked and was held, from Temporal's history of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.client.descriptions import described
from spine_temporal.drawing.run_record import Span, SpanKind
from spine_temporal.translation.messages import DECIDE, HOLD, WAIT_FOR

#: Of activity types that are the run's own.
_OURS = "spine."
#: In the request of a pipeline that a gate keeps from running: nothing of it runs.
_SHUT = b'"is_open":false'
_COMPLETED = (EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED)


async def spans_of_run(client: Client, workflow_id: str, run_id: str) -> Mapping[str, list[Span]] | None:
    """Return the spans of each step, and of each item of a map, by name; None where Temporal has no history of it.

    ``run_id``: Temporal's own id of the run. What is open has spans without an end.
    """
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    reader = _Reader()
    try:
        async for event in handle.fetch_history_events():
            reader.read(event)
            if event.activity_task_scheduled_event_attributes.activity_type.name in {HOLD, DECIDE}:
                given = event.activity_task_scheduled_event_attributes
                reader.read_held(await _step_of(client, given.input.payloads), event)
        description = await described(client, handle)
    except RPCError as error:
        if error.status in {RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT}:
            return None
        raise
    for pending in description.raw_description.pending_activities:
        reader.read_pending(pending)
    reader.leave_open()
    return reader.spans


async def _step_of(client: Client, payloads: Sequence[Payload]) -> str:
    """Return the gate that a request is about; nothing where another's codec hides it."""
    try:
        [request] = await client.data_converter.decode(payloads)
    except Exception:  # noqa: BLE001 - what cannot be read is not drawn
        return ""
    return str(request.get("step", "")) if isinstance(request, Mapping) else ""


@dataclass(frozen=True)
class _Begun:
    """What has been scheduled and has not ended."""

    name: str
    at: datetime
    waits: bool = False


@dataclass
class _Reader:
    """Reads a history from its beginning."""

    spans: dict[str, list[Span]] = field(default_factory=dict)
    #: By the event that scheduled it.
    _begun: dict[int, _Begun] = field(default_factory=dict)
    #: When the last attempt of an activity began, and which one it is, by the event that scheduled it.
    _attempts: dict[int, tuple[datetime, int]] = field(default_factory=dict)

    def read(self, event: HistoryEvent) -> None:
        """Take the next event in."""
        kind = (event.WhichOneof("attributes") or "").removesuffix("_event_attributes")
        if kind == "activity_task_scheduled":
            self._scheduled(event)
        elif kind == "activity_task_started":
            started = event.activity_task_started_event_attributes
            self._attempts[started.scheduled_event_id] = (_moment(event.event_time), started.attempt)
        elif kind == "start_child_workflow_execution_initiated":
            name = _child_name(event.start_child_workflow_execution_initiated_event_attributes.workflow_id)
            self._begun[event.event_id] = _Begun(name, _moment(event.event_time))
        elif kind.startswith(("activity_task_", "child_workflow_execution_")):
            self._ended(event, kind)

    def _scheduled(self, event: HistoryEvent) -> None:
        given = event.activity_task_scheduled_event_attributes
        kind, waits = given.activity_type.name, given.activity_type.name == WAIT_FOR
        # Temporal's own id says nothing of the step.
        if any(_SHUT in payload.data for payload in given.input.payloads):
            return
        if not kind.startswith(_OURS) or (waits and not given.activity_id.isdigit()):
            name = given.activity_id.partition("#")[0]
            self._begun[event.event_id] = _Begun(name, _moment(event.event_time), waits)

    def _ended(self, event: HistoryEvent, kind: str) -> None:
        attributes: Any = getattr(event, f"{kind}_event_attributes")
        by_activity = kind.startswith("activity_task_")
        number = attributes.scheduled_event_id if by_activity else attributes.initiated_event_id
        if kind.endswith(("_started", "_cancel_requested")) or number not in self._begun:
            return
        begun, ends = self._begun.pop(number), _moment(event.event_time)
        started = self._attempts.get(number) if by_activity else (begun.at, 1)
        self._add(begun, started, ends, failed=event.event_type not in _COMPLETED)

    def read_held(self, step: str, event: HistoryEvent) -> None:
        """Take in that a gate is held, or that it was decided of."""
        at, spans = _moment(event.event_time), self.spans.setdefault(step, [])
        if event.activity_task_scheduled_event_attributes.activity_type.name == HOLD:
            spans.append(Span(kind=SpanKind.HELD, begins=at))
        elif spans and spans[-1].ends is None:
            spans[-1] = replace(spans[-1], ends=at)

    def read_pending(self, pending: PendingActivityInfo) -> None:
        """Take in an activity that has not ended: its attempt that runs, or that is waited for."""
        name = pending.activity_id.partition("#")[0]
        number = next((number for number, begun in self._begun.items() if begun.name == name), None)
        if number is None:
            return
        begun = self._begun.pop(number)
        works = pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        if works or pending.attempt <= 1 or begun.waits:
            self._add(begun, (_moment(pending.last_started_time), pending.attempt) if works else None, None)
        else:
            self._put(begun.name, Span(kind=SpanKind.RETRIES, begins=begun.at))

    def leave_open(self) -> None:
        """Take in what has not ended and is no activity: children."""
        for begun in self._begun.values():
            self._add(begun, (begun.at, 1), None)

    def _add(
        self, begun: _Begun, started: tuple[datetime, int] | None, ends: datetime | None, *, failed: bool = False
    ) -> None:
        if begun.waits:
            self._put(begun.name, Span(kind=SpanKind.WAITS, begins=begun.at, ends=ends, failed=failed))
            return
        if started is None:
            self._put(begun.name, Span(kind=SpanKind.QUEUED, begins=begun.at, ends=ends, failed=failed))
            return
        since, attempt = started
        before = SpanKind.QUEUED if attempt <= 1 else SpanKind.RETRIES
        if since > begun.at:
            self._put(begun.name, Span(kind=before, begins=begun.at, ends=since))
        works = Span(kind=SpanKind.ATTEMPT, begins=since, ends=ends, attempt=attempt, failed=failed)
        self._put(begun.name, works)

    def _put(self, name: str, span: Span) -> None:
        self.spans.setdefault(name, []).append(span)


def _child_name(workflow_id: str) -> str:
    """Return the step or the item that a child is run for; its id is ``{workflow}/{step}~{run id}``."""
    return workflow_id.rpartition("~")[0].partition("/")[2].partition("#")[0]


def _moment(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(UTC)
