"""Where a map finds its items: a param, or a path into the output of a step."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: Head of a path that names a param.
PARAMS = "params"


@dataclass(frozen=True, kw_only=True)
class ItemsPath:
    """A path in parts; no step: its first key is a param."""

    step: str | None
    keys: tuple[str, ...]


def items_path(path: str, steps: Iterable[str]) -> ItemsPath | None:
    """Return what the path names, given the names of the steps (which may have dots); None: it names no step."""
    if "." not in path:
        return ItemsPath(step=None, keys=(path,))
    head, _, rest = path.partition(".")
    if head == PARAMS:
        return ItemsPath(step=None, keys=tuple(rest.split(".")))
    for name in sorted(steps, key=len, reverse=True):
        if path.startswith(f"{name}."):
            return ItemsPath(step=name, keys=tuple(path[len(name) + 1 :].split(".")))
    return None


def found_items(path: ItemsPath, params: Mapping[str, Any], outputs: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """Return the list at the path; raise ``ValueError`` saying what is there instead."""
    value: Any = params if path.step is None else outputs.get(path.step)
    where = "params" if path.step is None else f"the output of {path.step!r}"
    for key in path.keys:
        if not isinstance(value, Mapping) or key not in value:
            raise ValueError(f"{where} has no {'.'.join(path.keys)!r}, so there are no items")
        value = value[key]
    if not isinstance(value, list | tuple):
        raise ValueError(  # noqa: TRY004 - the caller takes one kind
            f"{'.'.join(path.keys)!r} in {where} is a {type(value).__name__} and no list of items"
        )
    return list(value)
