"""Which steps' outputs a function reads, as far as its code shows: ``ctx.get_output("ingest", ...)``."""

import dis
from collections.abc import Callable
from types import CodeType
from typing import Any

_READERS = {"get_output", "has_output", "output_as"}


def outputs_read(function: Callable[..., Any]) -> set[str]:
    """Return the names that the function itself reads as literals, with those of the functions within it."""
    code = getattr(function, "__code__", None)
    return _read(code) if isinstance(code, CodeType) else set()


def _read(code: CodeType) -> set[str]:
    found: set[str] = set()
    reader = False
    for instruction in dis.get_instructions(code):
        if reader and instruction.opname == "LOAD_CONST" and isinstance(instruction.argval, str):
            found.add(instruction.argval)
        reader = instruction.opname in {"LOAD_METHOD", "LOAD_ATTR"} and instruction.argval in _READERS
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _read(constant)
    return found
