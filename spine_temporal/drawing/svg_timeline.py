"""A timeline as an SVG."""

import math

from spine_temporal.drawing import svg
from spine_temporal.drawing.run_record import RunRecord, Span, SpanKind
from spine_temporal.drawing.shapes import PIXELS
from spine_temporal.drawing.styles import GREY, tint_of
from spine_temporal.drawing.timeline import Row, Timeline, described, timeline_of
from spine_temporal.drawing.words import cells, head_of, plain
from spine_temporal.machine.plan import Plan

#: Pixels of the bars' part, of a row, of a bar, of what is above the first row, and between parts.
_ROOM, _ROW, _BAR, _TOP, _GAP = 560, 32, 14, 100, 20
#: Marks of the axis, and pixels that its last one needs.
_MARKS, _MARK_ROOM = 7, 48
_INDENT = 16
#: Pixels of the narrowest bar, and of a letter of the title.
_LEAST, _HEAD_LETTER = 3, 9.7


def timeline_svg(plan: Plan, run: RunRecord) -> str:
    """Return the timeline of a run."""
    timeline = timeline_of(plan, run)
    names = math.ceil(max((_name_width(row) for row in timeline.rows), default=0))
    notes = math.ceil(max((cells(row.note) for row in timeline.rows), default=0) * PIXELS.text)
    title, left = plain(run.workflow_id), names + _GAP
    bottom = _TOP + _ROW * len(timeline.rows)
    said = svg.group([svg.text(0, 40, head_of(run), "told")], svg.tint_class(tint_of(run.status)))
    body = [svg.text(0, 16, title, "head"), said, *_axis(timeline, left, bottom)]
    for number, row in enumerate(timeline.rows):
        body.append(_row(timeline, row, left, _TOP + _ROW * number))
    below = bottom + 24
    if timeline.not_reached:
        body.append(svg.text(0, below, f"not reached: {', '.join(timeline.not_reached)}", "faint"))
        below += 24
    legend, across = _legend(timeline, below)
    width = max(left + _ROOM + _GAP + notes, across, *_head_widths(title, head_of(run), timeline))
    words = "; ".join(f"{name}: {note}" for name, note in described(timeline).items())
    told = f"{head_of(run)}. {words}."
    return svg.document([*body, legend], width=width, height=below + 8, title=f"Timeline of {title}", description=told)


def _head_widths(title: str, head: str, timeline: Timeline) -> list[int]:
    lines = [head, f"not reached: {', '.join(timeline.not_reached)}"]
    return [math.ceil(len(title) * _HEAD_LETTER), *(math.ceil(len(line) * PIXELS.text) for line in lines)]


def _name_width(row: Row) -> float:
    return row.depth * _INDENT + cells(row.name) * PIXELS.name


def _axis(timeline: Timeline, left: int, bottom: int) -> list[str]:
    drawn = []
    for share, words in timeline.marks(_MARKS):
        x = left + share * _ROOM
        drawn.append(svg.path(f"M{x:.1f} {_TOP - 8}V{bottom}", "way"))
        if share * _ROOM <= _ROOM - _MARK_ROOM:
            drawn.append(svg.text(round(x, 1), _TOP - 16, words, "small", "start"))
    if timeline.run.is_open:
        drawn.append(svg.path(f"M{left + _ROOM} {_TOP - 8}V{bottom}", "line dashed"))
        drawn.append(svg.text(left + _ROOM, _TOP - 16, "now", "small", "middle"))
    return drawn


def _row(timeline: Timeline, row: Row, left: int, top: int) -> str:
    middle = top + _ROW / 2
    parts = [svg.text(row.depth * _INDENT, middle + 4, row.name, "name")]
    for span in row.spans:
        parts += _span(timeline, row, span, left, middle)
    if row.note:
        parts.append(svg.text(left + _ROOM + _GAP, middle + 4, row.note, "told"))
    return svg.group(parts, svg.tint_class(tint_of(row.status)), f"{row.name}: {row.note}")


def _span(timeline: Timeline, row: Row, span: Span, left: int, middle: float) -> list[str]:
    run = timeline.run
    begin = left + timeline.share(span.begins) * _ROOM
    width = max(left + timeline.share(span.ends or run.ends) * _ROOM - begin, _LEAST)
    begin = min(begin, left + _ROOM - _LEAST)
    if row.is_moment:
        return [svg.diamond(round(begin, 1), middle, 6, "mark")]
    return _bar(span.kind, round(begin, 1), middle, round(width, 1), goes_on=span.ends is None)


def _bar(kind: SpanKind, x: float, middle: float, width: float, *, goes_on: bool = False) -> list[str]:
    top = middle - _BAR / 2
    if kind in {SpanKind.QUEUED, SpanKind.WAITS}:
        dashes = " dashed" if kind is SpanKind.WAITS else ""
        return [svg.rect(x, middle - 2, width, 4, f"box{dashes}", 2)]
    if kind is SpanKind.ATTEMPT:
        bar = svg.rect(x, top, width, _BAR, "mark", 3)
        tip = f"M{x + width:g} {top}l7 {_BAR / 2:g}l-7 {_BAR / 2:g}Z"
        return [bar, *([svg.path(tip, "mark")] if goes_on else [])]
    if kind is SpanKind.HELD:
        return [svg.rect(x, top, width, _BAR, "box held", 3)]
    lines = f'<rect x="{x:g}" y="{top:g}" width="{width:g}" height="{_BAR}" rx="3" fill="url(#hatch)"/>'
    return [svg.rect(x, top, width, _BAR, "mark", 3), lines]


def _legend(timeline: Timeline, y: int) -> tuple[str, int]:
    """Return what each sort of bar means, and how wide that is."""
    x, drawn = 0.0, []
    for kind in timeline.kinds:
        drawn += [*_bar(kind, x, y - 4, 22), svg.text(x + 30, y, kind.value, "faint")]
        x += 30 + len(kind.value) * PIXELS.text + 26
    if any(row.is_moment and row.spans for row in timeline.rows):
        drawn += [svg.diamond(x + 6, y - 4, 6, "mark"), svg.text(x + 20, y, "decides", "faint")]
        x += 20 + len("decides") * PIXELS.text
    return svg.group(drawn, svg.tint_class(GREY)), math.ceil(x)
