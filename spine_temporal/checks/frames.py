"""One call of a function, as it is followed: the names that it knows, and what it returns."""

import ast
import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from spine_temporal.checks.values import Known, Values, union


@dataclass(kw_only=True)
class Frame:
    """Names and their values, from the innermost function outwards; ``trail`` names the functions that led here."""

    file: str
    module: Mapping[str, Any]
    trail: tuple[str, ...] = ()
    cells: Mapping[str, Any] = field(default_factory=dict)
    outer: "Frame | None" = None
    names: dict[str, Values] = field(default_factory=dict)
    #: Names that are declared global or nonlocal.
    shared: set[str] = field(default_factory=set)
    returned: list[tuple[ast.Return, Values]] = field(default_factory=list)
    #: What each expression came to.
    worth: dict[ast.expr, Values] = field(default_factory=dict)
    #: Whether its end can be reached without a return.
    falls: bool = False
    #: Where an iteration over a set does no harm, as its order is lost again.
    unordered: int = 0

    @classmethod
    def of(cls, function: FunctionType, trail: tuple[str, ...]) -> "Frame":
        """Return the frame of a function that exists."""
        return cls(
            file=function.__code__.co_filename,
            module=function.__globals__,
            trail=trail,
            cells=_cells(function),
        )

    def look_up(self, name: str) -> Values:
        """Return what a name stands for."""
        if name in self.names:
            return self.names[name]
        if self.outer is not None:
            return self.outer.look_up(name)
        for place in (self.cells, self.module):
            if name in place:
                return (Known(place[name]),)
        return (Known(getattr(builtins, name)),) if hasattr(builtins, name) else ()

    def is_outside(self, name: str) -> bool:
        """Return whether a name is of the module, or of a function around one that outlives the call."""
        return name not in self.names and (self.outer is None or self.outer.is_outside(name))

    @property
    def answer(self) -> Values:
        """What the call may return."""
        if any(not values for _, values in self.returned):
            return ()
        ends: Values = (Known(None),) if self.falls else ()
        return union(*(values for _, values in self.returned), ends)


def _cells(function: FunctionType) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found
