"""The modules that the settings name, with everything below them. Loads neither Temporal nor Postgres itself."""

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.faults import describe
from spine_temporal.project import make_importable


def imported_modules(names: Iterable[str]) -> list[ModuleType]:
    """Import the modules and return them. Raises ``DefinitionError``."""
    make_importable(None)
    modules: list[ModuleType] = []
    for name in names:
        root = _script(Path(name)) if name.endswith(".py") else _imported(name)
        if root is None:
            continue
        modules.append(root)
        paths = getattr(root, "__path__", None)
        if paths is not None:
            below = pkgutil.walk_packages(paths, f"{root.__name__}.")
            modules += [_required(info.name) for info in below if ".migrations" not in info.name]
    return modules


def _imported(name: str) -> ModuleType | None:
    """Import a module; one of the default packages may be absent."""
    from spine_temporal.settings import Settings  # noqa: PLC0415 - only the defaults' names are asked

    if name in Settings().modules and importlib.util.find_spec(name) is None:
        return None
    return _required(name)


def _required(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except DefinitionError as error:
        raise DefinitionError(f"module {name!r}: {error}") from error
    except Exception as error:
        raise DefinitionError(f"module {name!r} cannot be imported: {describe(error)}") from error


def _script(path: Path) -> ModuleType:
    if not path.is_file():
        raise DefinitionError(f"module file {str(path)!r} does not exist")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return _required(path.stem)
