"""Follows the code of a step through every function of the user's that it calls."""

import ast
import functools
import inspect
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from types import FunctionType, MethodType
from typing import Any

from spine_temporal.checks.attributes import element_of
from spine_temporal.checks.frames import Frame
from spine_temporal.checks.library import Arguments, answer_of, answer_of_method
from spine_temporal.checks.sources import Defined, Sources
from spine_temporal.checks.statements import Statements, holds_sql
from spine_temporal.checks.values import (
    NONE,
    Given,
    Group,
    Known,
    Local,
    Made,
    Method,
    Output,
    Value,
    Values,
    constant,
    key_of,
    texts,
)
from spine_temporal.checks.watch import Watch
from spine_temporal.definition.context import LEGACY_METRICS
from spine_temporal.definition.user_code import is_user_code

#: Calls that are followed for one step, and how deep.
_MOST_CALLS = 500
_DEEPEST = 40
_READERS = {"get_output", "has_output", "output_as"}


@dataclass
class Following:
    """Follows calls; ``frames`` holds the last frame of each function that was followed."""

    sources: Sources
    watch: Watch = field(default_factory=Watch)
    frames: dict[Defined, Frame] = field(default_factory=dict)
    done: dict[Hashable, Values] = field(default_factory=dict)
    #: What the keys of ``done`` are the ids of, so that no other object gets one of them.
    alive: list[tuple[Arguments, Frame]] = field(default_factory=list)

    def start(self, function: FunctionType, given: Arguments) -> Frame | None:
        """Follow the function that a step asks; None where its source is not found."""
        node = self.sources.node(function)
        if node is None:
            return None
        frame = Frame.of(function, ())
        self._run(node, frame, given, _defaults(function))
        return frame

    def touch(self, values: Values, frame: Frame) -> None:
        """Follow functions that are handed on, as somebody may call them."""
        for value in values:
            if isinstance(value, Local | Known | Method):
                self._follow(value, Arguments(spread=True), frame, handed_on=True)

    def call(self, called: Value, given: Arguments, node: ast.Call, frame: Frame) -> Values:
        """Return what a call gives."""
        self._look_at_texts(given, node, frame)
        match called:
            case Method(receiver=Given.CONTEXT, name=name) if name in _READERS:
                return self._read(given, name, node, frame)
            case Method(receiver=receiver, name="get") if receiver is Given.OUTPUTS or isinstance(receiver, Output):
                return element_of(receiver, given.first)
            case Method(function=None):
                return answer_of_method(called, given)
        found = self._follow(called, given, frame)
        if found is None and isinstance(called, Known):
            return self._library(called.value, given, node, frame)
        return found or ()

    def _library(self, called: Any, given: Arguments, node: ast.Call, frame: Frame) -> Values:
        if getattr(called, "__qualname__", "") == "Random" and called.__module__ == "random" and given.none:
            self.watch.see("SPN102", node, frame, "makes random.Random() without a seed")
        if called is setattr or called is delattr:
            for value in given.first:
                Statements(self, self.watch, frame).expressions.changes.of(value, node.args[0])
        if called is next and any(isinstance(each, Known) for each in given.first):
            self.watch.see("SPN108", node, frame, "takes the next of what outlives the call")
        answer = answer_of(called, given, frame)
        return () if answer is None else answer

    def _look_at_texts(self, given: Arguments, node: ast.Call, frame: Frame) -> None:
        for values in (*given.positional, *given.named.values()):
            if holds_sql(constant(values)):
                self.watch.see("SPN107", node, frame, "holds a statement of SQL")

    def _read(self, given: Arguments, name: str, node: ast.Call, frame: Frame) -> Values:
        """Keep which outputs are read, and return them where they are taken as a whole."""
        steps = texts(given.named.get("step", given.first))
        keys = given.named.get("key", given.positional[1] if len(given.positional) > 1 else (NONE,))
        named = [None] if name == "output_as" else [None if key == LEGACY_METRICS else key for key in texts(keys)]
        for step in steps:
            for key in named or [None]:
                self.watch.read(step, key, node, frame)
        if name != "get_output":
            return ()
        if keys == (NONE,):
            return tuple(Output(step) for step in steps)
        return tuple(Output(step).below(key) for step in steps for key in texts(keys))

    def _follow(self, called: Value, given: Arguments, frame: Frame, *, handed_on: bool = False) -> Values | None:
        """Return what the user's code answers; None where there is none."""
        found: Values | None = None
        for node, inner, bound, defaults in self._targets(called, given, frame):
            if not (handed_on and node in self.frames):
                found = self._once(node, inner, bound, defaults)
            made = bound.first[0] if bound.first else None
            if isinstance(called, Known) and isinstance(called.value, type) and made is not None:
                found = (made,)
        return found

    def _targets(
        self, called: Value, given: Arguments, frame: Frame
    ) -> Iterator[tuple[Defined, Frame, Arguments, dict[str, Any]]]:
        if isinstance(called, Local):
            name = getattr(called.node, "name", "lambda")
            outer = called.frame
            inner = Frame(file=outer.file, module=outer.module, trail=(*frame.trail, name), outer=outer)
            yield called.node, inner, given, {}
            return
        for function, bound in functions_called(called, given):
            node = self.sources.node(function)
            if node is not None:
                yield node, Frame.of(function, (*frame.trail, function.__name__)), bound, _defaults(function)

    def _once(self, node: Defined, frame: Frame, given: Arguments, defaults: dict[str, Any]) -> Values:
        """Follow a call, unless the same one was."""
        key = (id(node), id(frame.outer), _key(given))
        if key not in self.done and len(self.done) < _MOST_CALLS and len(frame.trail) < _DEEPEST:
            self.done[key] = ()
            self.alive.append((given, frame))
            self._run(node, frame, given, defaults)
            self.done[key] = () if is_suspended(node) else frame.answer
        return self.done.get(key, ())

    def _run(self, node: Defined, frame: Frame, given: Arguments, defaults: dict[str, Any]) -> None:
        frame.names.update(_bound(node.args, given, defaults))
        for value in defaults.values():
            self.watch.look_at((Known(value),), node, frame)
        self.frames[node] = frame
        Statements(self, self.watch, frame).function(node)


