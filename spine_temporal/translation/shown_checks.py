"""The checks of a run's gates as a Markdown table: each value against its threshold, those that failed first."""

from collections.abc import Iterator, Mapping
from typing import Any

#: Rows of the table.
MAX_ROWS = 40
#: Ends each cell, as in the table of steps.
_GAP = "\N{EM SPACE}"
_HEAD = ("result", "gate", "check", "value", "threshold")

#: What gates have measured, by step.
Qualities = Mapping[str, Mapping[str, Any]]


def checks_table(qualities: Qualities) -> list[str]:
    """Return the table; nothing where no gate has checked anything."""
    rows = sorted(_rows(qualities), key=lambda row: row[0] != "FAILED")
    if not rows:
        return []
    more = [f"and {len(rows) - MAX_ROWS} more: `spine-temporal quality`"] if len(rows) > MAX_ROWS else []
    return ["\n".join((_line(_HEAD), "|---" * len(_HEAD) + "|", *map(_line, rows[:MAX_ROWS]))), *more]


def _rows(qualities: Qualities) -> Iterator[tuple[str, ...]]:
    for step, quality in qualities.items():
        for check in quality.get("checks", ()):
            value, threshold = _number(check["value"]), _number(check["threshold"])
            yield "passed" if check["passed"] else "FAILED", step, _cell(str(check["name"])), value, threshold


def _number(value: Any) -> str:
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.6g}"
    return f"{value:,.0f}" if isinstance(value, int | float) else _cell(str(value))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:100]


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(f'{cell}{_GAP}' for cell in cells)} |"
