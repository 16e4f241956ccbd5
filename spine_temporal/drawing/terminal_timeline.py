"""A timeline as lines of characters, each in parts with their styles."""

from collections.abc import Sequence

from spine_temporal.drawing.run_record import RunRecord, Span, SpanKind
from spine_temporal.drawing.styles import style_of
from spine_temporal.drawing.terminal_graph import Part, TextLine
from spine_temporal.drawing.timeline import Row, Timeline, timeline_of
from spine_temporal.drawing.words import NO_BREAK, cells, folded, head_of, plain
from spine_temporal.machine.plan import Plan

_SIGNS = {
    SpanKind.QUEUED: "·",
    SpanKind.RETRIES: "▒",
    SpanKind.ATTEMPT: "█",
    SpanKind.WAITS: "┄",
    SpanKind.HELD: "▓",
}
_GATE, _GOES_ON = "◆", "▸"
#: Columns of the bars where there is no terminal, and at least; the axis has a mark in so many.
_ROOM, _LEAST, _APART = 60, 24, 9
#: Columns of a note that stands beside its bar.
_LONGEST = 34
_INDENT = 2


def timeline_lines(plan: Plan, run: RunRecord, *, width: int | None = None) -> list[TextLine]:
    """Return the timeline of a run. ``width``: columns that there are."""
    timeline = timeline_of(plan, run)
    names = max((_INDENT * row.depth + cells(row.name) for row in timeline.rows), default=0)
    room, notes = _room(timeline, names, width)
    lines: list[TextLine] = [
        [(plain(run.workflow_id), "bold")],
        *([(line, style_of(run.status))] for line in folded(head_of(run), width)),
        [],
        [(" " * (names + 2), ""), (_axis(timeline, room), "dim")],
    ]
    for row in timeline.rows:
        lines += _row_lines(timeline, row, names, room, notes)
    if timeline.not_reached:
        lines += [[(line, "dim")] for line in folded(f"not reached: {', '.join(timeline.not_reached)}", width)]
    return [*lines, [], *([(line, "dim")] for line in folded(_legend(timeline), width))]


def _room(timeline: Timeline, names: int, width: int | None) -> tuple[int, int | None]:
    """Return the columns of the bars, and of what is said beside them; a longer note stands below its bar."""
    if width is None:
        return _ROOM, None
    notes = max((cells(row.note) for row in timeline.rows if cells(row.note) <= _LONGEST), default=0)
    beside = width - names - notes - 4
    return (beside, notes) if beside >= _LEAST else (max(width - names - 2, _LEAST), 0)


def _axis(timeline: Timeline, room: int) -> str:
    line = [" "] * room
    for share, words in timeline.marks(max(room // _APART, 3)):
        at = round(share * (room - 1))
        if at + 1 + len(words) <= room:
            line[at : at + 1 + len(words)] = f"╷{words}"
    return "".join(line).rstrip()


def _row_lines(timeline: Timeline, row: Row, names: int, room: int, notes: int | None) -> list[TextLine]:
    style = style_of(row.status)
    indent = " " * (_INDENT * row.depth)
    space = " " * (names - len(indent) - cells(row.name) + 2)
    bar = _bar(timeline, row, room)
    head: TextLine = [(f"{indent}{row.name}{space}", ""), *bar]
    if not row.note:
        return [head]
    if notes is None or cells(row.note) <= notes:
        used = sum(cells(text) for text, _ in bar)
        return [[*head, (" " * (room - used + 2), ""), (row.note, style)]]
    below = folded(row.note, room + (notes + 2 if notes else 0))
    return [head, *([(" " * (names + 2), ""), (line, style)] for line in below)]


def _bar(timeline: Timeline, row: Row, room: int) -> list[Part]:
    letters = [" "] * room
    for span in sorted(row.spans, key=lambda span: list(_SIGNS).index(span.kind)):
        first, last = _columns(timeline, span, room)
        letters[first : last + 1] = _SIGNS[span.kind] * (last - first + 1)
        if row.is_moment:
            letters[first : last + 1] = _GATE + " " * (last - first)
        elif span.ends is None:
            letters[last] = _GOES_ON
    return [("".join(letters).rstrip(), style_of(row.status))]


def _columns(timeline: Timeline, span: Span, room: int) -> tuple[int, int]:
    """Return the first and the last column of a span; each has one at least."""
    first = min(int(timeline.share(span.begins) * room), room - 1)
    last = min(int(timeline.share(span.ends or timeline.run.ends) * room), room - 1)
    return first, max(first, last)


def _legend(timeline: Timeline) -> str:
    told: Sequence[str] = [f"{_SIGNS[kind]} {kind}" for kind in timeline.kinds]
    told = [*told, *([f"{_GATE} decides"] if any(row.is_moment and row.spans for row in timeline.rows) else [])]
    goes_on = [f"{_GOES_ON} goes on"] if any(span.ends is None for row in timeline.rows for span in row.spans) else []
    return "   ".join(words.replace(" ", NO_BREAK) for words in [*told, *goes_on])
