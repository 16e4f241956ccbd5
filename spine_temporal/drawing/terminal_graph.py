"""A graph as lines of characters, each in parts with their styles; whoever prints them knows whether colours go."""

import itertools
from collections.abc import Mapping, Sequence

from spine_temporal.drawing.blocks import blocks_of
from spine_temporal.drawing.layout import laid_out
from spine_temporal.drawing.run_record import RunRecord
from spine_temporal.drawing.shapes import CHARACTERS, Card, Dot, Frame, Label, Line, Shape
from spine_temporal.drawing.styles import style_of
from spine_temporal.drawing.words import cells, folded, head_of, plain
from spine_temporal.machine.plan import Plan

#: A part of a line, and its style; empty: as it is.
Part = tuple[str, str]
TextLine = list[Part]

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_CORNERS = {
    _UP | _DOWN: "│",
    _LEFT | _RIGHT: "─",
    _DOWN | _RIGHT: "╭",
    _DOWN | _LEFT: "╮",
    _UP | _RIGHT: "╰",
    _UP | _LEFT: "╯",
    _UP | _DOWN | _RIGHT: "├",
    _UP | _DOWN | _LEFT: "┤",
    _DOWN | _LEFT | _RIGHT: "┬",
    _UP | _LEFT | _RIGHT: "┴",
    _UP | _DOWN | _LEFT | _RIGHT: "┼",
    _UP: "│",
    _DOWN: "│",
    _LEFT: "─",
    _RIGHT: "─",
}
_DASHES = {"─": "╌", "│": "╎"}
_MARGIN = 2


def graph_lines(
    plan: Plan, *, width: int | None = None, run: RunRecord | None = None, inner: Mapping[str, Plan] | None = None
) -> list[TextLine]:
    """Return the graph of a plan; coloured by a run where one is given. ``width``: columns that there are."""
    room = None if width is None else max(width - _MARGIN, 20)
    laid = laid_out(plan, blocks_of(plan, inner), scale=CHARACTERS, width=room, run=run)
    canvas = _Canvas()
    for shape in sorted(laid.shapes, key=lambda shape: isinstance(shape, Label | Line)):
        canvas.paint(shape)
    version = f"  version {plan.version}"
    head: list[TextLine] = [[(plain(run.workflow_id if run else plan.workflow), "bold"), (version, "dim")]]
    head += [[(line, style_of(run.status))] for line in folded(head_of(run), width)] if run else []
    return [*head, [], *([(" " * _MARGIN, ""), *line] for line in canvas.lines())]


class _Canvas:
    """Characters by their place; lines that meet are joined."""

    def __init__(self) -> None:
        self._ways: dict[tuple[int, int], int] = {}
        self._text: dict[tuple[int, int], str] = {}
        self._styles: dict[tuple[int, int], str] = {}
        self._dashed: set[tuple[int, int]] = set()

    def paint(self, shape: Shape) -> None:
        match shape:
            case Card():
                self._card(shape)
            case Frame():
                self._frame(shape)
            case Line():
                self._line(shape)
            case Label():
                self._write(
                    shape.x, shape.y, f" {shape.text} " if (shape.x, shape.y) in self._ways else shape.text, "italic"
                )
            case Dot():
                self._write(shape.x, shape.y, "◉" if shape.ends else "○", "bold")

    def lines(self) -> list[TextLine]:
        """Return the lines, in parts of one style."""
        places = self._text.keys() | self._ways.keys()
        height = max(y for _, y in places) + 1
        return [self._row(y, max((x for x, row in places if row == y), default=-1)) for y in range(height)]

    def _row(self, y: int, last: int) -> TextLine:
        parts: TextLine = []
        for x in range(last + 1):
            letter, style = self._letter(x, y), self._styles.get((x, y), "")
            if parts and parts[-1][1] == style:
                parts[-1] = (parts[-1][0] + letter, style)
            else:
                parts.append((letter, style))
        return parts

    def _letter(self, x: int, y: int) -> str:
        if (x, y) in self._text:
            return self._text[x, y]
        letter = _CORNERS.get(self._ways.get((x, y), 0), " ")
        return _DASHES.get(letter, letter) if (x, y) in self._dashed else letter

    def _card(self, card: Card) -> None:
        style = style_of(card.status)
        self._box(card, style, dashed=False)
        self._write(card.x + 2, card.y, f" {card.kind} ", "dim")
        self._ending(card, style)
        left, top = card.x + CHARACTERS.pad_x, card.y + 1
        self._write(left, top, card.name, f"bold {style}".strip())
        for number, line in enumerate(card.details, 1):
            self._write(left, top + number, line, "dim")
        for number, line in enumerate(card.story, 1 + len(card.details)):
            self._write(left, top + number, line, style)

    def _frame(self, frame: Frame) -> None:
        style = style_of(frame.status)
        self._box(frame, style, dashed=frame.dashed)
        self._write(frame.x + 2, frame.y, f" {frame.title} ", "bold")
        self._ending(frame, style)
        for number, line in enumerate(frame.details, 1):
            self._write(frame.x + CHARACTERS.pad_x, frame.y + number, line, "dim")
        for number, line in enumerate(frame.story, 1 + len(frame.details)):
            self._write(frame.x + CHARACTERS.pad_x, frame.y + number, line, style)

    def _ending(self, box: Card | Frame, style: str) -> None:
        """Write how it stands at the end of its upper border."""
        if box.status:
            self._write(box.x + box.width - len(box.status) - 4, box.y, f" {box.status} ", style)

    def _box(self, box: Card | Frame, style: str, *, dashed: bool) -> None:
        right, bottom = box.x + box.width - 1, box.y + box.height - 1
        corners = [(box.x, box.y), (right, box.y), (right, bottom), (box.x, bottom), (box.x, box.y)]
        self._trace(corners, style, dashed=dashed)

    def _line(self, line: Line) -> None:
        points = list(line.points)
        (x0, y0), (x1, y1) = points[-2:]
        if x0 == x1 and y1 > y0 and (line.arrow or len(points) == 2):
            points[-1] = (x1, y1 - 1)
        self._trace(points, "", dashed=line.dashed)
        if line.arrow:
            self._write(*points[-1], "▼", "")

    def _trace(self, points: Sequence[tuple[int, int]], style: str, *, dashed: bool) -> None:
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            across, down = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
            x, y = x0, y0
            while (x, y) != (x1, y1):
                ahead, behind = _bits(across, down)
                self._join((x, y), ahead, style, dashed=dashed)
                x, y = x + across, y + down
                self._join((x, y), behind, style, dashed=dashed)

    def _join(self, place: tuple[int, int], way: int, style: str, *, dashed: bool) -> None:
        self._ways[place] = self._ways.get(place, 0) | way
        if style:
            self._styles[place] = style
        if dashed:
            self._dashed.add(place)

    def _write(self, x: int, y: int, text: str, style: str) -> None:
        for letter in text:
            wide = cells(letter)
            self._text[x, y] = letter
            self._styles[x, y] = style
            if wide == 2:
                self._text[x + 1, y] = ""
            x += max(wide, 0)


def _bits(across: int, down: int) -> tuple[int, int]:
    if across:
        return (_RIGHT, _LEFT) if across > 0 else (_LEFT, _RIGHT)
    return (_DOWN, _UP) if down > 0 else (_UP, _DOWN)
