"""The commands of the service's domains: each ``commands.py`` in its packages that has an ``app``."""

import importlib
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer

from spine_temporal.definition.errors import DefinitionError
from spine_temporal.project import make_importable
from spine_temporal.runtime.modules import import_refusal
from spine_temporal.settings import Settings


def add_service_commands(to: typer.Typer) -> None:
    """Add them. Raises ``SpineError`` for settings, and ``DefinitionError`` for modules, that cannot be read."""
    settings = Settings.from_environment()
    make_importable(settings.project)
    for name in _modules(settings.modules):
        try:
            to.add_typer(importlib.import_module(name).app)
        except Exception as error:
            raise DefinitionError(f"the commands of {name!r} cannot be loaded: {_words(error)}") from error


def _modules(packages: Iterable[str]) -> Iterator[str]:
    for package in packages:
        for folder in _folders(package):
            for path in sorted(folder.glob("**/commands.py")):
                yield ".".join((package, *path.relative_to(folder).with_suffix("").parts))


def _folders(package: str) -> list[Path]:
    if package.endswith(".py"):
        return []
    try:
        spec = importlib.util.find_spec(package)
    except Exception as error:
        raise import_refusal(package, error) from error
    return [Path(location) for location in (spec.submodule_search_locations or [])] if spec else []


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
