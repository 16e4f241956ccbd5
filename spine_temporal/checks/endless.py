"""Loops that nothing ends. What may end by an exception, such as a ``next()``, counts as ended."""

import ast
import itertools
from collections.abc import Iterator, Sequence

from spine_temporal.checks.flow import breaks
from spine_temporal.checks.values import Values, class_of

_WITHOUT_END = {itertools.count, itertools.cycle}
#: What such a name's call raises where there is no more.
_RAISING = {"next", "pop", "popleft", "popitem", "remove", "index", "exit", "_exit", "abort"}
#: What a condition may be made of, where its names alone decide.
_PLAIN = (ast.Name, ast.Constant, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp)


def is_endless(loop: ast.While) -> bool:
    """Return whether a loop's condition stays true, and nothing in the loop leaves it."""
    if _is_left(loop.body):
        return False
    if isinstance(loop.test, ast.Constant):
        return bool(loop.test.value)
    names = {each.id for each in ast.walk(loop.test) if isinstance(each, ast.Name)}
    is_plain = all(isinstance(each, _PLAIN) for each in ast.walk(loop.test) if isinstance(each, ast.expr))
    return is_plain and bool(names) and names.isdisjoint(_touched(loop.body))


def goes_through_all_numbers(loop: ast.For | ast.AsyncFor, values: Values) -> bool:
    """Return whether a loop goes through ``itertools.count()`` or ``cycle()``, and nothing in it leaves it."""
    return any(class_of(value) in _WITHOUT_END for value in values) and not _is_left(loop.body)


def _is_left(body: Sequence[ast.stmt]) -> bool:
    return breaks(body) or any(_leaves(part) for statement in body for part in ast.walk(statement))


def _leaves(part: ast.AST) -> bool:
    match part:
        case ast.Return() | ast.Raise() | ast.Assert() | ast.Yield() | ast.YieldFrom() | ast.Await():
            return True
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in _RAISING
    return False


def _touched(body: Sequence[ast.stmt]) -> set[str]:
    """Return the names that a block may change: it assigns them, or does something with what they stand for."""
    return {name for statement in body for part in ast.walk(statement) for name in _changed_by(part)}


def _changed_by(part: ast.AST) -> Iterator[str]:
    match part:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names
        case ast.Attribute(value=ast.Name(id=name)) | ast.Subscript(value=ast.Name(id=name)):
            yield name
        case ast.Call(args=args, keywords=keywords):
            given = [*args, *(each.value for each in keywords)]
            yield from (each.id for one in given for each in ast.walk(one) if isinstance(each, ast.Name))
