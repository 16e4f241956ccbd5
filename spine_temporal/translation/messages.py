"""What crosses between workflow code and activities: one object in, one out. Fields are only ever added."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.policies import ErrorPolicy
from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.run_result import Decision, WorkflowResult
from spine_temporal.machine.manifest_row import StageReached
from spine_temporal.machine.plan import Plan, PlannedLimit, PlannedRetry
from spine_temporal.machine.step_outcome import Answered, Completed, Failed, Kept

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


def _written_as(json_name: str, name: str) -> Any:
    """Return a field whose JSON name is an older one than its own: histories and older workers have that."""
    return Field(default=False, validation_alias=AliasChoices(name, json_name), serialization_alias=json_name)


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
    #: Why the run is refused, where its start cannot be read as params and run options.
    refused: str = ""
    #: Whether another run has started it, so that its params are those of that run.
    is_child: bool = False


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


class Verdict(Message):
    """What the code of a step has answered, to be recorded and given back as it was."""

    step: str
    output: Mapping[str, Any] = Field(default_factory=dict)
    #: Why the step failed; None: it has not.
    error: str | None = None
    category: str | None = None
    #: The user's frames, where the user's code raised.
    traceback: str | None = None
    next_step: str | None = None
    quality: Mapping[str, Any] | None = None
    #: The code is not in this process; it is asked again where it is.
    missing: bool = False
    #: Asked by a run that was reset: the run in whose history the step stands.
    reset_of: str | None = None
    #: The answer: how a person who reset the run wants it to continue.
    resume: ResumeOptions | None = None

    @classmethod
    def of(cls, step: str, answered: Answered | None, *, reset_of: str | None = None) -> "Verdict":
        """Return the verdict; ``answered``: None where the code is not in this process."""
        told = {"missing": True} if answered is None else answered.model_dump(exclude_unset=True)
        given: dict[str, Any] = {"step": step} | {name: value for name, value in told.items() if value is not None}
        return cls(**given if reset_of is None else given | {"reset_of": reset_of})

    @property
    def failed(self) -> bool:
        """Whether the step failed."""
        return self.error is not None

    @property
    def outcome(self) -> Answered:
        """How the step has ended by it."""
        if self.error is None:
            return Completed(step=self.step, output=self.output, next_step=self.next_step, quality=self.quality)
        return Failed(
            step=self.step,
            error=self.error,
            category=self.category or ErrorCategory.INTERNAL.value,
            traceback=self.traceback,
            output=self.output,
            next_step=self.next_step,
            quality=self.quality,
        )


class DoorVerdicts(Message):
    """What the gates right before a pipeline have answered, as its activity was told and tells the run."""

    verdicts: tuple[Verdict, ...]
    #: Whether the pipeline may run. A door that is not open has as its last verdict the one that keeps it shut.
    is_open: bool = True


class StepDone(Completed):
    """What a pipeline's activity answers: that the step is done, or with ``resume`` that it was left undone."""

    #: How the person who reset the run wants it to continue.
    resume: ResumeOptions | None = None
    #: Set where the run had to take its partition again: the newer epoch.
    epoch: int | None = None
    #: What the gates before the pipeline had answered, whose verdicts came with the request.
    door: DoorVerdicts | None = None
    #: Whether the run has ended with the step, in its transaction.
    is_end: bool = False
    #: Whether an earlier attempt had done it.
    is_found: bool = False


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


class FailedOnce(Message):
    """How an attempt failed within a workflow task or a group: the next one waits as long as after any other."""

    message: str
    category: str
    #: Attempts of the pipeline that have failed by now, and how many it has.
    attempts: int
    of: int
    #: Seconds after which the pipeline wants to be tried again; None: as its policy says.
    retry_after: float | None = None


