"""Names of task queues: where a workflow's runs or a pipeline's attempts ask for workers."""

from typing import Any

from spine_temporal.definition.errors import DefinitionError

#: Characters of a name, as Temporal takes it.
_LONGEST = 200


def task_queue_of(where: str, given: Any) -> str | None:
    """Return the name, None where none is given; raise ``DefinitionError`` naming ``where`` it stands."""
    if given is None:
        return None
    is_name = isinstance(given, str) and given.strip() == given and 0 < len(given) <= _LONGEST and given.isprintable()
    if not is_name or given.startswith("/_sys/"):
        raise DefinitionError(
            f"{where}: task_queue must be a name of 1 to {_LONGEST} characters, no space at its ends, not {given!r}"
        )
    name: str = given
    return name
