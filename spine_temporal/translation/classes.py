"""Where Temporal's sandbox finds the translated classes: ``from spine_temporal.translation.classes import NAME``.

The sandbox imports a workflow class by module and name for every instance. This module is passed through, so that
importing it costs nothing; the attribute is then made from the user's own module, which the sandbox loads itself and
so keeps its guard on the gates.
"""

import re
from dataclasses import dataclass
from typing import Any

from temporalio import workflow as temporal

from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.pipeline import registration_paused
from spine_temporal.definition.workflow import Workflow
from spine_temporal.translation.definition import SpineWorkflow


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


def __getattr__(name: str) -> Any:
    source = _sources.get(name)
    if source is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if not temporal.unsafe.in_sandbox():
        return _classes[name][1]
    # The builtin and not importlib: the sandbox replaces the builtin.
    with registration_paused():
        module = __import__(source.module, fromlist=["_"])
    workflow = _found(module, source.attribute)
    if not isinstance(workflow, Workflow):
        raise DefinitionError(f"{source.module}.{source.attribute} is no Workflow any more")
    return _build(workflow, name)


def _found(module: Any, attribute: str) -> Any:
    name, *steps = attribute.split(":")
    found = getattr(module, name)
    for step in steps:
        found = getattr(found.step(step), "workflow", None)
    return found


def _build(workflow: Workflow, name: str) -> type:
    async def run(self: SpineWorkflow, params: Any = None, options: Any = None, *extra: Any) -> Any:
        return await self.drive(params, options, extra)

    # Temporal wants `run` to belong to the class that it finds it on.
    run.__module__, run.__qualname__ = __name__, f"{name}.run"
    namespace = {
        "__module__": __name__,
        "__qualname__": name,
        "__doc__": workflow.description or None,
        "spine": workflow,
        "run": temporal.run(run),
    }
    cls = type(name, (SpineWorkflow,), namespace)
    # A workflow task that fails for ever is worse than a run that fails: whatever is raised ends the run.
    return temporal.defn(name=workflow.name, failure_exception_types=[Exception])(cls)
