"""The source that a worker started with, which each of its runs loads, even if a file has changed since.

A worker takes it once, when its definitions are loaded. The sandbox then finds the service's own modules here; those
of the standard library and of installed packages, it finds as ever.
"""

import hashlib
import importlib.util
import marshal
import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from temporalio import workflow as temporal

#: Under this name the sandbox loads the script that the process was started with.
MAIN = "__temporal_main__"

#: Passed through the sandbox, which never looks for them: we ourselves, and Spine's names, ours or a real Spine's.
#: Never all of ``spine``: a user's own ``spine.domains`` has gates.
PASSED_THROUGH = ("spine_temporal", "spine.core", "spine.framework", "spine.orchestration")


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """A module as it was: its code, and where it came from."""

    name: str
    path: str
    #: Where a package's modules are; None: it is no package.
    locations: tuple[str, ...] | None
    code: CodeType
    #: SHA-256 of its source; a process that was given it has no use for that.
    digest: str = ""

    def spec(self) -> ModuleSpec:
        """Return a spec that loads it."""
        locations = None if self.locations is None else list(self.locations)
        loader = _Loader(self.name, self.path, self.code)
        spec = importlib.util.spec_from_file_location(
            self.name, self.path, loader=loader, submodule_search_locations=locations
        )
        assert spec is not None  # noqa: S101 - it has a loader
        return spec


class _Loader(SourceFileLoader):
    """Gives the code that was kept, and does not look at the file."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return self._code


class _Finder(MetaPathFinder):
    """Finds what is kept: for the sandbox; in a process that was given its snapshot, for every import."""

    def __init__(self) -> None:
        self.kept: dict[str, _Kept] = {}
        self.always = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        kept = self.kept.get(fullname) if self.always or temporal.unsafe.in_sandbox() else None
        return None if kept is None else kept.spec()


_finder = _Finder()


def take() -> None:
    """Keep the source of the service's modules as it is now, for all workers of this process."""
    _finder.kept = {kept.name: kept for kept in _modules()}
    _install()


def packed() -> bytes:
    """Return what is kept, for a process that this one starts, with the same Python."""
    return marshal.dumps({kept.name: (kept.path, kept.locations, kept.code) for kept in _finder.kept.values()})


def restore(data: bytes) -> None:
    """Let every import of this process find what another has kept; to be called before it loads any of it."""
    kept = marshal.loads(data)  # noqa: S302 - from the process that has started this one
    _finder.kept = {
        name: _Kept(name=name, path=path, locations=locations, code=code)
        for name, (path, locations, code) in kept.items()
    }
    _finder.always = True
    _install()


def load_main(module: str) -> None:
    """Load the started script as it was, where that is the module: Temporal reads its file, and asks no finder."""
    kept = _finder.kept.get(module)
    if module != MAIN or kept is None or module in sys.modules:
        return
    spec = kept.spec()
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[module] = loaded
    try:
        exec(kept.code, vars(loaded))  # noqa: S102 - as an import does
    except BaseException:
        del sys.modules[module]
        raise


def load_script(name: str) -> bool:
    """Load the script that another process was started with as it was, as the main module; False where none is kept."""
    kept = _finder.kept.get(MAIN)
    if kept is None:
        return False
    loaded = ModuleType(name)
    loaded.__file__ = kept.path
    sys.modules["__main__"] = sys.modules[name] = loaded
    exec(kept.code, vars(loaded))  # noqa: S102 - as an import does
    return True


def kept_modules() -> tuple[str, ...]:
    """Return the names of the modules whose source is kept."""
    return tuple(_finder.kept)


def build_id() -> str:
    """Return what changes with the code: with a module whose source is kept, and with what is installed.

    Temporal's own reads every module that is loaded, for a third of a second of the event loop's.
    """
    installed = {entry.name for folder in sys.path for entry in Path(folder).glob("*.dist-info")}
    told = [*sorted(installed), *sorted(f"{kept.name} {kept.digest}" for kept in _finder.kept.values())]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]


def user_files() -> dict[str, Path]:
    """Return the files of the service's own modules that this process has loaded, by module."""
    return {name: Path(spec.origin or "") for name, spec in _user_modules()}


def _install() -> None:
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def _modules() -> Iterator[_Kept]:
    for name, spec in _user_modules():
        locations = spec.submodule_search_locations
        yield from _kept(name, spec.origin or "", None if locations is None else tuple(locations))
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if main is not None and main.endswith(".py"):
        yield from _kept(MAIN, main, None)


def _kept(name: str, path: str, locations: tuple[str, ...] | None) -> Iterator[_Kept]:
    """Give the module; nothing where its file cannot be read just now: the sandbox will say so."""
    try:
        source = Path(path).read_bytes()
        code = compile(source, path, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return
    yield _Kept(name=name, path=path, locations=locations, code=code, digest=hashlib.sha256(source).hexdigest())


def _user_modules() -> Iterator[tuple[str, ModuleSpec]]:
    """Give the specs of modules that were loaded from source, and are neither Python's nor an installed package's."""
    paths = sysconfig.get_paths()
    installed = tuple(os.path.realpath(paths[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if spec is None or type(spec.loader) is not SourceFileLoader or _is_passed_through(name):
            continue
        if spec.name == name and not _real(spec.origin or "").startswith(installed):
            yield name, spec


def _real(file: str) -> str:
    """Return a file's path without links; a thousand modules are in some hundred folders."""
    folder, name = os.path.split(file)
    return os.path.realpath(file) if os.path.islink(file) else os.path.join(_real_folder(folder), name)


@cache
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def _is_passed_through(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in PASSED_THROUGH)
