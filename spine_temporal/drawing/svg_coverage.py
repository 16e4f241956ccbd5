"""Coverage as an SVG: a square for each partition, whose title says more."""

import math
from collections.abc import Iterator

from spine_temporal.definition.coverage import CoverageStatus
from spine_temporal.drawing import svg
from spine_temporal.drawing.coverage_grid import CoverageGrid
from spine_temporal.drawing.shapes import PIXELS
from spine_temporal.drawing.styles import tint_of
from spine_temporal.drawing.words import cells, plain

#: Pixels from square to square, and of a square; squares beside each other, then it goes on below.
_STEP, _SQUARE, _ACROSS = 16, 12, 53
_GAP, _TOP, _HEAD_LETTER = 20, 48, 9.7


def coverage_svg(grid: CoverageGrid) -> str:
    """Return the coverage of a workflow."""
    names = math.ceil(max(cells(plain(row)) for row in grid.rows) * PIXELS.text)
    left = names + _GAP if names else 0
    body = [svg.text(0, 16, plain(grid.workflow), "head"), svg.text(0, 36, grid.head, "say")]
    bottom = _TOP
    for first in range(0, len(grid.columns), _ACROSS):
        body += _block(grid, first, left, bottom)
        bottom += 24 + _STEP * len(grid.rows)
    legend, across = _legend(grid, bottom + 24)
    squares = left + _STEP * min(_ACROSS, len(grid.columns))
    width = max(squares, across, *(math.ceil(len(line) * _HEAD_LETTER) for line in (grid.workflow, grid.head)))
    title = f"Coverage of {plain(grid.workflow)}"
    return svg.document([*body, *legend], width=width, height=bottom + 32, title=title, description=f"{grid.head}.")


def _block(grid: CoverageGrid, first: int, left: int, top: int) -> Iterator[str]:
    columns = grid.columns[first : first + _ACROSS]
    yield svg.text(left, top + 14, plain(f"{grid.across} {columns[0]} to {columns[-1]}"), "faint")
    for number, (name, row) in enumerate(zip(grid.rows, grid.cells, strict=True)):
        y = top + 24 + _STEP * number
        yield svg.text(0, y + 10, plain(name), "say")
        for index, cell in enumerate(row[first : first + _ACROSS]):
            told = plain(f"{', '.join(filter(None, (columns[index], name)))}: {cell.status} {cell.told}".rstrip())
            square = svg.rect(left + _STEP * index, y, _SQUARE, _SQUARE, _kind(cell.status), 2)
            yield svg.group([square], svg.tint_class(tint_of(cell.status)), told)


def _kind(status: CoverageStatus) -> str:
    """Return how a square is filled: there is nothing of what is missing."""
    empty = {CoverageStatus.MISSING: "box", CoverageStatus.NOT_DUE: "box dashed"}
    return empty.get(status, "mark")


def _legend(grid: CoverageGrid, y: int) -> tuple[list[str], int]:
    """Return what each colour means, and how wide that is."""
    x, drawn = 0.0, []
    for status in grid.counts:
        square = svg.rect(x, y - 10, _SQUARE, _SQUARE, _kind(status), 2)
        drawn.append(svg.group([square, svg.text(x + 18, y, status, "faint")], svg.tint_class(tint_of(status))))
        x += 18 + len(status) * PIXELS.text + 20
    return drawn, math.ceil(x)
