"""What a fork server loads before it forks: the modules that a worker has its definitions from."""

import importlib
import logging
import multiprocessing.spawn
import os
import sys
import traceback
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict

from spine_temporal.definition.errors import DefinitionError
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.foreign_pipelines import known_pipelines
from spine_temporal.translation import snapshot

_log = logging.getLogger(__name__)

_MAIN = frozenset({"__main__", "__mp_main__", "__temporal_main__"})


class Loading(BaseModel):
    """What to load, and from where."""

    model_config = ConfigDict(frozen=True)

    path: list[str]
    arguments: list[str]
    #: What the workflows need: a worker that cannot load it does not start.
    modules: list[str]
    pipelines: list[str]
    #: What else is registered, for runs in flight that began with another plan.
    others: list[str] = []
    #: How to load the script that the worker was started with, where definitions are in it.
    main: dict[str, Any] = {}
    #: The source that the worker started with, as hexadecimal digits.
    source: str = ""

    @classmethod
    def of(cls, definitions: Definitions) -> "Loading":
        """Return what another process must load to have what this one has."""
        pipelines = sorted(definitions.named_pipelines & set(definitions.pipelines))
        needed = [
            *definitions.modules,
            *(definitions.pipelines[name].__module__ for name in pipelines),
            *(source.module for _, source in definitions.workflows.values()),
        ]
        others = [pipeline.__module__ for pipeline in definitions.pipelines.values()]
        return cls(
            path=sys.path,
            arguments=sys.argv,
            modules=[name for name in dict.fromkeys(needed) if name not in _MAIN],
            pipelines=pipelines,
            others=[name for name in dict.fromkeys(others) if name not in {*_MAIN, *needed}],
            main=_main() if _MAIN.intersection([*needed, *others]) else {},
            source=snapshot.packed().hex(),
        )


class Loaded(BaseModel):
    """Whether loading succeeded, and why not."""

    model_config = ConfigDict(frozen=True)

    #: Why it failed; empty: it did not.
    error: str = ""
    log: str = ""
    #: Whether it started threads, so that each process must load for itself.
    has_threads: bool = False


_is_loading = False


def load(loading: Loading) -> Loaded:
    """Load the modules; never raises, as it runs in a process whose errors nobody would see."""
    global _is_loading  # noqa: PLW0603 - one process loads once
    sys.path[:] = loading.path
    sys.argv[:] = loading.arguments
    _is_loading = True
    snapshot.restore(bytes.fromhex(loading.source))
    try:
        if loading.main:
            multiprocessing.spawn.prepare({"dir": loading.main["dir"]})
            if not snapshot.load_script("__mp_main__"):
                multiprocessing.spawn.prepare(loading.main)
        for name in loading.modules:
            importlib.import_module(name)
        _require(loading.pipelines)
        for name in loading.others:
            _import_if_possible(name)
    except DefinitionError as error:
        return Loaded(error=str(error))
    except BaseException as error:  # noqa: BLE001 - modules are the user's; whatever they raise is told
        return Loaded(error=f"{type(error).__name__}: {error}", log=traceback.format_exc())
    finally:
        _is_loading = False
    return Loaded()


def refuse_while_loading(what: str) -> None:
    """Raise ``DefinitionError`` where a module runs workflows as it is loaded, instead of when it is started."""
    if _is_loading:
        raise DefinitionError(
            f"{what} is called as the script is loaded, which each process of the worker does: put it under "
            '`if __name__ == "__main__":`'
        )


def _import_if_possible(name: str) -> None:
    try:
        importlib.import_module(name)
    except BaseException:  # noqa: BLE001 - as above
        _log.warning("module %r, of a pipeline that no workflow here names, cannot be loaded", name, exc_info=True)


def _require(pipelines: Iterable[str]) -> None:
    missing = sorted(set(pipelines) - set(known_pipelines()))
    if missing:
        raise DefinitionError(
            f"the pipelines {', '.join(missing)} are not registered by loading their modules: put @register_pipeline "
            'at the top of a module, not into a function or under `if __name__ == "__main__":`'
        )


def _main() -> dict[str, Any]:
    """Return how the standard library has a new process load the script of this one."""
    data = multiprocessing.spawn.get_preparation_data("spine-temporal")
    found = {name: data[name] for name in ("init_main_from_name", "init_main_from_path") if name in data}
    if "init_main_from_name" not in found and not os.path.isfile(found.get("init_main_from_path", "")):
        raise DefinitionError(
            "what is defined at a prompt or in a notebook cannot be loaded by the processes of the worker: put it into "
            "a module"
        )
    return found | {"dir": os.getcwd()}
