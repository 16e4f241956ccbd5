"""``translate``: the Temporal workflow class of a Spine workflow."""

import sys
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
    """Return where the workflow is defined; the started script comes last, as others may import from it."""
    modules = sorted(sys.modules.items(), key=lambda item: item[0] == "__main__")
    for name, module in modules:
        # A module under another name than its own is an alias that the sandbox cannot import.
        if isinstance(module, ModuleType) and module.__name__ == name:
            attribute = _name_in(module, workflow)
            if attribute is not None:
                return Source(module=MAIN if name == "__main__" else name, attribute=attribute)
    raise DefinitionError(
        f"workflow {workflow.name!r} is not at the top of any module: assign it to a module-level name, so that "
        "Temporal's sandbox can import it"
    )


def _name_in(module: ModuleType, workflow: Workflow) -> str | None:
    for name, value in list(vars(module).items()):
        if is_known_as(value, workflow):
            return name
    return None
