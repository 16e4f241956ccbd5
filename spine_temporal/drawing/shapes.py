"""What a laid-out picture consists of, in whole units: characters on a terminal, pixels in an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Card:
    """A step: a box with its name and lines of text."""

    x: int
    y: int
    width: int
    height: int
    name: str
    kind: str
    #: What the step is, and how it went.
    details: Sequence[str] = ()
    story: Sequence[str] = ()
    #: How it stands; empty: no run is drawn.
    status: str = ""

    def moved(self, x: int, y: int) -> "Card":
        """Return it elsewhere."""
        return replace(self, x=self.x + x, y=self.y + y)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A box around others, with a title and lines below it."""

    x: int
    y: int
    width: int
    height: int
    title: str
    details: Sequence[str] = ()
    story: Sequence[str] = ()
    status: str = ""
    #: Around what is no part of the way from the first step to the last.
    dashed: bool = False

    def moved(self, x: int, y: int) -> "Frame":
        """Return it elsewhere."""
        return replace(self, x=self.x + x, y=self.y + y)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A way from one box to the next: its corners, and whether it ends in an arrow."""

    points: Sequence[tuple[int, int]]
    arrow: bool = True
    dashed: bool = False

    def moved(self, x: int, y: int) -> "Line":
        """Return it elsewhere."""
        return replace(self, points=[(at[0] + x, at[1] + y) for at in self.points])


@dataclass(frozen=True, kw_only=True)
class Label:
    """A word beside a line."""

    x: int
    y: int
    text: str

    def moved(self, x: int, y: int) -> "Label":
        """Return it elsewhere."""
        return replace(self, x=self.x + x, y=self.y + y)


@dataclass(frozen=True, kw_only=True)
class Dot:
    """Where a run begins, or ends."""

    x: int
    y: int
    ends: bool = False

    def moved(self, x: int, y: int) -> "Dot":
        """Return it elsewhere."""
        return replace(self, x=self.x + x, y=self.y + y)


Shape = Card | Frame | Line | Label | Dot


@dataclass(frozen=True, kw_only=True)
class Laid:
    """Shapes whose place is settled among themselves; their upper left corner is the origin."""

    width: int
    height: int
    #: Where lines come in and go out, from the left.
    axis: int
    #: Where the line begins that goes out, from above.
    exit: int
    shapes: Sequence[Shape]
    #: Whether a line comes in with an arrow.
    arrow: bool = True

    def moved(self, x: int, y: int) -> list[Shape]:
        """Return the shapes elsewhere."""
        return [shape.moved(x, y) for shape in self.shapes]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How large everything is, in units."""

    #: A character of a name, and of other text.
    name: float
    text: float
    #: Heights of a name's line and of other lines.
    name_line: int
    line: int
    pad_x: int
    pad_y: int
    #: Between two boxes that follow each other, and that stand beside each other.
    below: int
    beside: int
    #: From a box to the line that its branches leave from, from there to them, and from them to where they meet.
    turn: int
    drop: int
    meet: int
    #: Inside a frame: at its sides and bottom, and above what is in it.
    frame: int
    frame_top: int
    #: How far a branch stands in that has others above it; from what is above to the line to it, and from there.
    indent: int
    lead: int
    step_in: int
    #: What a line takes of its own.
    stroke: int
    #: Half of the size of a dot.
    dot: int


#: Of a terminal: a character is 1 wide and 1 high.
CHARACTERS = Scale(
    name=1,
    text=1,
    name_line=1,
    line=1,
    pad_x=2,
    pad_y=1,
    below=1,
    beside=2,
    turn=0,
    drop=3,
    meet=0,
    frame=2,
    frame_top=1,
    indent=4,
    lead=1,
    step_in=2,
    stroke=1,
    dot=0,
)
#: Of an SVG: 14 and 12 pixels high letters of the width that letters of one width have.
PIXELS = Scale(
    name=8.5,
    text=7.3,
    name_line=20,
    line=18,
    pad_x=16,
    pad_y=12,
    below=30,
    beside=22,
    turn=16,
    drop=40,
    meet=20,
    frame=16,
    frame_top=36,
    indent=44,
    lead=30,
    step_in=24,
    stroke=0,
    dot=6,
)
