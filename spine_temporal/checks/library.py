"""What the standard library's functions answer, where the code of a step goes on with it."""

import builtins
import functools
import importlib
import operator
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MethodType, ModuleType
from typing import Any

from spine_temporal.checks.attributes import attribute_of, members_of
from spine_temporal.checks.frames import Frame
from spine_temporal.checks.values import Given, Group, Known, Made, Method, Value, Values, class_of, constant, union
from spine_temporal.definition.pipeline import PipelineResult
from spine_temporal.definition.step_result import StepResult


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What a call is given; ``spread`` where some are not seen one by one."""

    positional: tuple[Values, ...] = ()
    named: Mapping[str, Values] = field(default_factory=dict)
    spread: bool = False

    @property
    def first(self) -> Values:
        """The first one."""
        return self.positional[0] if self.positional else ()

    @property
    def none(self) -> bool:
        """Whether there are none."""
        return not (self.positional or self.named or self.spread)

    def behind(self, *before: Values) -> "Arguments":
        """Return these behind others, as a method has its instance."""
        return Arguments(positional=(*before, *self.positional), named=self.named, spread=self.spread)


Answer = Callable[[Arguments, Frame], Values]


def answer_of(called: Any, given: Arguments, frame: Frame) -> Values | None:
    """Return what calling an object of a library gives; None where it is not known here."""
    answer = _ANSWERS.get(called) if _is_hashable(called) else None
    if answer is not None:
        return answer(given, frame)
    maker = getattr(called.__self__, "__name__", "") if isinstance(called, MethodType) else ""
    if maker == StepResult.__name__:
        return _verdict(called.__name__, given)
    if maker == PipelineResult.__name__ and called.__name__ == "ok":
        metrics = Group(dict, items=dict(given.named), complete=not given.spread)
        return (Made(PipelineResult, {"metrics": (metrics,)}),)
    if isinstance(called, type):
        return _instance(called, given)
    return None


def _verdict(name: str, given: Arguments) -> Values:
    """Return a gate's answer, with its output and whether it passes."""
    nothing: Values = (Group(dict),)
    unnamed = given.first if name == "ok" and given.positional else nothing
    fields: dict[str, Values] = {"success": (Known(name == "ok"),), "output": given.named.get("output", unnamed)}
    if "next_step" in given.named:
        fields["next_step"] = given.named["next_step"]
    return (Made(StepResult, fields),)


def _instance(cls: type, given: Arguments) -> Values:
    if cls in {set, frozenset}:
        return (Group(set, others=union(*map(members_of, given.first))),)
    if cls in {list, tuple}:
        return (Group(cls, others=union(*map(members_of, given.first)), complete=False),)
    if cls is dict:
        return (Group(dict, items=dict(given.named), complete=not (given.positional or given.spread)),)
    return (Made(cls, dict(given.named)),)


def _taken(given: Arguments, _frame: Frame) -> Values:
    name = constant(given.positional[1]) if len(given.positional) > 1 else None
    default = given.positional[2] if len(given.positional) > 2 else ()
    if not isinstance(name, str):
        return union(*map(_any_attribute, given.first))
    return union(*(attribute_of(value, name) for value in given.first), default)


def _any_attribute(value: Value) -> Values:
    """Return what taking an attribute of a name that is not known may give: of a module, whatever a rule is about."""
    if isinstance(value, Known) and isinstance(value.value, ModuleType | type):
        return tuple(Known(each) for each in vars(value.value).values() if callable(each))
    return ()


def _imported(given: Arguments, _frame: Frame) -> Values:
    name = constant(given.first)
    return module_named(name) if isinstance(name, str) else ()


def module_named(name: str, package: str | None = None) -> Values:
    """Return a module; nothing where it cannot be imported, which is the code's own fault when it runs."""
    try:
        return (Known(sys.modules.get(name) or importlib.import_module(name, package)),)
    except Exception:  # noqa: BLE001 - whatever the module raises
        return ()


def _top_module(given: Arguments, _frame: Frame) -> Values:
    name = constant(given.first)
    return module_named(name.partition(".")[0]) if isinstance(name, str) else ()


def _dictionary(given: Arguments, frame: Frame) -> Values:
    if given.none:
        return (Group(dict, items=dict(frame.names)),)
    objects = [each.value for each in given.first if isinstance(each, Known) and hasattr(each.value, "__dict__")]
    return tuple(Known(each.__dict__ if isinstance(each, ModuleType) else dict(vars(each))) for each in objects)


def _same_members(given: Arguments, _frame: Frame) -> Values:
    return (Group(list, others=union(*map(members_of, given.first)), complete=False),)


_ANSWERS: dict[Any, Answer] = {
    builtins.getattr: _taken,
    builtins.__import__: _top_module,
    importlib.import_module: _imported,
    builtins.globals: lambda _given, frame: (Known(frame.module),),
    builtins.locals: lambda _given, frame: (Group(dict, items=dict(frame.names)),),
    builtins.vars: _dictionary,
    builtins.sorted: _same_members,
    builtins.reversed: _same_members,
    builtins.iter: _same_members,
    builtins.next: lambda given, _frame: union(*map(members_of, given.first)),
    functools.partial: lambda given, _frame: given.first,
    operator.getitem: lambda given, _frame: union(*map(members_of, given.first)),
}


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except Exception:  # noqa: BLE001 - an object of the user's may raise anything
        return False
    return True


#: Methods that change what they are called on.
CHANGING = frozenset(
    (
        *("append", "appendleft", "extend", "insert", "pop", "popleft", "popitem", "remove", "clear", "add", "discard"),
        *("update", "setdefault", "sort", "reverse", "__setitem__", "__setattr__", "__delitem__", "difference_update"),
        *("intersection_update", "symmetric_difference_update"),
    )
)


def answer_of_method(method: Method, given: Arguments) -> Values:
    """Return what a method of a container gives."""
    receiver, name = method.receiver, method.name
    if receiver is Given.PARAMS or receiver is Given.CONFIG:
        return ()
    if name in {"values", "pop", "popitem"}:
        return (Group(list, others=members_of(receiver), complete=False),) if name == "values" else members_of(receiver)
    if name == "items":
        pair = Group(tuple, items={0: (), 1: members_of(receiver)})
        return (Group(list, others=(pair,), complete=False),)
    if name in {"union", "intersection", "difference", "symmetric_difference", "copy"}:
        kind = class_of(receiver)
        return () if kind is None else (Group(kind, others=members_of(receiver), complete=False),)
    if name in {"format", "join", "strip", "lower", "upper"}:
        return (Made(str),)
    return ()
