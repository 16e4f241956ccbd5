"""What crosses between a run and its activities: one object in, one out. Fields are only ever added.

Here are the run's beginning and end, and what all messages have in common; gates, pipelines, steps and maps have
modules of their own.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.machine.manifest_row import StageReached
from spine_temporal.machine.plan import Plan
from spine_temporal.machine.step_outcome import Kept

#: Activity types of the run's own bookkeeping. Histories remember them.
BEGIN = "spine.begin"
VERDICT = "spine.verdict"
SHOW = "spine.step"
END = "spine.end"
RESUME = "spine.resume"
HOLD = "spine.hold"
DECIDE = "spine.decide"
REMIND = "spine.remind"
IDENTIFY = "spine.identify"
WAIT_FOR = "spine.wait_for"
STEPS = "spine.steps"
STRETCH = "spine.stretch"
#: The signal by which the sender of a decision claims it.
DECIDER = "decider"
#: Workflow type of a part of a map.
MAP = "spine.map"


class Message(BaseModel):
    """What crosses Temporal as JSON."""

    # NaN and Infinity arrive as they were given, to be refused by name, and not as null.
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants", serialize_by_alias=True)


class BeginRequest(Message):
    """What a run was started with."""

    workflow: str
    workflow_id: str
    run_id: str
    started_at: datetime
    params: Any = None
    options: Any = None
    #: Whether the run was reset to before its beginning.
    was_reset: bool = False
    #: The first Temporal run of its chain of resets.
    first_run_id: str = ""
    #: When the workflow task began that asks for it.
    asked_at: datetime | None = None
    #: Whether this may have been asked before, in a workflow task that was lost.
    task_may_repeat: bool = False
    #: Whether somebody has cancelled the run before it begins.
    is_cancelled: bool = False
    #: Why the run is refused, where its start cannot be read as params and run options.
    refused: str = ""
    #: Whether another run has started it, so that its params are those of that run.
    is_child: bool = False

    @property
    def may_repeat(self) -> bool:
        """Whether the run may have begun before: as it was reset, or in a workflow task that was lost."""
        return self.was_reset or self.task_may_repeat


class ResumeRequest(Message):
    """A run that was reset, and what it is to go on from."""

    workflow: str
    workflow_id: str
    run_id: str
    started_at: datetime
    options: ResumeOptions
    first_run_id: str = ""
    asked_at: datetime | None = None


class Begun(Message):
    """What a run works with from its beginning to its end, as its history holds it."""

    plan: Plan
    run_id: str
    #: The partition's epoch, under which alone the run may write.
    epoch: int = 0
    #: The first run of those that go on from each other; empty: this run.
    lineage: str = ""
    started_at: datetime
    params: Mapping[str, Any]
    partition: Mapping[str, Any]
    force: bool = False
    is_dry_run: bool = False
    #: Whether a gate that would stop the run waits for a person.
    holds_gates: bool = False
    #: Whether the namespace knows our search attributes.
    search_attributes: bool = False
    #: Set if nothing is left to do: the result of the run that had completed this partition, or of this run itself if
    #: its end is recorded already.
    earlier: WorkflowResult | None = None
    #: Steps of an earlier run that are not done again.
    kept: Mapping[str, Kept] = Field(default_factory=dict)
    #: Set if a person has reset the run to resume it: how it is to continue. The run has not begun then.
    resume: ResumeOptions | None = None
    #: What the run's workflow code does from here on; 0: as before there were revisions.
    revision: int = 0
    #: Whether pipelines one behind another go together where they take moments: its worker can ask the gates between.
    stretches: bool = False

    def key(self, workflow_id: str, execution_run_id: str) -> RunKey:
        """Return the run's identity, as the Temporal run of that id works for it now."""
        return RunKey(
            run_id=self.run_id,
            workflow=self.plan.workflow,
            workflow_id=workflow_id,
            domain=self.plan.domain,
            partition=self.partition,
            epoch=self.epoch,
            lineage=self.lineage,
            execution="" if execution_run_id == self.run_id else execution_run_id,
        )


class Measured(Message):
    """The quality that a step measured, which is written with the next transaction of the run."""

    step: str
    round: int = 0
    quality: Mapping[str, Any]


class OfRun(Message):
    """What a run asks of an activity."""

    key: RunKey

    @model_validator(mode="before")
    @classmethod
    def _with_key(cls, given: Any) -> Any:
        """Give a key to a request that an older worker scheduled, before requests had keys."""
        if not isinstance(given, Mapping) or "key" in given:
            return given
        result, begun = given.get("result") or {}, given.get("begun") or {}
        plan = begun.get("plan") or {}
        key = {
            "run_id": given.get("run_id") or result.get("run_id") or begun.get("run_id"),
            "workflow": given.get("workflow") or result.get("workflow_name") or plan.get("workflow"),
            "workflow_id": given.get("workflow_id") or given.get("part_of") or "",
            "domain": given.get("workflow_domain") or given.get("domain") or plan.get("domain"),
            "partition": given.get("partition") or result.get("partition") or begun.get("partition") or {},
        }
        return {**given, "key": key, "is_item": bool(given.get("part_of"))}


class EndRequest(OfRun):
    """How a run ended, to be recorded."""

    #: Rank of the stage that the run ends in.
    stage_rank: int
    result: WorkflowResult
    stages: tuple[StageReached, ...] = ()
    measured: tuple[Measured, ...] = ()
    acknowledged: int = 0
    sub_runs: tuple[str, ...] = ()
    kept: Mapping[str, int] = Field(default_factory=dict)
    #: Whether the run may write nothing any more: the end that it has recorded is looked for.
    is_lost: bool = False


class Ended(Message):
    """That the run's end was recorded, or what it is to do instead."""

    resume: ResumeOptions | None = None
    #: Set if this Temporal run had recorded another end before, and the answer was lost: that end stands.
    recorded: WorkflowResult | None = None


class Recorded(Message):
    """That something was recorded; with the newer epoch, where the run had to take its partition again."""

    epoch: int | None = None


class WaitForRequest(Message):
    """Partitions of another workflow that a step waits for."""

    workflow: str
    partitions: tuple[Mapping[str, Any], ...]
    reached: str
