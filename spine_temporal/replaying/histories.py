"""Histories in files: as ``temporal workflow show --output json`` and the Web UI's download write them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.json_format import ParseError
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.translation.messages import BEGIN

#: Events in which a run of ours has begun, with the tasks that a worker has failed before.
_FIRST_EVENTS = 50
#: Types of the events that end a run.
_ENDS = frozenset(
    number
    for name, number in EventType.items()
    if name.removeprefix("EVENT_TYPE_WORKFLOW_EXECUTION_")
    in {"COMPLETED", "FAILED", "CANCELED", "TERMINATED", "TIMED_OUT", "CONTINUED_AS_NEW"}
)
_EXPORT = "write one with `temporal workflow show --workflow-id ID --output json > run.json`"


@dataclass(frozen=True, kw_only=True)
class History:
    """The history of one run."""

    #: Its file, or its workflow id.
    name: str
    events: WorkflowHistory
    #: Whether it stands for runs in flight: somebody has kept it to be replayed.
    is_file: bool = False

    @property
    def workflow(self) -> str:
        """The workflow type."""
        return self._first.workflow_execution_started_event_attributes.workflow_type.name

    @property
    def run_id(self) -> str:
        """The Temporal run."""
        return self._first.workflow_execution_started_event_attributes.original_execution_run_id

    @property
    def is_open(self) -> bool:
        """Whether the run had not ended when the history was read."""
        return self.events.events[-1].event_type not in _ENDS

    @property
    def has_begun(self) -> bool:
        """Whether a worker was asked for the run: one that starts later has nothing to replay yet."""
        return any(event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED for event in self.events.events)

    @property
    def is_ours(self) -> bool:
        """Whether it opens with the beginning of a Spine run, as a marker or as an activity."""
        return any(_begins(event) for event in self.events.events[:_FIRST_EVENTS])

    @property
    def _first(self) -> HistoryEvent:
        return self.events.events[0]


def read_histories(places: Iterable[Path]) -> list[History]:
    """Return the histories of files, and of all ``*.json`` below folders.

    Raises ``SpineError`` naming the file that is none.
    """
    return [_read(path) for place in places for path in _files(place)]


def _files(place: Path) -> Iterator[Path]:
    if not place.exists():
        raise SpineError(f"there is no file or folder {str(place)!r}", ErrorCategory.CONFIGURATION)
    yield from sorted(place.rglob("*.json")) if place.is_dir() else [place]


def _read(path: Path) -> History:
    try:
        text = path.read_text()
        if not text.strip():
            raise _no_history(path, "it is empty")
        events = WorkflowHistory.from_json(path.stem, text)
    except (OSError, ValueError, TypeError, AttributeError, ParseError) as error:
        raise _no_history(path, str(error).splitlines()[0][:200] if str(error) else type(error).__name__) from None
    if not events.events or not events.events[0].HasField("workflow_execution_started_event_attributes"):
        raise _no_history(path, "it does not begin with the start of a run")
    return History(name=str(path), events=events, is_file=True)


def _no_history(path: Path, why: str) -> SpineError:
    return SpineError(f"{path} is no history of a run: {why}", ErrorCategory.CONFIGURATION, advice=_EXPORT)


def _begins(event: HistoryEvent) -> bool:
    marker = event.marker_recorded_event_attributes.details.get("data")
    data = b"".join(payload.data for payload in marker.payloads) if marker else b""
    return BEGIN.encode() in data or event.activity_task_scheduled_event_attributes.activity_type.name == BEGIN
