"""Which steps' outputs a function reads, as far as its code shows: ``ctx.get_output("ingest", ...)``."""

import dis
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any

from spine_temporal.checks.functions import functions_of
from spine_temporal.definition.composite_steps import AnyStep, flattened
from spine_temporal.definition.user_code import short_path
from spine_temporal.definition.workflow import Workflow

_READERS = {"get_output", "has_output", "output_as"}
#: Instructions that push and call nothing.
_SILENT = {"EXTENDED_ARG", "CACHE", "NOP", "PRECALL", "PUSH_NULL"}


def outputs_read(target: Callable[..., Any]) -> dict[str, str]:
    """Return the steps whose outputs the code of a step reads of its context, with file and line of the first read.

    A step is seen that is named by a literal or by a module's constant, in the function itself or in one within it.
    """
    found: dict[str, str] = {}
    for function, given in functions_of(target):
        code = function.__code__
        if given < code.co_argcount:
            for name, line in _read(function, code, code.co_varnames[given]):
                found.setdefault(name, f"{short_path(code.co_filename)}:{line}")
    return found


def later_steps(workflow: Workflow, step: AnyStep) -> set[str]:
    """Return the steps that cannot have run when this one begins: itself, those behind it and those beside it."""
    names = [each.name for each in workflow.all_steps]
    top = next((outer for outer in workflow.steps if step in flattened([outer])), None)
    return set() if top is None else set(names[names.index(top.name) :])


def _read(function: FunctionType, code: CodeType, context: str) -> Iterator[tuple[str, int]]:
    line = code.co_firstlineno
    instructions = [each for each in dis.get_instructions(code) if each.opname not in _SILENT]
    for index, instruction in enumerate(instructions):
        line = (instruction.positions.lineno if instruction.positions else None) or line
        if index and _is_reader(instruction) and _pushes(instructions[index - 1], context):
            step = _step(function, code, instructions[index + 1 :])
            if step is not None:
                yield step, line
    for inner in code.co_consts:
        if isinstance(inner, CodeType) and context in inner.co_freevars:
            yield from _read(function, inner, context)


def _is_reader(instruction: dis.Instruction) -> bool:
    return instruction.opname in {"LOAD_METHOD", "LOAD_ATTR"} and instruction.argval in _READERS


def _pushes(instruction: dis.Instruction, name: str) -> bool:
    """Return whether an instruction pushes that local variable last; newer Pythons push two with one."""
    pushed = instruction.argval[-1] if isinstance(instruction.argval, tuple) else instruction.argval
    return instruction.opname.startswith(("LOAD_FAST", "LOAD_DEREF")) and pushed == name


def _step(function: FunctionType, code: CodeType, behind: Sequence[dis.Instruction]) -> str | None:
    """Return the first argument of the call behind a reader, where it is the step and is a string."""
    call = next((index for index, each in enumerate(behind) if each.opname.startswith("CALL")), 0)
    if not call or _first_keyword(code, behind[call - 1], behind[call]) not in {None, "step"}:
        return None
    value = behind[0].argval
    if behind[0].opname == "LOAD_GLOBAL":
        value = function.__globals__.get(str(value))
    elif not behind[0].opname.startswith("LOAD_CONST"):
        return None
    return value if isinstance(value, str) else None


def _first_keyword(code: CodeType, before: dis.Instruction, call: dis.Instruction) -> str | None:
    """Return the keyword of a call's first argument; None where it has none. Python 3.11 to 3.14 have three ways."""
    if before.opname != "KW_NAMES" and call.opname != "CALL_KW":
        return None
    names = code.co_consts[before.arg or 0]
    return str(names[0]) if isinstance(names, tuple) and len(names) == call.arg else None
