"""A workflow that is named by where it is: ``path/to/file.py:NAME`` or ``package.module:NAME``."""

import importlib.util
import re
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType

from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.foreign import native
from spine_temporal.definition.names import did_you_mean
from spine_temporal.definition.workflow import Workflow
from spine_temporal.project import make_importable
from spine_temporal.runtime.definitions import Definitions, definitions_of, load_definitions
from spine_temporal.runtime.modules import imported_module

_REFERENCE = re.compile(r"(?P<module>.+?\.py|[^\W\d]\w*(?:\.[^\W\d]\w*)*):(?P<attribute>[^\W\d]\w*)(?P<rest>/.*)?")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A module, by its name or as a file, and what a workflow is called in it."""

    module: str
    attribute: str

    def __str__(self) -> str:
        return f"{self.module}:{self.attribute}"

    @property
    def workflow(self) -> Workflow:
        """The workflow; raises ``DefinitionError`` where there is no such module, or no such workflow in it."""
        make_importable(None)
        if not self.is_file and not self.is_there:
            raise DefinitionError(f"there is no module {self.module!r}: name one that can be imported, or a .py file")
        module = imported_module(self.module)
        found = native(vars(module).get(self.attribute))
        if found is None:
            names = _workflows_of(module)
            has = f"it has {', '.join(names)}" if names else "it has none at its top"
            hint = did_you_mean(self.attribute, names)
            raise DefinitionError(f"{self.module} has no workflow {self.attribute!r}: {has}{hint}")
        return found

    @property
    def is_file(self) -> bool:
        """Whether the module is named as a file."""
        return self.module.endswith(".py")

    @property
    def is_there(self) -> bool:
        """Whether Python finds the module by its name."""
        try:
            return importlib.util.find_spec(self.module) is not None
        except (ModuleNotFoundError, ValueError):
            return False
        except Exception:  # noqa: BLE001 - a package above it is the user's; what importing it raises is told then
            return True


def reference_of(text: str) -> Reference | None:
    """Return what a text names by its place; None where it has another form, as a workflow's name has."""
    found = _REFERENCE.fullmatch(text)
    if found is None or found["rest"]:
        return None
    return Reference(module=found["module"], attribute=found["attribute"])


def name_of(text: str) -> str:
    """Return the name of the workflow that a text names, by its place or by its name."""
    reference = reference_of(text)
    return text if reference is None or not _is_one(reference) else reference.workflow.name


def split_id(text: str) -> tuple[Reference | None, str]:
    """Return a workflow id that opens with a workflow's place with its name instead, and the place.

    An id of any other form is returned as it is. Raises ``DefinitionError`` as ``Reference.workflow`` does.
    """
    found = _REFERENCE.fullmatch(text)
    reference = None if found is None else Reference(module=found["module"], attribute=found["attribute"])
    if found is None or reference is None or not _is_one(reference):
        return None, text
    return reference, f"{reference.workflow.name}{found['rest'] or ''}"


def load_referenced(modules: Iterable[str], reference: Reference) -> Definitions:
    """Return the definitions of one workflow alone, with the pipelines that it and the modules register."""
    load_definitions(modules)
    return definitions_of([reference.workflow])


def _is_one(reference: Reference) -> bool:
    """Return whether a text means a place: a workflow's name may have a colon too, and is no module's."""
    make_importable(None)
    return reference.is_file or reference.is_there


def _workflows_of(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if native(value) is not None]
