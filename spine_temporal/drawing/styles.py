"""In which colours a step is drawn, by how it stands; the word itself is always there too."""

from dataclasses import dataclass

#: Names of a terminal's colours.
_STYLES = {
    "COMPLETED": "green",
    "KEPT": "green",
    "PARTIAL": "yellow",
    "FAILED": "red",
    "RUNNING": "yellow",
    "HELD": "magenta",
    "CANCELLED": "magenta",
    "SKIPPED": "dim",
    "NOT REACHED": "dim",
    "COMPLETE": "green",
    "STALE": "cyan",
    "LATE": "red",
    "MISSING": "dim",
    "NOT_DUE": "dim",
    "REFUSED": "magenta",
}


@dataclass(frozen=True)
class Tint:
    """A line's colour and a surface's, on light and on dark."""

    line: str
    fill: str
    dark_line: str
    dark_fill: str


GREEN = Tint("#1a7f4b", "#e9f7ef", "#4ac283", "#11291d")
RED = Tint("#c2342b", "#fdeeec", "#ff8078", "#351716")
YELLOW = Tint("#9a6700", "#fff6dc", "#e3b341", "#2d2410")
VIOLET = Tint("#7645c9", "#f4eefd", "#b794f6", "#251b38")
GREY = Tint("#6b7280", "#f6f7f9", "#8b949e", "#191e25")
BLUE = Tint("#2463c5", "#eef4fd", "#79b0ff", "#13223a")
TEAL = Tint("#0e7480", "#e8f6f7", "#56c7d1", "#10282b")

_TINTS = {
    "COMPLETED": GREEN,
    "KEPT": GREEN,
    "PARTIAL": YELLOW,
    "FAILED": RED,
    "RUNNING": YELLOW,
    "HELD": VIOLET,
    "CANCELLED": VIOLET,
    "SKIPPED": GREY,
    "NOT REACHED": GREY,
    "COMPLETE": GREEN,
    "STALE": TEAL,
    "LATE": RED,
    "NOT_DUE": GREY,
    "MISSING": GREY,
    "REFUSED": VIOLET,
}
#: Of steps, where no run is drawn.
_KINDS = {"pipeline": BLUE, "gate": VIOLET, "choice": YELLOW, "map": TEAL, "sub-workflow": TEAL}


def style_of(status: str) -> str:
    """Return a terminal's style of a status; empty: as it is."""
    return _STYLES.get(status, "")


def tint_of(status: str, kind: str = "") -> Tint:
    """Return the colours of a status; where there is none, of a kind of step."""
    return _TINTS.get(status, GREY) if status else _KINDS.get(kind, GREY)
