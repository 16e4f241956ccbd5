"""What a gate must not change: the state of the service's modules, which all runs that ask it share."""

import types
from collections import deque
from collections.abc import Iterator, Mapping
from enum import EnumMeta
from functools import cached_property, partial
from inspect import getattr_static
from typing import Any

#: Values that are looked at; modules that hold more are loaded anew for each run.
MOST = 20_000

_ATOMS = (type(None), bool, int, float, complex, str, bytes)
_MAPPINGS = (dict, types.MappingProxyType)
_CONTAINERS = (list, tuple, deque, set, frozenset, bytearray)
_WRAPPERS = (staticmethod, classmethod)
#: Names that every module has.
_OF_PYTHON = frozenset(vars(types.ModuleType("any"))) | {"__builtins__", "__cached__", "__file__", "__path__"}
#: Where types come from whose objects do not change, or that only keep what they have computed.
_FIXED = frozenset((
    "_abc", "abc", "builtins", "datetime", "decimal", "enum", "fractions", "functools", "ipaddress", "logging",
    "pathlib", "pydantic", "pydantic_core", "re", "spine", "spine_temporal", "temporalio", "types", "typing",
    "typing_extensions", "uuid", "zoneinfo",
))  # fmt: skip
#: Of those types, the ones whose objects do change.
_CHANGING = (types.GeneratorType, types.SimpleNamespace, Iterator)


class UnseenError(Exception):
    """Raised where modules hold something that cannot be looked into, or more than ``MOST`` values."""


class ModuleState:
    """What modules hold: their names, the contents of containers, of their own classes, objects and functions."""

    def __init__(self, modules: Mapping[str, types.ModuleType]) -> None:
        """Raises ``UnseenError``."""
        self._known = _Look(modules).values

    def change(self, modules: Mapping[str, types.ModuleType]) -> str:
        """Return the first name whose value has changed, as ``module.name``; empty: none has.

        A module that was not there before is known from now on. Raises ``UnseenError``.
        """
        look, known = _Look(modules), self._known
        before = {module for module, _ in known}
        names = [name for name in look.values if name[0] in before]
        changed = next((name for name in names if name not in known or look.values[name] != known[name]), None)
        gone = next((name for name in known if name not in look.values), None)
        self._known = known | look.values
        return ".".join(changed or gone or ())


class _Look:
    """One look at modules."""

    def __init__(self, modules: Mapping[str, types.ModuleType]) -> None:
        self._modules = modules
        self._left = MOST
        self._seen: dict[int, Any] = {}
        #: By module and name: what the value holds, to be compared.
        self.values: dict[tuple[str, str], Any] = {}
        try:
            for module, found in modules.items():
                self._look_at(module, found)
        except Exception as error:  # a RecursionError, or what an object of the user's raises that is looked at
            raise UnseenError from error

    def _look_at(self, module: str, found: types.ModuleType) -> None:
        for name, value in list(vars(found).items()):
            if name not in _OF_PYTHON and not isinstance(value, types.ModuleType):
                self.values[module, name] = self._held(value)

    def _held(self, value: Any) -> Any:
        """Return what a value holds; a value of others that does not change is only itself."""
        if isinstance(value, _ATOMS):
            return (type(value), repr(value) if isinstance(value, float | complex) else value)
        if id(value) in self._seen:
            return _Itself(value)
        self._seen[id(value)] = value
        self._left -= 1 + (len(value) if isinstance(value, (*_MAPPINGS, *_CONTAINERS)) else 0)
        if self._left < 0:
            raise UnseenError
        return (_Itself(value), *(self._held(one) for one in self._parts(value)))

    def _parts(self, value: Any) -> Iterator[Any]:
        known = True
        if isinstance(value, _MAPPINGS):
            yield from _entries(value)
        elif isinstance(value, _CONTAINERS):
            yield from list(value)
        elif isinstance(value, partial):
            yield from (value.func, value.args, value.keywords)
        elif isinstance(value, _WRAPPERS):
            yield value.__func__
        else:
            known = False
        if self._is_own(value):
            yield from self._parts_of_own(value)
        elif isinstance(value, types.SimpleNamespace):
            yield from _entries(vars(value))
        elif not known:
            self._require_fixed(value)

    def _parts_of_own(self, value: Any) -> Iterator[Any]:
        if isinstance(value, types.FunctionType):
            yield from value.__defaults__ or ()
            yield from _entries((value.__kwdefaults__ or {}) | vars(value))
            yield from (cell.cell_contents for cell in value.__closure__ or () if cell != types.CellType())
            return
        private = "_" if isinstance(value, EnumMeta) else "__"  # an enumeration keeps the members that it has combined
        named = {name: one for name, one in getattr(value, "__dict__", {}).items() if not name.startswith(private)}
        if not isinstance(value, type):
            named = {name: one for name, one in named.items() if not _is_cached(type(value), name)}
            named |= {name: getattr(value, name) for name in _slots(type(value)) if hasattr(value, name)}
        yield from _entries(named)

    def _is_own(self, value: Any) -> bool:
        """Whether it is a class or a function of these modules, or an object of such a class."""
        kind = value if isinstance(value, type | types.FunctionType) else type(value)
        return getattr(kind, "__module__", None) in self._modules

    @staticmethod
    def _require_fixed(value: Any) -> None:
        """Raise ``UnseenError`` for an object that may change where nobody sees it, as an iterator does."""
        if isinstance(value, type | types.FunctionType):
            return
        kind = type(value)
        root = kind.__module__.partition(".")[0]
        if isinstance(value, _CHANGING) or root not in _FIXED:
            raise UnseenError


def _entries(mapping: Mapping[Any, Any]) -> Iterator[Any]:
    for key, value in list(mapping.items()):
        yield key
        yield value


def _slots(kind: type) -> Iterator[str]:
    for each in kind.__mro__:
        given = vars(each).get("__slots__", ())
        yield from (given,) if isinstance(given, str) else given


def _is_cached(kind: type, name: str) -> bool:
    """Whether an object's attribute is what a ``cached_property`` of its class has computed."""
    found = getattr_static(kind, name, None)
    return isinstance(found, cached_property) or isinstance(getattr(found, "wrapped", None), cached_property)


class _Itself:
    """Equal where it is the same object; keeps it, so that no other one gets its id."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self._value is other._value

    __hash__ = None  # type: ignore[assignment]
