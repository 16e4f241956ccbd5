"""What a schedule's workflow is asked, and what it answers. Fields are only ever added."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

#: Workflow type of what a schedule starts, and the type of its activity. Histories remember them.
SCHEDULED = "spine.scheduled"
DUE = "spine.due"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class ScheduledRequest(_Message):
    """The argument of ``spine.scheduled``, which is also where a schedule keeps what it was applied as."""

    schedule: str
    #: The times that are due, in order; empty: the one at which Temporal's schedule has fired.
    times: tuple[datetime, ...] = ()
    #: How the runs of the times before have ended, where this continues another.
    ended: Mapping[str, int] = Field(default_factory=dict)
    #: The schedule as it was declared when it was applied, field by field.
    declared: Mapping[str, str] = Field(default_factory=dict)
    #: A digest of what Temporal made of it; empty: it was applied by half.
    described: str = ""


class DueRequest(_Message):
    """Which runs of a schedule are due at a time."""

    schedule: str
    at: datetime
    #: Whether Temporal's schedule has fired, which it also does on days that are none of the calendar.
    fired: bool


class DueRun(_Message):
    """A run that is due."""

    workflow: str
    workflow_id: str
    params: Mapping[str, Any]
    fingerprint: str
    #: Where it asks for workers; None: where its schedule does.
    task_queue: str | None = None
    #: Whether another run of the id may begin once one has completed; the partition then says what is left to do.
    again: bool


class Due(_Message):
    """The runs that are due."""

    #: The scheduled time, from which the params were made.
    at: datetime
    runs: tuple[DueRun, ...] = ()
    #: Why there are none.
    note: str = ""


class ScheduledResult(_Message):
    """How many runs have ended how."""

    #: By outcome: ``COMPLETED``, ``already completed``, ``joined``, or a failure's category.
    ended: Mapping[str, int]
    #: Why none was due.
    note: str = ""
