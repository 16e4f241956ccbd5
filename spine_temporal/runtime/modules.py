"""The modules that the settings name, with everything below them. Loads neither Temporal nor Postgres itself."""

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Iterator
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
        modules += [_required(below) for below in _names_below(root)]
    return modules


def imported_module(name: str) -> ModuleType:
    """Import one module, by its name or as a ``.py`` file, and return it. Raises ``DefinitionError``."""
    return _script(Path(name)) if name.endswith(".py") else _required(name)


def attempted_modules(names: Iterable[str]) -> Iterator[tuple[str, ModuleType | BaseException]]:
    """Import the modules one by one, and yield each, or what it raised.

    Raises ``DefinitionError`` for a module that is not there.
    """
    make_importable(None)
    for name in names:
        if name.endswith(".py"):
            yield _attempt_script(Path(name))
        elif not _is_absent(name):
            yield from _attempt_all(name)


def _attempt_all(name: str) -> Iterator[tuple[str, ModuleType | BaseException]]:
    root = _attempt(name)[1]
    yield name, root
    if isinstance(root, ModuleType):
        yield from (_attempt(below) for below in _names_below(root))


def _attempt(name: str) -> tuple[str, ModuleType | BaseException]:
    try:
        return name, importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and is_missing(name, error):
            raise import_refusal(name, error) from error
        return name, error


def _attempt_script(path: Path) -> tuple[str, ModuleType | BaseException]:
    known = _loaded_from(path.resolve())
    if known is not None:
        return known.__name__, known
    name, found = _attempt(_importable_script(path))
    if isinstance(found, ModuleType):
        _require_from(path, found)
    return name, found


def _names_below(package: ModuleType) -> Iterator[str]:
    """Yield the names of what is below a package; Python also imports from folders without an ``__init__.py``."""
    for location in map(Path, getattr(package, "__path__", ())):
        for folder in (location, *_plain_folders(location)):
            prefix = ".".join((package.__name__, *folder.relative_to(location).parts, ""))
            below = pkgutil.walk_packages([str(folder)], prefix)
            yield from (info.name for info in below if ".migrations" not in info.name)


def _plain_folders(location: Path) -> Iterator[Path]:
    """Yield the folders below that are packages without a file that says so."""
    for folder in sorted(location.rglob("*")):
        importable = all(part.isidentifier() for part in folder.relative_to(location).parts)
        if importable and folder.is_dir() and not (folder / "__init__.py").exists():
            yield folder


def _imported(name: str) -> ModuleType | None:
    """Import a module; one of the default packages may be absent."""
    return None if _is_absent(name) else _required(name)


def _is_absent(name: str) -> bool:
    from spine_temporal.settings import Settings  # noqa: PLC0415 - only the defaults' names are asked

    return name in Settings().modules and importlib.util.find_spec(name) is None


def _required(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except DefinitionError as error:
        raise DefinitionError(f"module {name!r}: {error}") from error
    except Exception as error:
        raise import_refusal(name, error) from error


def import_refusal(name: str, error: Exception) -> DefinitionError:
    """Return what is told of a module that cannot be imported: that there is none, or what it raises."""
    if is_missing(name, error):
        return DefinitionError(f"there is no module {name!r}: correct SPINE_MODULES, or modules in spine.toml")
    return DefinitionError(f"module {name!r} cannot be imported: {describe(error)}")


def is_missing(name: str, error: Exception) -> bool:
    """Return whether the import of a module failed because there is none."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return bool(missing) and f"{name}.".startswith(f"{missing}.")


def _script(path: Path) -> ModuleType:
    known = _loaded_from(path.resolve())
    if known is not None:
        return known
    module = _required(_importable_script(path))
    _require_from(path, module)
    return module


def _importable_script(path: Path) -> str:
    """Let a file be imported, and return the name of its module."""
    if not path.is_file():
        raise DefinitionError(f"module file {str(path)!r} does not exist")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return path.stem


def _require_from(path: Path, module: ModuleType) -> None:
    """Refuse a file that has the name of another module."""
    if _file_of(module) != path.resolve():
        raise DefinitionError(
            f"module file {str(path)!r} has the name of another module, {module.__name__!r} ({_file_of(module)}): "
            "rename the file"
        )


def _loaded_from(file: Path) -> ModuleType | None:
    """Return the module that the file was loaded as, maybe as a part of a package; never the started program."""
    modules = [module for name, module in list(sys.modules.items()) if not name.startswith("__")]
    return next((module for module in modules if _file_of(module) == file), None)


def _file_of(module: ModuleType) -> Path | None:
    given = getattr(module, "__file__", None)
    return Path(given).resolve() if isinstance(given, str) else None
