"""A deadline: by when partitions of a workflow must be complete."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from spine_temporal.definition.calendar_rule import CalendarRule
from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.foreign import as_workflow
from spine_temporal.definition.schedule import DueParams, due_params
from spine_temporal.definition.workflow import Workflow


@dataclass(frozen=True, kw_only=True, eq=False)
class Deadline:
    """Says by when partitions of ``workflow`` must be complete: at each due time of ``by``, those of ``params``.

    ``params`` is a function as a ``Schedule`` has it, of the due time. A partition that is not complete by then is
    late, whether or not a run of it was ever started. Two deadlines of one workflow need ``name``. Raises
    ``DefinitionError``.
    """

    workflow: Workflow
    by: CalendarRule
    params: DueParams
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "workflow", as_workflow(self.workflow, "a deadline"))
        object.__setattr__(self, "name", self.name or self.workflow.name)
        if not isinstance(self.name, str):
            raise DefinitionError(f"deadline name {self.name!r} must be a string")
        if not isinstance(self.by, CalendarRule):
            raise DefinitionError(
                f"deadline {self.name!r}: by must be a CalendarRule, such as CalendarRule(calendar=Weekdays('Monday'), "
                f"at='12:00', time_zone='America/New_York'), not {self.by!r}"
            )
        if not callable(self.params):
            raise DefinitionError(
                f"deadline {self.name!r}: params must be a function of the due time and the calendar, not "
                f"{self.params!r}"
            )

    def params_at(self, due: datetime) -> list[dict[str, Any]]:
        """Return the params of each partition that is due then; raise ``ParamsError`` where they are none."""
        return due_params(f"deadline {self.name!r}", self.params, due.astimezone(self.by.zone), self.by.calendar)
