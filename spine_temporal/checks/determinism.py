"""Find calls in a gate that differ between replays: by its bytecode, so that lambdas and helpers are seen too."""

import builtins
import dis
import importlib
import pathlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any

from spine_temporal.checks.functions import functions_of
from spine_temporal.checks.real_names import real_name, rule_of
from spine_temporal.checks.rules import PATH_METHODS, PATH_RULE, Rule
from spine_temporal.definition.user_code import is_user_code, short_path

_UNKNOWN = object()


@dataclass(frozen=True, kw_only=True)
class RefusedCall:
    """A call that the code of a step may not make."""

    rule: Rule
    #: Real dotted name: ``datetime.datetime.now``.
    call: str
    #: File and line.
    where: str

    @property
    def why(self) -> str:
        """Why it is refused."""
        return self.rule.why

    @property
    def advice(self) -> str:
        """What to do instead."""
        return self.rule.advice


def find_nondeterminism(function: Callable[..., Any]) -> list[RefusedCall]:
    """Return the refused calls of a function and of the user's functions that it calls."""
    return list(_Search().of(function))


@dataclass
class _Search:
    seen: set[int] = field(default_factory=set)

    def of(self, target: Any) -> Iterator[RefusedCall]:
        """Search a callable: function, method, partial, class or instance with ``__call__``."""
        for function, _ in functions_of(target):
            if id(function) not in self.seen and is_user_code(function.__code__.co_filename):
                self.seen.add(id(function))
                yield from self._code(function, function.__code__)

    def _code(self, function: FunctionType, code: CodeType) -> Iterator[RefusedCall]:
        for value, chain, line in _Loads(function, code).all():
            rule = PATH_RULE if value is PATH_RULE else rule_of(value, chain)
            if rule is not None:
                yield RefusedCall(rule=rule, call=chain, where=f"{short_path(code.co_filename)}:{line}")
            elif callable(value) and not isinstance(value, type(builtins)):
                yield from self.of(value)
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from self._code(function, constant)


@dataclass
class _Loads:
    """The objects that a piece of code loads by name, with the attributes taken from them."""

    function: FunctionType
    code: CodeType
    imported: dict[str, Any] = field(default_factory=dict)

    def all(self) -> Iterator[tuple[Any, str, int]]:
        """Yield each object at the end of its chain of attributes, its real name, and the line."""
        value: Any = _UNKNOWN
        line = self.code.co_firstlineno
        path_seen = False
        for instruction in dis.get_instructions(self.code):
            line = _line(instruction, line)
            kind = instruction.opname
            if kind in {"LOAD_ATTR", "LOAD_METHOD"} and path_seen and instruction.argval in PATH_METHODS:
                yield PATH_RULE, f"pathlib.Path.{instruction.argval}", line
            following = self._after(instruction, value)
            if value is not _UNKNOWN and kind not in {"LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"}:
                yield value, real_name(value), line
            path_seen = (path_seen or _is_path(following)) and kind != "POP_TOP" and not kind.startswith("STORE")
            value = following
        if value is not _UNKNOWN:
            yield value, real_name(value), line

    def _after(self, instruction: dis.Instruction, value: Any) -> Any:
        name = instruction.argval
        match instruction.opname:
            case "LOAD_GLOBAL" | "LOAD_NAME":
                return self.function.__globals__.get(name, getattr(builtins, str(name), _UNKNOWN))
            case "LOAD_DEREF" | "LOAD_CLASSDEREF":
                return self._cell(name)
            case "IMPORT_NAME":
                return _module(str(name))
            case "LOAD_ATTR" | "LOAD_METHOD" | "IMPORT_FROM":
                return _attribute(value, str(name))
            case opname if opname.startswith("STORE_FAST") and value is not _UNKNOWN:
                self.imported[_one(name)] = value
            case opname if opname.startswith("LOAD_FAST"):
                return self.imported.get(_one(name), _UNKNOWN)
        return _UNKNOWN

    def _cell(self, name: str) -> Any:
        cells = dict(zip(self.function.__code__.co_freevars, self.function.__closure__ or (), strict=False))
        try:
            return cells[name].cell_contents
        except (KeyError, ValueError):
            return _UNKNOWN


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except Exception:  # noqa: BLE001 - what cannot be imported is the gate's own fault when it runs
        return _UNKNOWN


def _attribute(value: Any, name: str) -> Any:
    if value is _UNKNOWN or not isinstance(value, ModuleType | type):
        return _UNKNOWN
    try:
        return getattr(value, name)
    except Exception:  # noqa: BLE001 - a lazy attribute may raise anything
        return _UNKNOWN


def _is_path(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, pathlib.Path)


def _line(instruction: dis.Instruction, before: int) -> int:
    positions = getattr(instruction, "positions", None)
    return (positions.lineno if positions is not None else None) or before


def _one(name: Any) -> str:
    return str(name[0] if isinstance(name, tuple) else name)