class PipelineRequest(OfRun):
    """One pipeline step to run."""

    step: str
    pipeline: str
    stage: str
    stage_rank: int
    params: Mapping[str, Any]
    retry: PlannedRetry
    on_error: ErrorPolicy
    timeout: float
    heartbeat_timeout: float
    #: Bytes that an attempt may take; None: the default.
    memory: int | None = None
    limit: PlannedLimit | None = None
    stages: tuple[StageReached, ...] = ()
    measured: tuple[Measured, ...] = ()
    #: How many times a person has sent the run back to this step.
    round: int = 0
    #: Whether it is an item of a map, which reaches no stage.
    is_item: bool = False
    #: Whether an attempt within a workflow task came before, and may live on.
    was_tried_locally: bool = _written_as("again", "was_tried_locally")
    #: How that attempt has failed; None: it has not, or it was not counted.
    failed_once: FailedOnce | None = None
    #: Whether the workflow task that a local attempt runs in may have been begun before, on a worker that is gone.
    task_may_repeat: bool = _written_as("repeated", "task_may_repeat")
    #: Whether it is tried where it may not take long, within a workflow task or in a group of items; in a process.
    is_brief: bool = False
    #: How many completed executions of the run its history holds; one that a decision has sent back counts twice. A
    #: database that knows of fewer was restored to an earlier state.
    acknowledged: int = 0
    #: The runs of sub-workflows whose end the history holds.
    sub_runs: tuple[str, ...] = ()
    #: How many executions of other runs of its lineage the history has taken as the run's own, by run.
    kept: Mapping[str, int] = Field(default_factory=dict)
    #: What the gates before the pipeline have answered; all of them let it run.
    door: DoorVerdicts | None = None
    #: How the run ends if the pipeline succeeds: its transaction then ends the run. None: the run goes on.
    ending: "Ending | None" = None

    def tried_again(self, failed: FailedOnce | None) -> "PipelineRequest":
        """Return the request of the activity that follows an attempt within a workflow task or a group."""
        more = {} if failed is None else {"failed_once": failed}
        return self.model_copy(update={"was_tried_locally": True, "is_brief": False, **more})

    def number(self, attempt: int) -> int:
        """Return which attempt of the pipeline it is that Temporal counts as this one of its activity.

        The first one of an activity that waits after an earlier failure runs nothing.
        """
        return attempt + (self.was_tried_locally and self.failed_once is None)


class Ending(Message):
    """How a run ends with its last pipeline."""

    #: Rank of the stage that the run ends in.
    stage_rank: int
    #: What the run comes to, with nothing in the pipeline's output; it completes when the pipeline is asked for.
    result: WorkflowResult
    #: When Temporal gives the attempt up: a later one leaves the end to the run. Its worker sets it.
    until: datetime | None = None


class ShutDoor(OfRun):
    """A pipeline that is not to run, as a gate before it does not let the run pass.

    It lacks what every pipeline request has: a worker that knows no doors cannot read it, and so does not run it.
    """

    step: str
    door: DoorVerdicts

    @model_validator(mode="after")
    def _is_shut(self) -> "ShutDoor":
        """Refuse the request of an open door that this worker cannot read: another one runs the pipeline."""
        if self.door.is_open:
            raise ValueError("the door is open, so this is the request of a pipeline, of a form that is not known here")
        return self


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


class HoldRequest(OfRun):
    """A gate that is held; with a decision, a gate that was held and has been decided of."""

    step: str
    round: int
    error: str
    category: str
    decision: Decision | None = None
    #: Who decides, and what a waiver needs, in words; empty: anybody, by a word.
    asks: str = ""
    #: What first people have decided of a gate that asks for a second one, in order.
    proposals: tuple[Decision, ...] = ()
    #: That the hold makes itself heard (``AlarmKind``), after so many seconds.
    alarm: str | None = None
    waited: float = 0
    #: Steps that the decision sends the run back to, whose outputs hold no longer; each with its last round.
    sent_back: Mapping[str, int] = Field(default_factory=dict)
    measured: tuple[Measured, ...] = ()
    acknowledged: int = 0
    sub_runs: tuple[str, ...] = ()
    kept: Mapping[str, int] = Field(default_factory=dict)


class Claimed(Message):
    """Whose event tells who has sent an update: its id, and the digest of what it decides."""

    update_id: str
    digest: str


class IdentifyRequest(Claimed):
    """A decision whose sender is asked for, and until when that one waits, in seconds since 1970."""

    until: float | None = None


class Identified(Message):
    """Who Temporal knows the sender to be; None: it knows nobody."""

    name: str | None = None
    #: Whether the sender waits no longer, and was told that the decision is void.
    is_late: bool = False


class Recorded(Message):
    """That something was recorded; with the newer epoch, where the run had to take its partition again."""

    epoch: int | None = None


class WaitForRequest(Message):
    """Partitions of another workflow that a step waits for."""

    workflow: str
    partitions: tuple[Mapping[str, Any], ...]
    reached: str
