"""What a gate must not change: the state of the service's modules, which all runs that ask it share."""

import types
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

#: Values that are looked at; modules that hold more are loaded anew for each run.
MOST = 20_000

_MAPPINGS = (dict, types.MappingProxyType)
_CONTAINERS = (list, tuple, deque, set, frozenset, bytearray)
_ATOMS = (type(None), bool, int, float, complex, str, bytes)


class TooMuchError(Exception):
    """Raised where modules hold more than ``MOST`` values."""


class ModuleState:
    """What modules hold: their names, the contents of containers, of their own classes, objects and functions."""

    def __init__(self, modules: Mapping[str, types.ModuleType]) -> None:
        """Raises ``TooMuchError``."""
        self._known = _Look(modules).values

    def change(self, modules: Mapping[str, types.ModuleType]) -> str:
        """Return the first name whose value has changed, as ``module.name``; empty: none has.

        A module that was not there before is known from now on. Raises ``TooMuchError``.
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
        self.values = {
            (module, name): self._held(value)
            for module, found in modules.items()
            for name, value in list(vars(found).items())
            if not name.startswith("__")
        }

    def _held(self, value: Any) -> Any:
        """Return what a value holds; an object of others is only itself."""
        if isinstance(value, _ATOMS):
            return (type(value), repr(value) if isinstance(value, float | complex) else value)
        if id(value) in self._seen:
            return _Itself(value)
        self._left -= 1
        if self._left < 0:
            raise TooMuchError
        self._seen[id(value)] = value
        return (_Itself(value), *(self._held(one) for one in self._parts(value)))

    def _parts(self, value: Any) -> Iterator[Any]:
        if isinstance(value, _MAPPINGS):
            yield from self._entries(value)
        elif isinstance(value, _CONTAINERS):
            yield from list(value)
        elif self._is_own(value) and isinstance(value, types.FunctionType):
            yield from value.__defaults__ or ()
            yield from self._entries((value.__kwdefaults__ or {}) | vars(value))
            yield from (cell.cell_contents for cell in value.__closure__ or () if cell != types.CellType())
        elif self._is_own(value):
            yield from self._entries({name: one for name, one in vars(value).items() if not name.startswith("__")})

    @staticmethod
    def _entries(mapping: Mapping[Any, Any]) -> Iterator[Any]:
        for key, value in list(mapping.items()):
            yield key
            yield value

    def _is_own(self, value: Any) -> bool:
        """Whether it is a class or a function of these modules, or an object of such a class."""
        kind = value if isinstance(value, type | types.FunctionType) else type(value)
        return getattr(kind, "__module__", None) in self._modules and hasattr(value, "__dict__")


class _Itself:
    """Equal where it is the same object; keeps it, so that no other one gets its id."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self._value is other._value

    __hash__ = None  # type: ignore[assignment]
