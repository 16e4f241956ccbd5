"""What crosses Temporal of a pipeline: its request, with the gates before it and the end behind it; and its answer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import AliasChoices, Field, model_validator

from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.policies import ErrorPolicy
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.machine.manifest_row import StageReached
from spine_temporal.machine.plan import PlannedLimit, PlannedRetry
from spine_temporal.machine.step_outcome import Completed
from spine_temporal.translation.gate_messages import DoorVerdicts
from spine_temporal.translation.messages import Measured, Message, OfRun


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


class FailedOnce(Message):
    """How an attempt failed within a workflow task or a group: the next one waits as long as after any other."""

    message: str
    category: str
    #: Attempts of the pipeline that have failed by now, and how many it has.
    attempts: int
    of: int
    #: Seconds after which the pipeline wants to be tried again; None: as its policy says.
    retry_after: float | None = None


class Ending(Message):
    """How a run ends with its last pipeline."""

    #: Rank of the stage that the run ends in.
    stage_rank: int
    #: What the run comes to, with nothing in the pipeline's output; it completes when the pipeline is asked for.
    result: WorkflowResult
    #: When Temporal gives the attempt up: a later one leaves the end to the run. Its worker sets it.
    until: datetime | None = None


def _written_as(json_name: str, name: str) -> Any:
    """Return a field whose JSON name is an older one than its own: histories and older workers have that."""
    return Field(default=False, validation_alias=AliasChoices(name, json_name), serialization_alias=json_name)


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
    ending: Ending | None = None

    def tried_again(self, failed: FailedOnce | None) -> "PipelineRequest":
        """Return the request of the activity that follows an attempt within a workflow task or a group."""
        more = {} if failed is None else {"failed_once": failed}
        return self.model_copy(update={"was_tried_locally": True, "is_brief": False, **more})

    def number(self, attempt: int) -> int:
        """Return which attempt of the pipeline it is that Temporal counts as this one of its activity.

        The first one of an activity that waits after an earlier failure runs nothing.
        """
        return attempt + (self.was_tried_locally and self.failed_once is None)


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
