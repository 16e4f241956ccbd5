"""Which Python functions run when a step's code is called."""

import functools
import inspect
from collections.abc import Callable, Iterator
from types import FunctionType, MethodType
from typing import Any


def functions_of(target: Callable[..., Any] | Any, given: int = 0) -> Iterator[tuple[FunctionType, int]]:
    """Yield the functions that calling the target runs, with how many arguments each is given before the call's own.

    The target is a function, a method, a partial, a class, or an instance with ``__call__``.
    """
    if isinstance(target, functools.partial):
        yield from functions_of(target.func, given + len(target.args))
    elif isinstance(target, MethodType):
        yield from functions_of(target.__func__, given + 1)
    elif isinstance(target, FunctionType):
        inner = inspect.unwrap(target)
        if isinstance(inner, FunctionType):
            yield inner, given
        else:
            yield from functions_of(inner, given)
    elif isinstance(target, type):
        yield from _methods(target, ("__init__", "__post_init__"), given)
    else:
        yield from _methods(type(target), ("__call__",), given)


def _methods(owner: type, names: tuple[str, ...], given: int) -> Iterator[tuple[FunctionType, int]]:
    for name in names:
        found = vars(owner).get(name)
        if isinstance(found, FunctionType):
            yield found, given + 1
