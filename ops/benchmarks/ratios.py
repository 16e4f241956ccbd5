"""Ratios with their targets: measured in pairs that lie side by side, told by their median and spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """One comparison. More is better; ``target`` is met from there on."""

    name: str
    values: tuple[float, ...]
    target: float
    #: What was compared, for the report.
    what: str

    @property
    def value(self) -> float:
        """The median of the pairs."""
        return median(self.values)

    @property
    def line(self) -> str:
        """The line that a script reads: ``ratio NAME VALUE TARGET``."""
        return f"ratio {self.name} {self.value:.2f} {self.target:g}"

    @property
    def row(self) -> str:
        """The row of the report."""
        met = "met" if self.value >= self.target else "**not met**"
        spread = f"{min(self.values):.2f} to {max(self.values):.2f}"
        return f"| {self.what} | {self.value:.2f} | {spread} | {len(self.values)} | {self.target:g} | {met} |"


def table(ratios: Sequence[Ratio]) -> list[str]:
    """Return the ratios as a Markdown table."""
    return [
        "| more is better | median | spread | pairs | target | |",
        "|---|---|---|---|---|---|",
        *(ratio.row for ratio in ratios),
    ]
