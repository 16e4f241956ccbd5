"""What is seen while the code of a step is followed: things that a rule refuses, and outputs that are read."""

import ast
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from types import BuiltinMethodType, MethodType, ModuleType
from typing import Any

from spine_temporal.checks.frames import Frame
from spine_temporal.checks.real_names import real_name, rule_of
from spine_temporal.checks.rules import (
    MODULES_SEEN_BY_CHECK,
    PATH_METHODS,
    PATH_RULE,
    SEEN_BY_CHECK,
    TRANSFORMING,
    Rule,
)
from spine_temporal.checks.values import Known, Made, Method, Value, Values


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """Something in the code of a step; ``what`` goes on from "the gate …"; ``trail`` names the functions on the way."""

    code: str
    file: str
    line: int
    column: int
    what: str
    trail: tuple[str, ...] = ()
    #: The real name of what is called, where it is that.
    call: str = ""


@dataclass(frozen=True, kw_only=True)
class Read:
    """The output of a step that is read, with the key where one is named."""

    step: str
    key: str | None
    file: str
    line: int
    column: int
    #: The keys above that one, from the step's output on.
    within: tuple[str, ...] = ()


@dataclass
class Watch:
    """Collects what is seen."""

    sightings: list[Sighting] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)

    def see(self, code: str, node: ast.AST, frame: Frame, what: str, call: str = "") -> None:
        """Keep something that a rule is about."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        self.sightings.append(
            Sighting(
                code=code,
                file=frame.file,
                line=line,
                column=column,
                what=what,
                trail=frame.trail,
                call=call,
            )
        )

    def read(self, step: str, key: str | None, node: ast.AST, frame: Frame, *, within: tuple[str, ...] = ()) -> None:
        """Keep that an output is read."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        self.reads.append(Read(step=step, key=key, file=frame.file, line=line, column=column, within=within))

    def look_at(self, values: Values, node: ast.AST, frame: Frame) -> None:
        """See what of these values a rule refuses."""
        for value in values:
            name, rule = _refused(value)
            if rule is not None:
                self.see(rule.code, node, frame, f"calls {name}, which {rule.why}", name)


def _refused(value: Value) -> tuple[str, Rule | None]:
    for name, subject in _names(value):
        if name.startswith("pathlib.") and name.rpartition(".")[2] in PATH_METHODS:
            return name, PATH_RULE
        rule = SEEN_BY_CHECK.get(name) or rule_of(subject, name) or _of_module(subject, name)
        if rule is not None:
            return name, rule
    return "", None


def _of_module(subject: Any, name: str) -> Rule | None:
    """Return the rule of the module that a name is of, among those that `check` alone knows."""
    if isinstance(subject, ModuleType):
        return None
    top = name.partition(".")[0]
    return MODULES_SEEN_BY_CHECK.get(top) or TRANSFORMING.get(name) or TRANSFORMING.get(top)


def _names(value: Value) -> list[tuple[str, Any]]:
    """Return the names that a value has, as a rule may know it: of a method, those in each class above its own."""
    match value:
        case Known(value=known):
            return _names_of(known)
        case Method(receiver=Known(value=known)):
            return [(f"{_dotted(cls)}.{value.name}", None) for cls in type(known).__mro__[:-1]]
        case Method(receiver=Made(cls=cls)) if _dotted(cls) != "random.Random":
            return [(f"{_dotted(base)}.{value.name}", None) for base in cls.__mro__[:-1]]
    return []


def _names_of(known: Any) -> list[tuple[str, Any]]:
    if isinstance(known, partial):
        return _names_of(known.func)
    if isinstance(known, str | int | float | bytes | dict | list | tuple | set | frozenset | PurePath | None):
        return []
    owner = known.__self__ if isinstance(known, MethodType | BuiltinMethodType) else None
    try:
        if isinstance(owner, type):
            return [(f"{_dotted(cls)}.{known.__name__}", known) for cls in owner.__mro__[:-1]]
        return [(real_name(known), known)]
    except Exception:  # noqa: BLE001 - an object of the user's may answer anything
        return []


def _dotted(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
