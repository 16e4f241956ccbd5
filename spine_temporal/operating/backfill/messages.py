"""What a backfill's workflow, its activities and its callers tell each other: plain data, which histories keep."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spine_temporal.definition.backfill import BackfillStatus
from spine_temporal.definition.errors import ParamsError

BACKFILL = "spine.backfill"
TEND = "spine.backfill.tend"
CHANGE = "spine.backfill.change"
SUMMARY = "spine.backfill.summary"

#: Runs that a backfill may have at a time.
MOST_PARALLEL = 1000
#: Temporal's priority of a backfill's runs; a run's own is 3, and 1 comes first.
PRIORITY = 5


def backfill_workflow_id(backfill_id: str) -> str:
    """Return the Temporal workflow id of a backfill."""
    return f"{BACKFILL}/{backfill_id}"


class Change(BaseModel):
    """What somebody wants of a backfill from now on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal["pause", "resume", "set", "cancel"]
    by: str = Field(default="", max_length=200)
    reason: str = Field(default="", max_length=2000)
    #: With ``set``: runs at a time.
    max_parallel: int | None = Field(default=None, ge=1, le=MOST_PARALLEL)
    #: With ``cancel``: cancel the runs too that it has started.
    runs: bool = False

    @property
    def told(self) -> str:
        """Who wants it, and why."""
        done = {"pause": "paused", "resume": "resumed", "set": "changed", "cancel": "cancelled"}[self.action]
        return f"{done} by {self.by or 'somebody'}{f': {self.reason}' if self.reason else ''}"


def change_of(action: str, given: Any) -> Change:
    """Return what an operator asks for as JSON; raise ``ParamsError`` saying what is wrong with it."""
    if not isinstance(given, Mapping | None):
        raise ParamsError(f'{action} takes a JSON object such as {{"by": "ada", "reason": "..."}}')
    try:
        change = Change.model_validate({**(given or {}), "action": action})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise ParamsError(f"{action}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from None
    if action == "set" and change.max_parallel is None:
        raise ParamsError('set: max_parallel is missing, for example {"max_parallel": 8}')
    return change


class ChangeRequest(BaseModel):
    """A change of a backfill."""

    backfill_id: str
    change: Change


class Tended(BaseModel):
    """How a backfill stands when nobody tends it any more."""

    status: BackfillStatus
    #: Whether nothing of it runs; else its worker stops, and another one is to tend it.
    is_idle: bool


class Summary(BaseModel):
    """How far a backfill has come."""

    model_config = ConfigDict(frozen=True)

    backfill_id: str
    workflow: str
    status: BackfillStatus
    total: int
    max_parallel: int
    #: How many partitions stand so, by ``BackfillPartitionStatus``.
    partitions: Mapping[str, int] = Field(default_factory=dict)
    #: How many were skipped, by ``SkipReason``.
    skipped: Mapping[str, int] = Field(default_factory=dict)
    #: How many have failed, by error category.
    failures: Mapping[str, int] = Field(default_factory=dict)
    #: Runs that have ended, per second.
    per_second: float | None = None
    #: None: not known, or nothing is left.
    seconds_left: float | None = None
    #: Who paused or cancelled it, and why.
    told: str | None = None
