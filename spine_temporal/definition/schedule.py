"""A schedule: when runs of a workflow start by themselves, and on which partitions."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from spine_temporal.definition.calendar import Calendar
from spine_temporal.definition.calendar_rule import CalendarRule, zone_of
from spine_temporal.definition.errors import DefinitionError, ParamsError
from spine_temporal.definition.foreign import as_workflow
from spine_temporal.definition.workflow import Workflow

#: Params of one run, or of several, as a pure function of the scheduled time and the calendar (None: a cron has none).
DueParams = Callable[[datetime, Any], Mapping[str, Any] | Sequence[Mapping[str, Any]]]

#: Runs that one scheduled time may start.
MAX_RUNS = 1000
#: Temporal makes up for nothing shorter.
LEAST_CATCH_UP = timedelta(seconds=10)
#: A time of a cron is known again by its minute, which a jitter must not leave.
CRON_JITTER = timedelta(minutes=1)

#: How the names of the product's own schedules begin.
OWN = "spine."

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}")
_CRON = re.compile(r"@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[\w*/,\-?]+( [\w*/,\-?]+){4}")


class Overlap(StrEnum):
    """What becomes of a scheduled time whose predecessor's runs have not ended."""

    #: Both work: each has partitions of its own.
    ALLOW_ALL = "allow_all"
    #: It is left out.
    SKIP = "skip"
    #: It waits, and only the newest one does.
    BUFFER_ONE = "buffer_one"
    #: It waits its turn; Temporal bounds how many do.
    BUFFER_ALL = "buffer_all"
    #: It starts when the runs before it have been cancelled.
    CANCEL_OTHER = "cancel_other"
    #: It starts at once, and the runs before it are terminated: they do nothing more, not even an ``on_cancel``.
    TERMINATE_OTHER = "terminate_other"


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """Starts runs of ``workflow`` at the times of ``cron``, or on the days of ``calendar`` at ``at``.

    ``params`` gives the params of the run, or a list of them, from the scheduled time (aware, in ``time_zone``) and the
    calendar; what is scheduled is therefore a partition, and the same time always means the same one. ``catch_up`` is
    how far back times are made up that passed while Temporal was away; there is no default. ``jitter`` delays each
    start by up to as much. ``paused``: it is made paused. Raises ``DefinitionError``.
    """

    name: str
    workflow: Workflow
    params: DueParams
    cron: str | None = None
    calendar: Calendar | None = None
    at: str | None = None
    time_zone: str = "UTC"
    overlap: Overlap | str = Overlap.ALLOW_ALL
    catch_up: timedelta | None = None
    jitter: timedelta = timedelta(0)
    paused: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise DefinitionError(
                f"schedule name {self.name!r} must be 1 to 200 letters, digits, '_', '.' or '-', and begin with a "
                "letter, digit or '_'"
            )
        if self.name.startswith(OWN):
            raise DefinitionError(f"schedule name {self.name!r} must not begin with {OWN!r}, as the product's own do")
        object.__setattr__(self, "workflow", as_workflow(self.workflow, f"schedule {self.name!r}"))
        try:
            self._check_times()
            self._check_policies()
        except DefinitionError as error:
            raise DefinitionError(f"schedule {self.name!r}: {error}") from None

    @property
    def rule(self) -> CalendarRule | None:
        """When it is due; None: a cron says that, which Temporal reads."""
        if self.calendar is None or self.at is None:
            return None
        return CalendarRule(calendar=self.calendar, at=self.at, time_zone=self.time_zone)

    def params_at(self, moment: datetime) -> list[dict[str, Any]]:
        """Return the params of each run that the scheduled time starts; raise ``ParamsError`` where they are none."""
        local = moment.astimezone(zone_of(self.time_zone))
        return due_params(f"schedule {self.name!r}", self.params, local, self.calendar)

    def _check_times(self) -> None:
        if not callable(self.params):
            raise DefinitionError(
                f"params must be a function of the scheduled time and the calendar, not {self.params!r}"
            )
        if (self.cron is None) == (self.calendar is None):
            raise DefinitionError("give either cron, or calendar with at")
        if self.cron is not None:
            self._check_cron(self.cron)
        elif self.at is None:
            raise DefinitionError("a calendar needs at, the time of the day, such as at='06:05'")
        _ = self.rule

    def _check_cron(self, cron: object) -> None:
        if not isinstance(cron, str) or not _CRON.fullmatch(cron):
            raise DefinitionError(
                f"cron must have five fields, such as '0 6 * * MON', or be like '@daily', not {cron!r}"
            )
        if self.at is not None:
            raise DefinitionError("at belongs to a calendar: a cron has its time of the day in itself")
        zone_of(self.time_zone)
        if isinstance(self.jitter, timedelta) and self.jitter >= CRON_JITTER:
            raise DefinitionError(
                f"jitter {self.jitter} is too long for a cron, whose times are told apart by the minute: give less "
                "than a minute, or a calendar"
            )

    def _check_policies(self) -> None:
        if self.overlap not in list(Overlap):
            raise DefinitionError(f"overlap must be one of {', '.join(Overlap)}, not {self.overlap!r}")
        object.__setattr__(self, "overlap", Overlap(self.overlap))
        if not isinstance(self.catch_up, timedelta) or self.catch_up < LEAST_CATCH_UP:
            raise DefinitionError(
                "catch_up must say how far back missed times are made up, from 10 seconds, such as "
                f"catch_up=timedelta(days=7), not {self.catch_up!r}: Temporal's own default is a year"
            )
        if not isinstance(self.jitter, timedelta) or self.jitter < timedelta(0):
            raise DefinitionError(f"jitter must be a timedelta from 0, not {self.jitter!r}")
        if not isinstance(self.paused, bool):
            raise DefinitionError(f"paused must be True or False, not {self.paused!r}")


def due_params(whose: str, code: DueParams, moment: datetime, calendar: Calendar | None) -> list[dict[str, Any]]:
    """Return what the user's function gives for a moment, as a list; raise ``ParamsError`` for what is no params."""
    given: Any = code(moment, calendar)
    found = [given] if isinstance(given, Mapping) else given
    if not isinstance(found, list | tuple) or not all(isinstance(one, Mapping) for one in found):
        raise ParamsError(f"{whose}: params({moment.isoformat()}) must give a mapping or a list of them, not {given!r}")
    if len(found) > MAX_RUNS:
        raise ParamsError(
            f"{whose}: params({moment.isoformat()}) gives {len(found):,} runs, over the limit of {MAX_RUNS:,}: start "
            "them with `spine-temporal backfill`"
        )
    return [dict(one) for one in found]
