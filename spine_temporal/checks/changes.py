"""State that outlives a call: the code of a step may not change it, as the next run would see it."""

import ast
import sys
from collections import deque
from types import ModuleType

from spine_temporal.checks.frames import Frame
from spine_temporal.checks.values import Given, Known, Value
from spine_temporal.checks.watch import Watch
from spine_temporal.definition.user_code import is_user_code

_STATEFUL = (list, dict, set, bytearray, deque, ModuleType, type)


class Changes:
    """Sees what a function changes that is not its own."""

    def __init__(self, watch: Watch, frame: Frame) -> None:
        self.watch = watch
        self.frame = frame

    def name(self, node: ast.expr, name: str) -> None:
        """See an assignment to a name that is declared global, or nonlocal beyond the code."""
        if self.frame.outer is None or self.frame.outer.is_outside(name):
            self._see(node, f"assigns {name!r} outside of itself")

    def of(self, value: Value, node: ast.expr) -> None:
        """See a change of a value that was there before the call."""
        if isinstance(value, Given):
            self._see(node, f"changes the {value.name.lower()} that it is given")
        elif isinstance(value, Known) and _is_state(value.value):
            self._see(node, f"changes {_name(node)}, which outlives the call")

    def _see(self, node: ast.expr, what: str) -> None:
        self.watch.see("SPN108", node, self.frame, what)


def _is_state(value: object) -> bool:
    if isinstance(value, _STATEFUL):
        return True
    module = getattr(type(value), "__module__", "")
    file = getattr(sys.modules.get(module), "__file__", None)
    return bool(file) and is_user_code(str(file))


def _name(node: ast.expr) -> str:
    inner = node.func if isinstance(node, ast.Call) else node
    if isinstance(inner, ast.Attribute | ast.Subscript):
        return ast.unparse(inner.value)
    return ast.unparse(node)
