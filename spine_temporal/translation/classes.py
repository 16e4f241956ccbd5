"""Where Temporal's sandbox finds the translated classes: ``from spine_temporal.translation.classes import NAME``.

The class is the same one for every run; its gates are those of the user's own module, which is loaded anew for each
run, so that no run sees what another has left in a global. Temporal's own sandbox, which imports a class by module and
name, finds it here too.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from temporalio import workflow as temporal

from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.foreign import native
from spine_temporal.definition.foreign_registry import heed_pauses
from spine_temporal.definition.pipeline import registration_paused
from spine_temporal.definition.workflow import Workflow
from spine_temporal.translation import snapshot
from spine_temporal.translation.spine_workflow import SpineWorkflow
from spine_temporal.translation.undiverged import UndivergedError


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a workflow is defined: a module and the name it has there.

    A workflow that only a step of another has is ``NAME:step``.
    """

    module: str
    attribute: str

    @property
    def class_name(self) -> str:
        """The name of the translated class: an identifier that is the source's own."""
        return re.sub(r"\W", "_", f"{self.module}__{self.attribute}")


_sources: dict[str, Source] = {}
_classes: dict[str, tuple[Workflow, type]] = {}


def class_of(workflow: Workflow, source: Source) -> type:
    """Return the Temporal workflow class of a definition, the same one each time."""
    name = source.class_name
    known = _classes.get(name)
    if known is None or known[0] is not workflow:
        _sources[name] = source
        known = _classes[name] = (workflow, _build(workflow, name))
    return known[1]


def replayed_class_of(workflow: Workflow, source: Source) -> type:
    """Return the class for a Replayer: where the run diverges from its history, it is told so.

    A worker's class ends such a run, and a Replayer would wait for that end for ever.
    """
    class_of(workflow, source)  # its sandbox and its gates are found under that name
    return _build(workflow, source.class_name, failures=UndivergedError)


def __getattr__(name: str) -> Any:
    if name not in _sources:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if temporal.unsafe.in_sandbox():
        load(_sources[name])  # here, and not when the run asks for it
    return _classes[name][1]


def source_of(class_name: str) -> Source:
    """Return where a translated class has its definition."""
    return _sources[class_name]


def load(source: Source) -> Workflow:
    """Return the workflow of a source; in a sandbox, as the sandbox loads it."""
    # The builtin and not importlib: a sandbox replaces the builtin.
    heed_pauses()
    with registration_paused():
        snapshot.load_main(source.module)
        module = __import__(source.module, fromlist=["_"])
    workflow = _found(module, source.attribute)
    if not isinstance(workflow, Workflow):
        raise DefinitionError(f"{source.module}.{source.attribute} is no Workflow any more")
    return workflow


def _definition_of(name: str) -> Workflow:
    """Return the workflow of a class; in Temporal's own sandbox as that loads it."""
    return load(_sources[name]) if temporal.unsafe.in_sandbox() else _classes[name][0]


def _found(module: Any, attribute: str) -> Any:
    name, *steps = attribute.split(":")
    found: Any = native(getattr(module, name))
    for step in steps:
        found = getattr(found.step(step), "workflow", None)
    return found


def _build(workflow: Workflow, name: str, failures: type[Exception] = Exception) -> type:
    async def run(self: SpineWorkflow, params: Any = None, options: Any = None, *extra: Any) -> Any:
        return await self.drive(params, options, extra)

    # Temporal wants `run` to belong to the class that it finds it on.
    run.__module__, run.__qualname__ = __name__, f"{name}.run"
    namespace = {
        "__module__": __name__,
        "__qualname__": name,
        "__doc__": workflow.description or None,
        "spine": cached_property(lambda _instance: _definition_of(name)),
        "run": temporal.run(run),
    }
    cls = type(name, (SpineWorkflow,), namespace)
    # A workflow task that fails for ever is worse than a run that fails: whatever is raised ends the run.
    return temporal.defn(name=workflow.name, failure_exception_types=[failures])(cls)
