"""Where everything of a graph stands: boxes below each other, branches beside each other and meeting again."""

import math
from collections.abc import Sequence
from dataclasses import replace

from spine_temporal.drawing.blocks import Beside, Block, Branch, Chain, Fork, One, Within
from spine_temporal.drawing.boxes import Boxes, Look
from spine_temporal.drawing.run_record import RunRecord
from spine_temporal.drawing.shapes import Dot, Label, Laid, Line, Scale, Shape
from spine_temporal.drawing.words import cells, frame_title
from spine_temporal.machine.plan import Plan, PlannedPipeline

#: Characters of a line of details, from roomy to narrow: what fits is taken.
_MOST = (56, 40, 30, 24)


def laid_out(plan: Plan, chain: Chain, *, scale: Scale, width: int | None = None, run: RunRecord | None = None) -> Laid:
    """Return the graph of a plan; as roomy as ``width`` allows, and wider only where a name is."""
    looks = [Look(scale=scale, run=run, longest=longest, room=width) for longest in _MOST]
    looks += [replace(looks[-1], stacked=True)] if width is not None else []
    for look in looks:
        graph = _Graph(look).whole(plan, chain)
        if width is None or graph.width <= width:
            return graph
    return graph


class _Graph:
    """Lays out with one look."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._scale = look.scale
        self._boxes = Boxes(look)

    def whole(self, plan: Plan, chain: Chain) -> Laid:
        """Return the way from the first step to the end, and below it what runs where that way is left."""
        main = self._chain(chain, ends=True)
        parts = [main]
        for title, hooks in (("when the run has failed", plan.on_failure), ("when it was cancelled", plan.on_cancel)):
            if hooks:
                parts.append(self._hooks(title, hooks))
        axis = max(part.axis for part in parts)
        shapes: list[Shape] = []
        top = 0
        for part in parts:
            shapes += part.moved(axis - part.axis, top)
            top += part.height + self._scale.below
        width = max(axis - part.axis + part.width for part in parts)
        height = top - self._scale.below
        return Laid(width=width, height=height, axis=axis, exit=height, shapes=shapes)

    def _hooks(self, title: str, hooks: Sequence[PlannedPipeline]) -> Laid:
        inside = self._chain(Chain(tuple(One(hook) for hook in hooks)))
        return self._boxes.framed(title, inside, dashed=True)

    def _chain(self, chain: Chain, *, ends: bool = False) -> Laid:
        """Return blocks below each other, joined by lines; boxes that stand by themselves are equally wide."""
        width = self._common_width(chain.items)
        parts = [self._block(item, width) for item in chain.items]
        if ends:
            parts = [self._dot(ends=False), *parts, self._dot(ends=True)]
        axis = max(part.axis for part in parts)
        shapes: list[Shape] = []
        top, before = 0, -1
        for part in parts:
            shapes += part.moved(axis - part.axis, top)
            if before >= 0:
                shapes.append(Line(points=[(axis, before), (axis, top)], arrow=part.arrow))
            before = top + part.exit
            top += part.height + self._scale.below
        width = max(axis - part.axis + part.width for part in parts)
        return Laid(width=width, height=top - self._scale.below, axis=axis, exit=before, shapes=shapes)

    def _block(self, block: Block, width: int) -> Laid:
        match block:
            case One():
                return self._boxes.card(block.step, width)
            case Fork():
                return self._stacked(block) if self._look.stacked else self._fork(block)
            case Beside():
                width = self._common_width(block.members)
                members = [self._block(member, width) for member in block.members]
                return self._boxes.framed(frame_title(block.step), self._boxes.grid(members), block.step)
            case Within():
                return self._boxes.framed(frame_title(block.step), self._chain(block.chain), block.step)

    def _common_width(self, blocks: Sequence[Block]) -> int:
        single = (self._boxes.card_width(block.step) for block in blocks if isinstance(block, One))
        return max(single, default=0)

    def _dot(self, *, ends: bool) -> Laid:
        size = max(2 * self._scale.dot, 1)
        dot = Dot(x=self._scale.dot, y=self._scale.dot, ends=ends)
        out = size - self._scale.stroke
        return Laid(width=size, height=size, axis=size // 2, exit=out, shapes=[dot], arrow=not self._scale.stroke)

    def _fork(self, fork: Fork) -> Laid:
        """Return a choice above its branches, which stand beside each other and meet below."""
        scale = self._scale
        head = self._boxes.card(fork.step) if fork.step else None
        branches = [self._branch(branch) for branch in fork.branches]
        lefts = [0]
        for branch in branches[:-1]:
            lefts.append(lefts[-1] + branch.width + scale.beside)
        spots = [left + branch.axis for left, branch in zip(lefts, branches, strict=True)]
        axis = (spots[0] + spots[-1]) // 2
        shift = max(0, head.axis - axis) if head else 0
        axis, spots, lefts = axis + shift, [spot + shift for spot in spots], [left + shift for left in lefts]
        out, split = (head.exit, head.height + scale.turn) if head else (0, scale.turn)
        top = split + scale.drop
        meet = top + max(branch.height for branch in branches) + scale.meet
        shapes: list[Shape] = head.moved(axis - head.axis, 0) if head else []
        for way, laid, left, spot in zip(fork.branches, branches, lefts, spots, strict=True):
            shapes += _joined(way, laid, [(axis, out), (axis, split), (spot, split)], left, top, (axis, meet))
            shapes += self._label(way, spot, split)
        right = max(left + laid.width for left, laid in zip(lefts, branches, strict=True))
        width = max(right, axis - head.axis + head.width if head else 0)
        return Laid(
            width=width, height=meet + scale.stroke, axis=axis, exit=meet, shapes=shapes, arrow=head is not None
        )

    def _stacked(self, fork: Fork) -> Laid:
        """Return a choice above its branches, which stand below each other: for where there is little room."""
        scale = self._scale
        head = self._boxes.card(fork.step) if fork.step else None
        out, top = (head.exit, head.height) if head else (0, 0)
        rail = scale.indent // 4
        branches = [self._branch(branch) for branch in fork.branches]
        right = scale.indent + max(branch.width for branch in branches) + scale.beside
        axis = head.axis if head else rail
        tops: list[int] = []
        for branch, laid in zip(fork.branches, branches, strict=True):
            tops.append(top + scale.lead)
            top += scale.lead + (scale.step_in + laid.height + scale.stroke if branch.chain.items else 0)
        meet = top + max(scale.meet, scale.lead)
        shapes: list[Shape] = head.moved(0, 0) if head else []
        for branch, laid, split in zip(fork.branches, branches, tops, strict=True):
            shapes += self._under(branch, laid, [(rail, out), (rail, split)], [(right, meet), (axis, meet)])
        return Laid(
            width=max(right + 1, head.width if head else 0),
            height=meet + scale.stroke,
            axis=axis,
            exit=meet,
            shapes=shapes,
            arrow=head is not None,
        )

    def _under(
        self, branch: Branch, laid: Laid, way: list[tuple[int, int]], back: list[tuple[int, int]]
    ) -> list[Shape]:
        """Return a branch that stands in, with the lines that lead to it and from it."""
        scale = self._scale
        rail, split = way[-1]
        meet = back[-1]
        if not branch.chain.items:
            return [Line(points=[way[0], (rail, meet[1]), meet], arrow=False), *self._label(branch, rail, split - 1)]
        spot, begin = scale.indent + laid.axis, split + scale.step_in
        leave = begin + laid.height
        down = Line(points=[*way, (spot, split), (spot, begin)], dashed=branch.dashed, arrow=laid.arrow)
        aside = [(spot, begin + laid.exit), (spot, leave), (back[0][0], leave), *back]
        label = self._label(branch, rail, split - scale.line - scale.line * (1 - scale.stroke) // 3)
        return [down, *laid.moved(scale.indent, begin), Line(points=aside, arrow=False, dashed=branch.dashed), *label]

    def _branch(self, branch: Branch) -> Laid:
        """Return a branch, at least as wide as its label; one without steps is a line."""
        label = math.ceil(cells(branch.label) * self._scale.text) + 2 * self._scale.pad_x
        if not branch.chain.items:
            least = 2 * label if branch.label else 2 * self._scale.pad_x
            return Laid(width=least, height=0, axis=least // 2, exit=0, shapes=[])
        laid = self._chain(branch.chain)
        width = max(laid.width, laid.axis + label)
        return replace(laid, width=width)

    def _label(self, branch: Branch, x: int, y: int) -> list[Shape]:
        if not branch.label:
            return []
        beside = self._scale.pad_x // 2 + self._scale.stroke
        return [Label(x=x + beside, y=y + self._scale.line, text=branch.label)]


def _joined(
    branch: Branch, laid: Laid, way: list[tuple[int, int]], left: int, top: int, meet: tuple[int, int]
) -> list[Shape]:
    """Return a branch with the lines that lead to it and from it; of one without steps, the line past the others."""
    spot = way[-1][0]
    if not branch.chain.items:
        return [Line(points=[*way, (spot, meet[1]), meet], arrow=False, dashed=branch.dashed)]
    down = Line(points=[*way, (spot, top)], dashed=branch.dashed, arrow=laid.arrow)
    back = Line(points=[(spot, top + laid.exit), (spot, meet[1]), meet], arrow=False, dashed=branch.dashed)
    return [down, *laid.moved(left, top), back]
