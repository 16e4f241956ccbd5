"""What an apply would do: the schedules that are declared against those that Temporal has. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from spine_temporal.definition.schedule import Schedule
from spine_temporal.operating.schedules.declared import declared, differences


class Action(StrEnum):
    """What is done about a schedule."""

    CREATE = "create"
    UPDATE = "update"
    #: It is declared nowhere, and only removed where that is asked for.
    PRUNE = "prune"


@dataclass(frozen=True, kw_only=True)
class Applied:
    """A schedule of this service as Temporal has it."""

    name: str
    schedule_id: str
    #: As it was declared when it was applied; None: somebody has replaced what it starts.
    declared: Mapping[str, str] | None
    #: Whether Temporal's times and policies are those that were applied.
    is_as_applied: bool


@dataclass(frozen=True, kw_only=True)
class Change:
    """What would be done about one schedule, and why, a line for each reason."""

    action: Action
    name: str
    reasons: tuple[str, ...]


def difference(schedules: Mapping[str, Schedule], applied: Mapping[str, Applied]) -> list[Change]:
    """Return the changes that make Temporal's schedules those that are declared, in the order of their names."""
    changes = [_change(name, schedules.get(name), applied.get(name)) for name in sorted({*schedules, *applied})]
    return [change for change in changes if change is not None]


def _change(name: str, schedule: Schedule | None, known: Applied | None) -> Change | None:
    if schedule is None:
        return Change(action=Action.PRUNE, name=name, reasons=("no module declares it",))
    if known is None:
        lines = tuple(f"{field}: {value}" for field, value in declared(schedule).items())
        return Change(action=Action.CREATE, name=name, reasons=lines)
    if known.declared is None:
        return Change(action=Action.UPDATE, name=name, reasons=("what it starts was changed in Temporal",))
    reasons = differences(known.declared, declared(schedule))
    if not known.is_as_applied:
        reasons.append("its times or policies were changed in Temporal, or it was applied by half")
    return Change(action=Action.UPDATE, name=name, reasons=tuple(reasons)) if reasons else None
