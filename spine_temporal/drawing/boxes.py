"""The boxes of a graph: steps as cards, and frames around others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from spine_temporal.drawing.run_record import RunRecord
from spine_temporal.drawing.shapes import Card, Frame, Laid, Scale, Shape
from spine_temporal.drawing.words import cells, details_of, kind_of, plain, status_of, story_of, wrapped
from spine_temporal.machine.plan import AnyPlanned


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a graph is laid out."""

    scale: Scale
    run: RunRecord | None = None
    #: Characters of a line of details.
    longest: int = 56
    #: Units that members of a frame may take side by side; None: any number.
    room: int | None = None
    #: Whether branches stand below each other.
    stacked: bool = False


@dataclass(frozen=True)
class Boxes:
    """Makes boxes of one look."""

    look: Look

    def card(self, step: AnyPlanned, width: int = 0) -> Laid:
        """Return a step's box, at least so wide."""
        details, story = self._lines(step)
        scale = self.look.scale
        width = max(width, self.card_width(step))
        height = 2 * scale.pad_y + scale.name_line + scale.line * (len(details) + len(story))
        card = Card(
            x=0,
            y=0,
            width=width,
            height=height,
            name=plain(step.name),
            kind=kind_of(step),
            details=details,
            story=story,
            status=self._status(step),
        )
        return Laid(width=width, height=height, axis=width // 2, exit=height - scale.stroke, shapes=[card])

    def card_width(self, step: AnyPlanned) -> int:
        """Return how wide a step's box is by itself."""
        details, story = self._lines(step)
        kind, status = cells(kind_of(step)), cells(self._status(step))
        inside = max((cells(line) for line in (*details, *story)), default=0) * self.look.scale.text
        # On a terminal the kind and the status are on the border; in an SVG the kind stands behind the name.
        on_border = self.look.scale.stroke * (kind + status + 5)
        beside = 0 if self.look.scale.stroke else (kind + 3) * self.look.scale.text
        name = cells(plain(step.name)) * self.look.scale.name + beside
        return math.ceil(max(inside, on_border, name)) + 2 * self.look.scale.pad_x

    def _lines(self, step: AnyPlanned) -> tuple[list[str], list[str]]:
        run, longest = self.look.run, self.look.longest
        # On a terminal the status is on the border.
        with_status = not self.look.scale.stroke
        story = story_of(run.steps.get(step.name), run, with_status=with_status) if run else []
        return wrapped(details_of(step), longest), wrapped(story, longest)

    def _status(self, step: AnyPlanned) -> str:
        return status_of(self.look.run.steps.get(step.name)) if self.look.run else ""

    def framed(self, title: str, inside: Laid, step: AnyPlanned | None = None, *, dashed: bool = False) -> Laid:
        """Return a box around others; of a step that they are a part of, or of what is no step."""
        scale, (details, story) = self.look.scale, self._lines(step) if step else ([], [])
        status = self._status(step) if step else ""
        texts = [title + "  " + status, *details, *story]
        across = math.ceil(max(map(cells, texts)) * scale.text) + 2 * scale.pad_x + 4 * scale.stroke
        width = max(inside.width + 2 * scale.frame, across)
        top = scale.frame_top + scale.line * len([*details, *story])
        height = top + inside.height + scale.frame - scale.stroke
        frame = Frame(
            x=0,
            y=0,
            width=width,
            height=height,
            title=title,
            details=details,
            story=story,
            status=status,
            dashed=dashed,
        )
        shapes = [frame, *inside.moved((width - inside.width) // 2, top)]
        return Laid(width=width, height=height, axis=width // 2, exit=height - scale.stroke, shapes=shapes)

    def grid(self, members: Sequence[Laid]) -> Laid:
        """Return boxes side by side, in as many rows as the room demands."""
        across = self._across(members)
        rows = [members[first : first + across] for first in range(0, len(members), across)]
        shapes: list[Shape] = []
        top = width = 0
        gap = 0 if self.look.scale.stroke else self.look.scale.frame
        for row in rows:
            left = 0
            for member in row:
                shapes += member.moved(left, top)
                left += member.width + self.look.scale.beside
            width = max(width, left - self.look.scale.beside)
            top += max(member.height for member in row) + gap
        height = top - gap
        return Laid(width=width, height=height, axis=width // 2, exit=height, shapes=shapes)

    def _across(self, members: Sequence[Laid]) -> int:
        """Return how many boxes stand side by side, such that the rows are about equally long."""
        if self.look.room is None:
            return len(members)
        each = max(member.width for member in members) + self.look.scale.beside
        room = self.look.room - 2 * self.look.scale.frame + self.look.scale.beside
        rows = math.ceil(len(members) / max(room // each, 1))
        return math.ceil(len(members) / rows)
