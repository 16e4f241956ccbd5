"""Checks modules: imports them as a worker does, one by one, and applies the rules to those that can be."""

import importlib.util
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from spine_temporal.checks.check_settings import KEY, CheckSettings
from spine_temporal.checks.linter import Report, check
from spine_temporal.checks.loaded import ImportFailure, Loaded
from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.project import Project, current_folder, find_project, make_importable
from spine_temporal.runtime.modules import attempted_modules
from spine_temporal.settings import Settings


def check_modules(
    targets: Sequence[str], settings: Settings, recorded: Mapping[str, frozenset[str]] | None = None
) -> Report:
    """Check modules, files and folders, or those of the settings where none is named.

    ``recorded`` has the keys that pipelines have given in runs, by their names.
    The modules of the settings are loaded in any case, for the pipelines that they register. Raises ``SpineError`` for
    a target or a setting that is wrong, and ``DefinitionError`` for a module that does not exist.
    """
    project = find_project(current_folder())
    chosen = check_settings(project)
    make_importable(settings.project)
    names = [name for target in targets for name in _module_names(target, settings)]
    wanted = _loaded(names or settings.modules)
    others = _loaded(settings.modules) if names else []
    modules = [each for each in wanted if isinstance(each, ModuleType)]
    if not wanted:
        raise SpineError(
            f"there is nothing to check: none of the modules {', '.join(settings.modules)} is here",
            ErrorCategory.CONFIGURATION,
            advice="name modules or files, or go to the folder of your project",
        )
    loaded = Loaded(
        modules=modules,
        others=[each for each in others if isinstance(each, ModuleType) and each not in modules],
        failures=_failures([*wanted, *others]),
    )
    return check(loaded, chosen, None if project is None else project.folder, recorded)


def check_settings(project: Project | None) -> CheckSettings:
    """Return the project's settings of the check. Raises ``SpineError``."""
    if project is None or KEY not in project.settings:
        return CheckSettings()
    return CheckSettings.of(project.settings[KEY], project.where)


def _loaded(names: Iterable[str]) -> list[ModuleType | ImportFailure]:
    found: list[ModuleType | ImportFailure] = []
    for name, outcome in attempted_modules(names):
        if isinstance(outcome, BaseException):
            found.append(ImportFailure(name=name, error=outcome))
        elif outcome not in found:
            found.append(outcome)
    return found


def _failures(loaded: Sequence[ModuleType | ImportFailure]) -> list[ImportFailure]:
    failures = {each.name: each for each in loaded if isinstance(each, ImportFailure)}
    return list(failures.values())


def _module_names(target: str, settings: Settings) -> list[str]:
    """Return the modules that a target means: a dotted name as it is, of a file or a folder what it is imported as."""
    path = Path(target)
    if not (target.endswith(".py") or os.sep in target or path.is_dir()):
        _require(_is_module(target), f"module {target!r}")
        return [target]
    _require(path.exists(), f"file or folder {target!r}")
    return [_name_of(path.resolve(), settings)]


def _require(there: bool, what: str) -> None:
    if not there:
        advice = "name a module, a .py file or a folder of modules"
        raise SpineError(f"there is no {what}", ErrorCategory.CONFIGURATION, advice=advice)


def _is_module(name: str) -> bool:
    """Return whether a module can be found; where its package cannot be imported, the import says so."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError as error:
        return not f"{name}.".startswith(f"{error.name}.")
    except Exception:  # noqa: BLE001 - the package is the user's, and may raise anything
        return True


def _name_of(path: Path, settings: Settings) -> str:
    """Return the name that a file is imported by, below where Python imports from; else the file itself."""
    for folder in [settings.project, Path.cwd(), *map(Path, sys.path)]:
        if folder is None or not path.is_relative_to(folder.resolve()):
            continue
        parts = path.relative_to(folder.resolve()).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1:] == ("__init__",) else parts)
        if parts and all(part.isidentifier() for part in parts) and _is_at(name, path):
            return name
    return str(path)


def _is_at(name: str, path: Path) -> bool:
    """Return whether importing the name gives that file or folder."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return False
    if spec is None:
        return False
    places = [spec.origin, *(spec.submodule_search_locations or ())]
    return any(place and Path(place).resolve() == path for place in places)
