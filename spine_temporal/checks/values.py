"""What an expression in the code of a step may come to, as far as the code shows it."""

import ast
import inspect
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum, auto
from types import FunctionType
from typing import TYPE_CHECKING, Any

from spine_temporal.definition.context import LEGACY_METRICS, WorkflowContext

if TYPE_CHECKING:
    from spine_temporal.checks.frames import Frame

#: How many alternatives are followed.
MOST = 64
#: Any key, or any position, of an output.
ANY = "*"


class Given(Enum):
    """What the engine hands to a step's code."""

    CONTEXT = auto()
    CONFIG = auto()
    #: The run's params.
    PARAMS = auto()
    #: The outputs of all steps, by name.
    OUTPUTS = auto()


@dataclass(frozen=True, eq=False)
class Known:
    """An object that exists: of a loaded module, or a literal."""

    value: Any


@dataclass(eq=False)
class Made:
    """An instance that the code makes."""

    cls: type
    fields: "dict[str, Values]" = field(default_factory=dict)


@dataclass(eq=False)
class Group:
    """A dict, list, tuple or set that the code makes; ``items`` are those with a known key or position."""

    kind: type
    items: "dict[Any, Values]" = field(default_factory=dict)
    others: "Values" = ()
    #: Whether ``items`` are all that there are.
    complete: bool = True

    @property
    def members(self) -> "Values":
        """What may come out of it."""
        return either(*self.items.values(), *([] if self.complete and not self.others else [self.others]))


@dataclass(frozen=True, eq=False)
class Local:
    """A function that is defined within the code."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    frame: "Frame"


@dataclass(frozen=True)
class Output:
    """What a step of the run gave, or what is in it: below the keys of ``path``, ``ANY`` for one that is not known."""

    step: str
    path: tuple[str, ...] = ()
    #: Whether it is taken as the older implementation has it, with the metrics below ``metrics``.
    is_older: bool = False

    def is_its_own(self, key: str) -> bool:
        """Return whether a key is the older implementation's, and none that the step gives."""
        return key == LEGACY_METRICS or (self.is_older and key in {"metrics", "status"})

    def below(self, key: str) -> "Output":
        """Return what is under a key of it."""
        if self.is_its_own(key):
            return Output(self.step, self.path, is_older=key == LEGACY_METRICS)
        return Output(self.step, (*self.path, key))


@dataclass(frozen=True, eq=False)
class Method:
    """A method that is taken from a value; ``function`` is its code where it is the user's."""

    receiver: "Value"
    name: str
    function: Any = None


Value = Known | Made | Group | Local | Output | Method | Given
#: The alternatives; none: nothing is known.
Values = tuple[Value, ...]

NONE = Known(None)


def union(*several: Values) -> Values:
    """Return the alternatives of all, each once."""
    found: dict[Hashable, Value] = {}
    for values in several:
        for value in values:
            found.setdefault(key_of(value), value)
    return tuple(found.values())[:MOST]


def either(*several: Values) -> Values:
    """Return the alternatives of all; nothing where one of them is not known."""
    return union(*several) if all(several) else ()


def key_of(value: Value) -> Hashable:
    """Return what two values have in common that are the same."""
    if isinstance(value, Known):
        return ("known", id(value.value))
    return value if isinstance(value, Output | Given) else id(value)


def constant(values: Values) -> Any:
    """Return the one string or number that the values come to, else None."""
    if len(values) == 1 and isinstance(values[0], Known) and isinstance(values[0].value, str | int):
        return values[0].value
    return None


def texts(values: Values) -> list[str]:
    """Return the strings that the values may be."""
    return [value.value for value in values if isinstance(value, Known) and isinstance(value.value, str)]


def is_set(value: Value) -> bool:
    """Return whether a value is a set, the order of which differs between processes."""
    if isinstance(value, Known):
        return isinstance(value.value, set | frozenset)
    return isinstance(value, Group) and value.kind is set


def class_of(value: Value) -> type | None:
    """Return the class of a value, where the code shows it."""
    match value:
        case Known(value=known):
            return type(known)
        case Made(cls=cls) | Group(kind=cls):
            return cls
        case Local():
            return FunctionType
        case Method():
            found = value.function or inspect.getattr_static(class_of(value.receiver), value.name, None)
            return FunctionType if callable(found) else None
        case Given.CONTEXT:
            return WorkflowContext
        case Output() | Given():
            return None if isinstance(value, Output) and value.path else dict
