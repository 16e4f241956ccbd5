"""Schedules and deadlines among the loaded modules, and what a worker refuses of them."""

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import TypeVar

from spine_temporal.checks import find_nondeterminism
from spine_temporal.definition.deadline import Deadline
from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.schedule import Schedule
from spine_temporal.definition.workflow import Workflow

Timed = TypeVar("Timed", Schedule, Deadline)


def timed_by_name(kind: type[Timed], modules: Iterable[ModuleType]) -> dict[str, Timed]:
    """Return those that stand at the top of the modules, by name; raise ``DefinitionError`` for two of one name."""
    found: dict[str, Timed] = {}
    for module in modules:
        for value in list(vars(module).values()):
            if isinstance(value, kind) and found.setdefault(value.name, value) is not value:
                raise DefinitionError(
                    f"{_what(value)} is declared twice, a second time in {module.__name__}: give one another name"
                )
    return found


def check_timed(workflows: Mapping[str, Workflow], timed: Iterable[Schedule | Deadline]) -> None:
    """Raise ``DefinitionError`` for a workflow that the modules lack, and for params that are not pure."""
    for each in timed:
        if workflows.get(each.workflow.name) is not each.workflow:
            raise DefinitionError(
                f"{_what(each)} is of workflow {each.workflow.name!r}, which no loaded module has: add the module "
                "that defines it to the settings' modules"
            )
        for finding in find_nondeterminism(each.params):
            raise DefinitionError(
                f"params of {_what(each)} call {finding.call} ({finding.where}), which {finding.why}: make them of "
                "the time that they are given"
            )


def _what(timed: Schedule | Deadline) -> str:
    return f"{'schedule' if isinstance(timed, Schedule) else 'deadline'} {timed.name!r}"
