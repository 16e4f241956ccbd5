"""A run as rows of spans on one axis of time: what every drawing of a timeline begins with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from spine_temporal.definition.run_result import StepStatus
from spine_temporal.drawing.run_record import RunRecord, Span, SpanKind, StepRecord
from spine_temporal.drawing.words import figures_of, plain, seconds, shortened, status_of
from spine_temporal.machine.plan import AnyPlanned, Plan

#: Items of a map that have a row of their own.
_MOST_ITEMS = 12
#: Characters of what is said of a row.
_LONGEST = 72
#: Share of a run below which waiting for a worker is not drawn.
_SHORTEST_QUEUE = 0.005
_WAITS = {"wait", "wait_for"}
_GATES = {"lambda", "choice"}
#: Seconds between two marks of the axis.
_STEPS = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 4 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400, 30 * 86400, 365 * 86400),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A step, or an item of a map."""

    name: str
    status: str
    spans: Sequence[Span]
    note: str = ""
    #: How deep it stands within others.
    depth: int = 0
    #: Whether it takes no time: a gate's verdict.
    is_moment: bool = False


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The rows of a run, and the steps that it has not reached."""

    run: RunRecord
    rows: Sequence[Row]
    not_reached: Sequence[str]

    @property
    def length(self) -> float:
        """Seconds from the beginning to the end, or until now; more than 0."""
        return max((self.run.ends - self.run.started_at).total_seconds(), 0.001)

    def share(self, moment: datetime) -> float:
        """Return where a moment is, between 0 and 1."""
        return min(max((moment - self.run.started_at).total_seconds() / self.length, 0.0), 1.0)

    def marks(self, most: int) -> list[tuple[float, str]]:
        """Return the marks of the axis, each with its place between 0 and 1: at most so many."""
        step = next((step for step in _STEPS if self.length / step < most), _STEPS[-1])
        return [(step * index / self.length, _mark(step * index)) for index in range(int(self.length / step) + 1)]

    @property
    def kinds(self) -> list[SpanKind]:
        """The kinds of spans that there are."""
        used = {span.kind for row in self.rows for span in row.spans if not row.is_moment}
        return [kind for kind in SpanKind if kind in used]


def timeline_of(plan: Plan, run: RunRecord) -> Timeline:
    """Return the timeline of a run, with its plan's steps in their order."""
    rows: list[Row] = []
    not_reached: list[str] = []
    for name, place in plan.places.items():
        record = run.steps.get(name)
        if record is not None:
            depth = 1 if place.parallel is not None else 0
            rows += [_row(place.step, record, run, depth), *_items(record, run, depth + 1)]
        elif place.position is not None:
            not_reached.append(plain(name))
    return Timeline(run=run, rows=rows, not_reached=not_reached)


def _row(step: AnyPlanned, record: StepRecord, run: RunRecord, depth: int) -> Row:
    spans = _within(_spans(step, record), run)
    return Row(
        name=plain(step.name),
        status=status_of(record),
        spans=spans,
        note=_note(record, run),
        depth=depth,
        is_moment=step.kind in _GATES and not any(span.kind is SpanKind.HELD for span in spans),
    )


def _spans(step: AnyPlanned, record: StepRecord) -> list[Span]:
    """Return the spans of Temporal's history; without one, what the step's own times say."""
    execution = record.execution
    if execution.kept_from or execution.status is StepStatus.SKIPPED or execution.started_at is None:
        return []
    if record.spans:
        return list(record.spans)
    if execution.status is StepStatus.HELD:
        kind = SpanKind.HELD
    else:
        kind = SpanKind.WAITS if step.kind in _WAITS else SpanKind.ATTEMPT
    failed = execution.status is StepStatus.FAILED
    ends = execution.completed_at
    return [Span(kind=kind, begins=execution.started_at, ends=ends, attempt=execution.attempt, failed=failed)]


def _within(spans: Sequence[Span], run: RunRecord) -> list[Span]:
    """Return the spans of the run's own time: a run that was reset has the times of others in its history."""
    own = [span for span in spans if (span.ends or run.ends) >= run.started_at and span.begins <= run.ends]
    least = (run.ends - run.started_at) * _SHORTEST_QUEUE
    return [
        replace(span, begins=max(span.begins, run.started_at))
        for span in own
        if span.kind is not SpanKind.QUEUED or (span.ends or run.ends) - span.begins >= least
    ]


def _note(record: StepRecord, run: RunRecord) -> str:
    status, step = status_of(record), record.execution
    told = [] if status == StepStatus.COMPLETED else [status]
    told += figures_of(record, run) if status != "KEPT" else [f"from run {step.kept_from}"]
    told += [f"{step.error_category or 'failed'}: {step.error}"] if step.error else []
    told += [str(step.decision)] if step.decision and not step.error else []
    return shortened(", ".join(told), _LONGEST)


def _items(record: StepRecord, run: RunRecord, depth: int) -> list[Row]:
    rows = [_item(name, spans, run, depth) for name, spans in list(record.items.items())[:_MOST_ITEMS]]
    left = len(record.items) - len(rows)
    return [*rows, *([Row(name=f"and {left:,} more", status="", spans=[], depth=depth)] if left > 0 else [])]


def _item(name: str, spans: Sequence[Span], run: RunRecord, depth: int) -> Row:
    last = spans[-1]
    status = "RUNNING" if last.ends is None else "FAILED" if last.failed else "COMPLETED"
    took = ((last.ends or run.ends) - spans[0].begins).total_seconds()
    note = ", ".join([*([status] if status != "COMPLETED" else []), seconds(max(took, 0.0)), *_attempt(spans)])
    return Row(name=plain(name), status=status, spans=_within(spans, run), note=note, depth=depth)


def _attempt(spans: Sequence[Span]) -> list[str]:
    most = max(span.attempt for span in spans)
    return [f"attempt {most}"] if most > 1 else []


def _mark(value: float) -> str:
    return f"{value:g} s" if value < 10 else seconds(value)


def described(timeline: Timeline) -> Mapping[str, str]:
    """Return what is said of each row, by its name: the picture in words."""
    return {row.name: row.note or row.status.lower() for row in timeline.rows}
