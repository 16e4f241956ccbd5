"""Coverage as a grid: the days across, or else the axis with the most values; every other combination is a row."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from spine_temporal.definition.coverage import CoverageStatus
from spine_temporal.definition.over import Axis, Over


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A partition, and what there is to say of it."""

    status: CoverageStatus
    told: str = ""


@dataclass(frozen=True, kw_only=True)
class CoverageGrid:
    """Partitions of a workflow in rows and columns."""

    workflow: str
    #: The param whose values stand across, and these.
    across: str
    columns: Sequence[str]
    #: What each row has in common; empty where there is one axis.
    rows: Sequence[str]
    #: By row and column.
    cells: Sequence[Sequence[Cell]]

    @property
    def counts(self) -> dict[CoverageStatus, int]:
        """How many partitions stand how, in the order of the statuses."""
        found = Counter(cell.status for row in self.cells for cell in row)
        return {status: found[status] for status in CoverageStatus if found[status]}

    @property
    def head(self) -> str:
        """The counts as a line."""
        return ", ".join(f"{count:,} {status.lower().replace('_', ' ')}" for status, count in self.counts.items())


def grid_of(workflow: str, over: Over, cells: Sequence[Cell]) -> CoverageGrid:
    """Return the grid; ``cells`` in the order of ``over.partitions()``."""
    across = _across(over)
    others = [axis.name for axis in over.axes if axis is not across]
    rows: dict[str, dict[str, Cell]] = {}
    for named, cell in zip(over.partitions(), cells, strict=True):
        label = ", ".join(str(named[name]) for name in others)
        rows.setdefault(label, {})[str(named[across.name])] = cell
    columns = [str(value) for value in across.values]
    return CoverageGrid(
        workflow=workflow,
        across=across.name,
        columns=columns,
        rows=list(rows),
        cells=[[row[column] for column in columns] for row in rows.values()],
    )


def _across(over: Over) -> Axis:
    days = [axis for axis in over.axes if axis.is_time]
    return max(days or over.axes, key=lambda axis: len(axis.values))
