"""What an object is called where it is defined, and the rule that refuses it."""

from types import ModuleType
from typing import Any

from spine_temporal.checks.rules import ALLOWED, MODULES, NAMES, Rule

#: Modules of C, and those that hand their names on.
_PUBLIC = {
    "posix": "os",
    "nt": "os",
    "posixpath": "os.path",
    "ntpath": "os.path",
    "genericpath": "os.path",
    "_io": "io",
    "_signal": "signal",
    "_sitebuiltins": "builtins",
}


def rule_of(value: Any, name: str) -> Rule | None:
    """Return the rule that refuses the object of this name, None where it may be used."""
    if isinstance(value, ModuleType) or name in ALLOWED:
        return None
    if name in NAMES:
        return NAMES[name]
    parts = name.split(".")
    heads = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((MODULES[head] for head in heads if head in MODULES), None)


def real_name(value: Any) -> str:
    """Return the real name of an object, wherever it was imported from."""
    owner = getattr(value, "__self__", None)
    if isinstance(owner, type):
        return f"{owner.__module__}.{owner.__qualname__}.{value.__name__}"
    if isinstance(owner, ModuleType):
        return f"{_PUBLIC.get(owner.__name__, owner.__name__)}.{value.__name__}".replace("io.open", "builtins.open")
    if owner is not None and getattr(type(owner), "__module__", "") == "random":
        return f"random.{getattr(value, '__name__', '')}"
    module: str | None = getattr(value, "__module__", None)
    module = None if module is None else _PUBLIC.get(str(module), str(module))
    label = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if module is None or label is None:
        return f"{type(value).__module__}.{type(value).__qualname__}"
    return f"{module}.{label}"
