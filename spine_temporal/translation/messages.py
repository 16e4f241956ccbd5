"""What crosses between workflow code and activities: one object in, one out. Fields are only ever added."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from spine_temporal.definition.outcome import Decision, WorkflowResult
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.policies import ErrorPolicy
from spine_temporal.machine.fan import ItemOutcome
from spine_temporal.machine.plan import Plan, PlannedMap, PlannedRetry
from spine_temporal.machine.step_outcome import StepOutcome

#: Activity types of the run's own bookkeeping. Histories remember them.
BEGIN = "spine.begin"
VERDICT = "spine.verdict"
END = "spine.end"
RESUME = "spine.resume"
HOLD = "spine.hold"
DECIDE = "spine.decide"
WAIT_FOR = "spine.wait_for"
#: Workflow type of a part of a map.
MAP = "spine.map"


class _Message(BaseModel):
    # NaN and Infinity arrive as they were given, to be refused by name, and not as null.
    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")


class BeginRequest(_Message):
    """What a run was started with."""

    workflow: str
    workflow_id: str
    run_id: str
    started_at: datetime
    params: Any = None
    options: Any = None
    #: Whether the run was reset to before its beginning.
    was_reset: bool = False


class ResumeRequest(_Message):
    """A run that was reset, and what it is to go on from."""

    workflow: str
    workflow_id: str
    run_id: str
    started_at: datetime
    options: ResumeOptions


class Begun(_Message):
    """What a run works with from its beginning to its end."""

    plan: Plan
    run_id: str
    started_at: datetime
    params: Mapping[str, Any]
    partition: Mapping[str, Any]
    force: bool = False
    is_dry_run: bool = False
    #: Whether a gate that would stop the run waits for a person.
    holds_gates: bool = False
    #: Whether the namespace knows our search attributes.
    search_attributes: bool = False
    #: The result of the run that completed this partition before; nothing is left to do.
    earlier: WorkflowResult | None = None
    #: Steps of an earlier run that are not done again.
    kept: Mapping[str, StepOutcome] = Field(default_factory=dict)
    #: The run whose completed items of maps are not done again.
    items_of: str | None = None
    #: How a person wants the run to go on, which was reset for it; nothing has begun.
    resume: ResumeOptions | None = None


class StageReached(_Message):
    """A manifest row that is written with the next transaction of the run."""

    stage: str
    stage_rank: int
    row_count: int | None = None
    metrics: Mapping[str, Any] = Field(default_factory=dict)
    execution_id: str | None = None
    batch_id: str | None = None


class Measured(_Message):
    """The quality that a step measured, which is written with the next transaction of the run."""

    step: str
    round: int = 0
    quality: Mapping[str, Any]


class PipelineRequest(_Message):
    """One pipeline step to run."""

    workflow: str
    domain: str
    run_id: str
    step: str
    pipeline: str
    stage: str
    stage_rank: int
    params: Mapping[str, Any]
    partition: Mapping[str, Any]
    retry: PlannedRetry
    on_error: ErrorPolicy
    timeout: float
    heartbeat_timeout: float
    stages: tuple[StageReached, ...] = ()
    measured: tuple[Measured, ...] = ()
    #: How often a person has sent the run back to this step.
    round: int = 0
    #: The workflow id of the run, where a part of its map asks; such an execution reaches no stage.
    part_of: str | None = None
    #: Whether an attempt within a workflow task came before, and may live on.
    again: bool = False
    #: The run whose output is taken over where it has done the same, with the same params.
    earlier: str | None = None


class EndRequest(_Message):
    """How a run ended, to be recorded."""

    domain: str
    workflow_domain: str
    workflow_id: str
    #: Rank of the stage that the run ends in.
    stage_rank: int
    result: WorkflowResult
    stages: tuple[StageReached, ...] = ()
    measured: tuple[Measured, ...] = ()


class Ended(_Message):
    """That the run's end was recorded, or what it is to do instead."""

    resume: ResumeOptions | None = None


class HoldRequest(_Message):
    """A gate that is held, or with a decision: is not any more."""

    workflow: str
    workflow_domain: str
    workflow_id: str
    run_id: str
    partition: Mapping[str, Any]
    step: str
    round: int
    error: str
    category: str
    decision: Decision | None = None
    #: Steps that the decision sends the run back to: their outputs hold no longer.
    sent_back: tuple[str, ...] = ()
    measured: tuple[Measured, ...] = ()


class WaitForRequest(_Message):
    """Partitions of another workflow that a step waits for."""

    workflow: str
    partitions: tuple[Mapping[str, Any], ...]
    reached: str


class BatchRequest(_Message):
    """A part of a map: some of its items, in order."""

    step: PlannedMap
    #: The map's run, without its plan.
    begun: Begun
    workflow_id: str
    first: int
    items: tuple[Any, ...]
    #: Failures that are still borne; None: any number.
    tolerated: int | None = None
    round: int = 0


class BatchResult(_Message):
    """How its items ended, by position in the whole map."""

    outcomes: dict[int, ItemOutcome]
