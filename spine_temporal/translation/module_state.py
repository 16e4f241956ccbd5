"""What a gate must not change: the state of the service's modules, which all runs that ask it share."""

import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import EnumMeta
from functools import cached_property, lru_cache, partial
from inspect import getattr_static
from operator import is_
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
#: Where the stand-ins come from that a sandbox puts before what is restricted: they look like everything.
_SANDBOX = "temporalio.worker.workflow_sandbox"


class UnseenError(Exception):
    """Raised where modules hold something that cannot be looked into, or more than ``MOST`` values."""


class ModuleState:
    """What modules hold: their names, the contents of containers, of their own classes, objects and functions."""

    def __init__(self, modules: Mapping[str, types.ModuleType]) -> None:
        """Raises ``UnseenError``."""
        self._look = _Look(modules)
        self._known = self._look.values

    def change(self, modules: Mapping[str, types.ModuleType]) -> str:
        """Return the first name whose value has changed, as ``module.name``; empty: none has.

        A module that was not there before is known from now on. Raises ``UnseenError``.
        """
        if self._look.is_of(modules):
            return ""
        look, known = _Look(modules), self._known
        before = {module for module, _ in known}
        names = [name for name in look.values if name[0] in before]
        changed = next((name for name in names if name not in known or look.values[name] != known[name]), None)
        gone = next((name for name in known if name not in look.values), None)
        self._look, self._known = look, known | look.values
        return ".".join(changed or gone or ())


class _Look:
    """One look at modules."""

    def __init__(self, modules: Mapping[str, types.ModuleType]) -> None:
        self._modules = modules
        self._left = MOST
        self._seen: dict[int, Any] = {}
        #: What holds others, and what it held.
        self._holders: list[tuple[Callable[[], Iterable[Any]], list[Any]]] = []
        #: By module and name: what the value holds, to be compared.
        self.values: dict[tuple[str, str], Any] = {}
        try:
            for module, found in modules.items():
                self._look_at(module, found)
        except Exception as error:  # a RecursionError, or what an object of the user's raises that is looked at
            raise UnseenError from error

    def is_of(self, modules: Mapping[str, types.ModuleType]) -> bool:
        """Whether these modules are the same, and each of all that was found holds the very objects that it held.

        Where it does not, only another look can tell whether they are equal.
        """
        try:
            is_same = _are(list(self._modules.values()), modules.values())
            return is_same and all(_are(held, holds()) for holds, held in self._holders)
        except Exception:  # noqa: BLE001 - as for a look, which says so
            return False

    def _look_at(self, module: str, found: types.ModuleType) -> None:
        self._hold(partial(_entries, vars(found)))
        for name, value in list(vars(found).items()):
            if name not in _OF_PYTHON and not issubclass(type(value), types.ModuleType):
                self.values[module, name] = self._held(value)

    def _held(self, value: Any) -> Any:
        """Return what a value holds; a value of others that does not change is only itself."""
        kind = _kind_of(type(value))
        if kind.is_atom:
            return (type(value), repr(value) if kind.is_inexact else value)
        if id(value) in self._seen:
            return _Itself(value)
        self._seen[id(value)] = value
        self._left -= 1 + (len(value) if kind.is_sized else 0)
        if self._left < 0:
            raise UnseenError
        is_own = getattr(value if kind.is_code else type(value), "__module__", None) in self._modules
        if not (is_own or kind.is_fixed):
            raise UnseenError
        parts = self._hold(partial(_parts_of, value, kind, is_own=is_own)) if is_own or kind.parts is not None else ()
        return (_Itself(value), *(self._held(one) for one in parts))

    def _hold(self, holds: Callable[[], Iterable[Any]]) -> list[Any]:
        """Return what something holds, and keep it."""
        held = list(holds())
        self._holders.append((holds, held))
        return held


def _are(before: list[Any], now: Iterable[Any]) -> bool:
    """Whether these are the same objects."""
    found = list(now)
    return len(before) == len(found) and all(map(is_, before, found))


def _parts_of(value: Any, kind: "_Kind", *, is_own: bool) -> Iterator[Any]:
    """Return what a value holds; ``is_own``: whether it, or its class, is of the modules."""
    if kind.parts is not None:
        yield from kind.parts(value)
    if is_own:
        yield from _parts_of_own(value)


def _parts_of_own(value: Any) -> Iterator[Any]:
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


def _entries(mapping: Mapping[Any, Any]) -> Iterator[Any]:
    for key, value in list(mapping.items()):
        yield key
        yield value


#: How to find what objects of these types hold.
_PARTS: tuple[tuple[Any, Callable[[Any], Iterable[Any]]], ...] = (
    (_MAPPINGS, _entries),
    (_CONTAINERS, list),
    (partial, lambda value: (value.func, value.args, value.keywords)),
    (_WRAPPERS, lambda value: (value.__func__,)),
    (types.SimpleNamespace, lambda value: _entries(vars(value))),
)


class _Kind:
    """What is known of all objects of a type. The objects are not asked: a sandbox's stand-ins would take long."""

    def __init__(self, kind: type) -> None:
        self.is_atom = issubclass(kind, _ATOMS)
        #: Whether equal ones may differ, and the same be unequal to itself.
        self.is_inexact = issubclass(kind, float | complex)
        self.is_sized = issubclass(kind, (*_MAPPINGS, *_CONTAINERS))
        #: Whether they are classes or functions, which say themselves of which module they are.
        self.is_code = issubclass(kind, type | types.FunctionType)
        #: What gives the values that they hold; None: they hold none that is seen.
        self.parts = next((parts for types_, parts in _PARTS if issubclass(kind, types_)), None)
        does_change = issubclass(kind, _CHANGING) and not kind.__module__.startswith(_SANDBOX)
        is_of_fixed = kind.__module__.partition(".")[0] in _FIXED and not does_change
        #: Whether one of others does not change where nobody sees it, as an iterator does.
        self.is_fixed = self.is_code or self.parts is not None or is_of_fixed


_kind_of: Callable[[type], _Kind] = lru_cache(1024)(_Kind)


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