def functions_called(called: Value, given: Arguments) -> Iterator[tuple[FunctionType, Arguments]]:
    """Yield the user's functions that a call runs, each with its arguments."""
    match called:
        case Method(receiver=receiver, function=FunctionType() as function):
            yield from _of_object(function, given.behind((receiver,)))
        case Known(value=value):
            yield from _of_object(value, given)


def _of_object(value: Any, given: Arguments) -> Iterator[tuple[FunctionType, Arguments]]:
    if isinstance(value, functools.partial):
        filled = given.behind(*((Known(each),) for each in value.args))
        named = {name: (Known(each),) for name, each in value.keywords.items()}
        yield from _of_object(value.func, replace(filled, named={**named, **given.named}))
    elif isinstance(value, MethodType):
        yield from _of_object(value.__func__, given.behind((Known(value.__self__),)))
    elif isinstance(value, FunctionType) or hasattr(value, "__wrapped__"):
        inner = value if _is_theirs(value) else inspect.unwrap(value)
        if isinstance(inner, FunctionType) and _is_theirs(inner):
            yield inner, given
    elif isinstance(value, type):
        made = given.behind((Made(value),))  # one instance for all of them
        yield from ((each, made) for each in _methods(value, ("__init__", "__post_init__")))
    else:
        yield from ((each, given.behind((Known(value),))) for each in _methods(type(value), ("__call__",)))


def _methods(cls: type, names: tuple[str, ...]) -> Iterator[FunctionType]:
    for name in names:
        found = inspect.getattr_static(cls, name, None)
        if isinstance(found, FunctionType) and _is_theirs(found):
            yield found


def _is_theirs(value: Any) -> bool:
    return isinstance(value, FunctionType) and is_user_code(value.__code__.co_filename)


def is_suspended(node: Defined) -> bool:
    """Return whether a call gives a coroutine or a generator and not what is returned."""
    if isinstance(node, ast.AsyncFunctionDef):
        return True
    inner = [node.body] if isinstance(node, ast.Lambda) else node.body
    return any(isinstance(each, ast.Yield | ast.YieldFrom) for part in inner for each in ast.walk(part))


def _defaults(function: FunctionType) -> dict[str, Any]:
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    given = function.__defaults__ or ()
    return {**dict(zip(names[len(names) - len(given) :], given, strict=True)), **(function.__kwdefaults__ or {})}


def _bound(parameters: ast.arguments, given: Arguments, defaults: dict[str, Any]) -> dict[str, Values]:
    """Return what each parameter stands for."""
    names = [each.arg for each in (*parameters.posonlyargs, *parameters.args)]
    bound: dict[str, Values] = dict.fromkeys([*names, *(each.arg for each in parameters.kwonlyargs)], ())
    if not given.spread:
        bound |= {name: (Known(value),) for name, value in defaults.items() if name in bound}
    bound |= dict(zip(names, given.positional, strict=False))
    bound |= {name: values for name, values in given.named.items() if name in bound}
    if parameters.vararg is not None:
        rest = dict(enumerate(given.positional[len(names) :]))
        bound[parameters.vararg.arg] = (Group(tuple, items=dict(rest), complete=not given.spread),)
    if parameters.kwarg is not None:
        others = {name: values for name, values in given.named.items() if name not in bound}
        bound[parameters.kwarg.arg] = (Group(dict, items=dict(others), complete=not given.spread),)
    return bound


def _key(given: Arguments) -> Hashable:
    positional = tuple(tuple(map(key_of, values)) for values in given.positional)
    return positional, frozenset((name, tuple(map(key_of, values))) for name, values in given.named.items())
