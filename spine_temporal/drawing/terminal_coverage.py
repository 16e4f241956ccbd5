"""Coverage as lines of characters: a sign for each partition, as many columns as fit, in blocks below each other."""

from collections.abc import Iterator

from spine_temporal.definition.coverage import CoverageStatus
from spine_temporal.drawing.coverage_grid import CoverageGrid
from spine_temporal.drawing.styles import style_of
from spine_temporal.drawing.terminal_graph import TextLine
from spine_temporal.drawing.words import NO_BREAK, cells, folded, plain

SIGNS = {
    CoverageStatus.COMPLETE: "■",
    CoverageStatus.STALE: "s",
    CoverageStatus.PARTIAL: "p",
    CoverageStatus.FAILED: "F",
    CoverageStatus.HELD: "H",
    CoverageStatus.RUNNING: "R",
    CoverageStatus.LATE: "L",
    CoverageStatus.MISSING: "·",
    CoverageStatus.NOT_DUE: "-",
    CoverageStatus.REFUSED: "x",
}
#: Columns where there is no terminal, and at least.
_ROOM, _LEAST = 60, 10


def coverage_lines(grid: CoverageGrid, *, width: int | None = None) -> list[TextLine]:
    """Return the coverage; ``width``: columns that there are."""
    names = max(cells(plain(row)) for row in grid.rows)
    room = _ROOM if width is None else max(width - names - 2, _LEAST)
    lines: list[TextLine] = [[(plain(grid.workflow), "bold")], [(grid.head, "")]]
    for first in range(0, len(grid.columns), room):
        lines += [[], *_block(grid, first, first + room, names)]
    legend = "   ".join(f"{SIGNS[status]}{NO_BREAK}{status}" for status in grid.counts)
    return [*lines, [], *([(line, "dim")] for line in folded(legend, width))]


def _block(grid: CoverageGrid, first: int, last: int, names: int) -> Iterator[TextLine]:
    columns = grid.columns[first:last]
    ends = columns[0] if len(columns) == 1 else f"{columns[0]} to {columns[-1]}"
    yield [(" " * (names + 2 if names else 0), ""), (f"{plain(grid.across)} {plain(ends)}", "dim")]
    for name, row in zip(grid.rows, grid.cells, strict=True):
        label = plain(name)
        space = " " * (names - cells(label) + 2) if names else ""
        yield [(f"{label}{space}", ""), *((SIGNS[cell.status], style_of(cell.status)) for cell in row[first:last])]
