"""A graph as an SVG."""

from collections.abc import Mapping, Sequence

from spine_temporal.drawing import svg
from spine_temporal.drawing.blocks import blocks_of
from spine_temporal.drawing.layout import laid_out
from spine_temporal.drawing.run_record import RunRecord
from spine_temporal.drawing.shapes import PIXELS, Card, Dot, Frame, Label, Line, Shape
from spine_temporal.drawing.styles import tint_of
from spine_temporal.drawing.words import head_of, plain, status_of
from spine_temporal.machine.plan import Plan

#: Pixels that a graph takes where its steps leave the choice.
_ROOM = 1300
#: Height of what stands above the graph, and widths of its letters.
_HEAD, _HEAD_LETTER = 64, 9.7
#: How round the corners of lines are, and half of an arrow's width.
_ROUND, _TIP = 8, 4.5
#: How far the baseline of text lies below the middle of its line.
_BASE = 4


def graph_svg(plan: Plan, *, run: RunRecord | None = None, inner: Mapping[str, Plan] | None = None) -> str:
    """Return the graph of a plan; coloured by a run where one is given."""
    laid = laid_out(plan, blocks_of(plan, inner), scale=PIXELS, width=_ROOM, run=run)
    title = plain(run.workflow_id if run else plan.workflow)
    below = head_of(run) if run else f"version {plan.version}, {_count(len(plan.steps), 'step')}"
    width = max(laid.width, round(len(title) * _HEAD_LETTER), round(len(below) * PIXELS.text))
    left = (width - laid.width) // 2
    order = (Frame, Line, Dot, Label, Card)
    shapes = sorted(laid.moved(left, _HEAD), key=lambda shape: order.index(type(shape)))
    tint = tint_of(run.status if run else "NOT REACHED")
    said = svg.group([svg.text(0, 40, below, "told")], svg.tint_class(tint))
    body = [svg.text(0, 16, title, "head"), said, *(part for shape in shapes for part in _drawn(shape))]
    return svg.document(
        body, width=width, height=laid.height + _HEAD, title=f"Graph of {title}", description=_described(plan, run)
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _described(plan: Plan, run: RunRecord | None) -> str:
    """Return the picture in words, for whoever does not see it."""
    names = [
        f"{name} ({status_of(run.steps.get(name))})" if run else name
        for name, place in plan.places.items()
        if place.position is not None
    ]
    return f"{head_of(run)}. Steps: {', '.join(names)}." if run else f"Steps: {', '.join(names)}."


def _drawn(shape: Shape) -> list[str]:
    match shape:
        case Card():
            return [_card(shape)]
        case Frame():
            return [_frame(shape)]
        case Line():
            return _line(shape)
        case Label():
            return [svg.text(shape.x, shape.y, shape.text, "faint")]
        case Dot():
            return [_dot(shape)]


def _card(card: Card) -> str:
    quiet = " quiet" if card.status in {"SKIPPED", "NOT REACHED"} else ""
    parts = [*_behind(card), svg.rect(card.x, card.y, card.width, card.height, f"box{_dashes(card.status)}")]
    parts += _mark(card)
    left, top = card.x + PIXELS.pad_x, card.y + PIXELS.pad_y
    baseline = top + PIXELS.name_line // 2 + _BASE
    parts.append(svg.text(left, baseline, card.name, "name"))
    right = card.x + card.width - PIXELS.pad_x
    parts.append(svg.text(right, baseline, card.kind, "told" if not card.status else "faint", "end"))
    lines = [(line, "faint") for line in card.details] + [(line, "told") for line in card.story]
    for number, (line, kind) in enumerate(lines):
        parts.append(svg.text(left, _baseline(top + PIXELS.name_line, number), line, kind))
    told = ". ".join([f"{card.name}, {card.kind}", *card.details, *card.story])
    return svg.group(parts, svg.tint_class(tint_of(card.status, card.kind)) + quiet, told)


def _dashes(status: str) -> str:
    return " dashed" if status in {"SKIPPED", "NOT REACHED"} else ""


def _baseline(top: int, number: int) -> int:
    return top + PIXELS.line * number + PIXELS.line // 2 + _BASE


def _behind(card: Card) -> list[str]:
    """Return what shows that a step is many, or holds others."""
    if card.kind == "map":
        return [svg.rect(card.x + off, card.y + off, card.width, card.height, "box") for off in (8, 4)]
    if card.kind == "sub-workflow":
        return [svg.rect(card.x - 4, card.y - 4, card.width + 8, card.height + 8, "box open", 11)]
    return []


def _mark(card: Card) -> list[str]:
    """Return the mark at a card's left side: a bar where it works, a diamond where it decides."""
    if card.kind in {"gate", "choice"}:
        middle = card.y + card.height / 2
        sides = [card.x, card.x + card.width] if card.kind == "choice" else [card.x]
        return [svg.diamond(x, middle, 6, "mark") for x in sides]
    if card.kind == "pipeline":
        return [svg.rect(card.x + 6, card.y + 9, 3, card.height - 18, "mark", 1.5)]
    return []


def _frame(frame: Frame) -> str:
    tint = f"{svg.tint_class(tint_of(frame.status))} " if frame.status else ""
    kind = "box open" if frame.status else "frame box"
    outline = svg.rect(frame.x, frame.y, frame.width, frame.height, kind + (" dashed" if frame.dashed else ""), 12)
    left, top = frame.x + PIXELS.frame, frame.y + 8
    parts = [outline, svg.text(left, _baseline(top, 0), frame.title, "say")]
    lines = [(line, "faint") for line in frame.details] + [(line, "told") for line in frame.story]
    parts += [svg.text(left, _baseline(top, number), line, kind) for number, (line, kind) in enumerate(lines, 1)]
    return svg.group(parts, tint.strip(), frame.title)


def _dot(dot: Dot) -> str:
    ring = f'<circle cx="{dot.x}" cy="{dot.y}" r="{PIXELS.dot - 1}" class="line"/>'
    inner = f'<circle cx="{dot.x}" cy="{dot.y}" r="2.5" class="tip"/>' if dot.ends else ""
    return ring + inner


def _line(line: Line) -> list[str]:
    points = [point for point, before in zip(line.points, [None, *line.points], strict=False) if point != before]
    drawn = [svg.path(_rounded(points), "line dashed" if line.dashed else "line")]
    if line.arrow:
        x, y = points[-1]
        drawn.append(svg.path(f"M{x - _TIP:g} {y - 8}L{x + _TIP:g} {y - 8}L{x} {y}Z", "tip"))
    return drawn


def _rounded(points: Sequence[tuple[int, int]]) -> str:
    """Return a way with round corners."""
    way = f"M{points[0][0]} {points[0][1]}"
    for before, at, after in zip(points, points[1:], points[2:], strict=False):
        begin, end = _towards(at, before), _towards(at, after)
        way += f"L{begin[0]:g} {begin[1]:g}Q{at[0]} {at[1]} {end[0]:g} {end[1]:g}"
    return f"{way}L{points[-1][0]} {points[-1][1]}"


def _towards(at: tuple[int, int], other: tuple[int, int]) -> tuple[float, float]:
    """Return the point from which a corner is round."""
    across, down = other[0] - at[0], other[1] - at[1]
    length = max(abs(across), abs(down), 1)
    share = min(_ROUND, length / 2) / length
    return at[0] + across * share, at[1] + down * share
