"""What a process of its own does for a revision: load the project from its folder, and print a workflow's version."""

import contextlib
import json
import sys
from pathlib import Path

from spine_temporal.client.versions import version_of
from spine_temporal.definition.errors import DefinitionError, SpineError
from spine_temporal.drawing.version import Version
from spine_temporal.runtime.definitions import Definitions, load_definitions
from spine_temporal.runtime.references import load_referenced, reference_of
from spine_temporal.settings import Settings


def version_in(folder: Path, name: str, label: str) -> Version:
    """Load the project of the current folder; raise ``DefinitionError`` where it takes modules from elsewhere."""
    settings = Settings.from_environment()
    reference = reference_of(name)
    if reference is None:
        definitions = load_definitions(settings.modules)
    else:
        definitions, name = load_referenced(settings.modules, reference), reference.workflow.name
    _require_inside(definitions, folder)
    return version_of(definitions, name, label)


def _require_inside(definitions: Definitions, folder: Path) -> None:
    """Refuse modules of another place: they are installed, and not as they were at the revision."""
    for workflow, source in definitions.workflows.values():
        file = getattr(sys.modules.get(source.module), "__file__", None)
        if file is not None and not Path(file).resolve().is_relative_to(folder):
            raise DefinitionError(
                f"workflow {workflow.name!r} was loaded from {file}, which is not the revision's: name modules of this "
                "repository in spine.toml, and not installed ones"
            )


def main() -> int:
    """Print the version as JSON on the last line, or why there is none."""
    asked = json.loads(sys.argv[1])
    sys.path[:0] = asked["paths"]
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what modules print is no part of the answer
            version = version_in(Path(asked["folder"]), asked["name"], asked["revision"])
    except (DefinitionError, SpineError) as error:
        sys.stdout.write(f"\n{json.dumps({'error': str(error)})}")
        return 0
    sys.stdout.write(f"\n{json.dumps({'version': version.model_dump(mode='json')})}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
