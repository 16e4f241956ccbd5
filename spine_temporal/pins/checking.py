"""Compare the pins of a folder with the workflows that the code has."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from spine_temporal.definition.workflow import Workflow
from spine_temporal.pins.changes import Change, Effect, Names, changes_of, gone
from spine_temporal.pins.pin import file_of, pin_of, read_pin


def checked_pins(
    folder: Path,
    names: Iterable[str],
    workflows: Mapping[str, Workflow],
    pipelines: Collection[str],
    *,
    is_all: bool,
) -> dict[str, list[Change]]:
    """Return the changes of each of these workflows that differs from its pin.

    ``is_all``: they are all that there are, so that a pin of any other is of a workflow that is gone.
    """
    known = Names(pipelines=pipelines, workflows=workflows)
    changed = {name: _changes(folder, workflows[name], known) for name in names}
    if is_all:
        changed |= {path.stem: [gone(path.stem)] for path in folder.glob("*.json") if path.stem not in workflows}
    return {name: changes for name, changes in changed.items() if changes}


def _changes(folder: Path, workflow: Workflow, known: Names) -> list[Change]:
    path = file_of(folder, workflow.name)
    if not path.exists():
        return [Change(step=None, what="it is not pinned", effect=Effect.NONE, meaning=f"there is no {path}")]
    return changes_of(read_pin(path), pin_of(workflow), known)
