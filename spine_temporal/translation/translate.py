"""``translate``: the Temporal workflow class of a Spine workflow."""

import sys
from collections.abc import Sequence
from types import ModuleType

from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.foreign import as_workflow, is_known_as
from spine_temporal.definition.workflow import Workflow
from spine_temporal.translation.classes import Source, class_of
from spine_temporal.translation.snapshot import MAIN


def translate(workflow: Workflow, source: Source | None = None) -> type:
    """Return the Temporal workflow class, for any Worker that also has ``SpinePlugin``.

    The workflow may be of a real Spine's class. ``source`` says where the sandbox can import it; without it, the
    module-level name that holds it is looked for. Raises ``DefinitionError`` where there is none.
    """
    known = as_workflow(workflow, "translate()")
    return class_of(known, source or source_of(known))


def source_of(workflow: Workflow) -> Source:
    """Return where the workflow is defined; raise ``DefinitionError`` where no module has it."""
    [source] = sources_of([workflow])
    return source


def sources_of(workflows: Sequence[Workflow]) -> list[Source]:
    """Return where each is defined; the started script comes last, as others may import from it."""
    modules = sorted(sys.modules.items(), key=lambda item: item[0] == "__main__")
    # A module under another name than its own is an alias that the sandbox cannot import.
    known = [module for name, module in modules if isinstance(module, ModuleType) and module.__name__ == name]
    sources = dict[int, Source]()
    wanted = set(map(id, workflows))
    for module in known:  # a process may have a hundred thousand names: they are looked at once for all
        for name, value in list(vars(module).items()):
            if id(value) in wanted:
                sources.setdefault(id(value), _source(module, name))
    return [sources.get(id(workflow)) or _source_of_foreign(workflow, known) for workflow in workflows]


def _source_of_foreign(workflow: Workflow, modules: Sequence[ModuleType]) -> Source:
    """Return where the workflow of a real Spine is that this one was made of."""
    for module in modules:
        for name, value in list(vars(module).items()):
            if is_known_as(value, workflow):
                return _source(module, name)
    raise DefinitionError(
        f"workflow {workflow.name!r} is not at the top of any module: assign it to a module-level name, so that "
        "Temporal's sandbox can import it"
    )


def _source(module: ModuleType, attribute: str) -> Source:
    return Source(module=MAIN if module.__name__ == "__main__" else module.__name__, attribute=attribute)
