"""What taking an attribute or an element of a value gives."""

import inspect
from collections.abc import Hashable
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

from spine_temporal.checks.values import (
    ANY,
    Given,
    Group,
    Known,
    Made,
    Method,
    Output,
    Value,
    Values,
    constant,
    union,
)
from spine_temporal.definition.context import WorkflowContext

#: Attributes of the context that are followed further.
_OF_CONTEXT = {"params": Given.PARAMS, "outputs": Given.OUTPUTS}
_MISSING = object()


def attribute_of(value: Value, name: str) -> Values:
    """Return what ``value.name`` may be."""
    match value:
        case Given.CONTEXT:
            return (_OF_CONTEXT[name],) if name in _OF_CONTEXT else (Method(value, name),)
        case Known(value=known) if isinstance(known, ModuleType | type | partial):
            return _of_known(known, name)
        case Known(value=known):
            return _of_instance(value, type(known), name, vars(known) if hasattr(known, "__dict__") else {})
        case Made(cls=cls, fields=fields) if name in fields:
            return fields[name]
        case Made(cls=cls):
            return _of_instance(value, cls, name, {})
    return (Method(value, name),)


def has_no(name: str) -> bool:
    """Return whether the context has no such attribute."""
    return not hasattr(WorkflowContext, name) and name not in WorkflowContext.__dataclass_fields__


def _of_known(known: Any, name: str) -> Values:
    try:
        return (Known(getattr(known, name)),)
    except Exception:  # noqa: BLE001 - a lazy attribute may raise anything
        return ()


def _of_instance(value: Value, cls: type, name: str, own: Any) -> Values:
    """Return an attribute without running any code of the instance."""
    if isinstance(own, dict) and name in own:
        return (Known(own[name]),)
    found = inspect.getattr_static(cls, name, _MISSING)
    match found:
        case staticmethod():
            made: Value = Known(found.__func__)
        case classmethod():
            made = Method(Known(cls), name, found.__func__)
        case property():
            made = Method(value, name, found.fget)
        case FunctionType():
            made = Method(value, name, found)
        case _:
            if found is not _MISSING and not callable(found):
                return () if hasattr(found, "__get__") else (Known(found),)
            made = Method(value, name)
    return (made,)


def is_property(value: Value, name: str) -> bool:
    """Return whether taking the attribute runs code."""
    cls = value.cls if isinstance(value, Made) else type(value.value) if isinstance(value, Known) else object
    return isinstance(inspect.getattr_static(cls, name, None), property)


def element_of(value: Value, keys: Values) -> Values:
    """Return what ``value[key]`` may be; of a key that is not known, any element."""
    key = constant(keys)
    match value:
        case Given.OUTPUTS:
            return (Output(key),) if isinstance(key, str) else ()
        case Output():
            return (value.below(key if isinstance(key, str) else ANY),)
        case Group(items=items):
            return union(items[key], value.others) if isinstance(key, Hashable) and key in items else value.members
        case Known(value=known) if type(known) is dict:
            return (Known(known[key]),) if key in known else members_of(value)
        case Known(value=known) if type(known) in {list, tuple}:
            return (
                (Known(known[key]),) if isinstance(key, int) and -len(known) <= key < len(known) else members_of(value)
            )
    return ()


def members_of(value: Value) -> Values:
    """Return what an iteration over a value may give; over a dict its values."""
    match value:
        case Output():
            return (value.below(ANY),)
        case Group():
            return value.members
        case Known(value=known) if type(known) is dict:
            return union(tuple(Known(each) for each in known.values()))
        case Known(value=known) if type(known) in {list, tuple, set, frozenset}:
            return union(tuple(Known(each) for each in known))
    return ()
