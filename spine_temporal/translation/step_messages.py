"""What crosses Temporal of steps that one activity does: those beside each other, and those of a stretch."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from spine_temporal.definition.run_result import StepExecution
from spine_temporal.machine.manifest_row import StageReached
from spine_temporal.machine.step_outcome import Failed
from spine_temporal.translation.gate_messages import DoorVerdicts
from spine_temporal.translation.messages import Begun, Measured, Message, OfRun
from spine_temporal.translation.pipeline_messages import FailedOnce, PipelineRequest, StepDone


class StepsRequest(OfRun):
    """Brief steps that one activity does, one after the other, each in a transaction of its own."""

    #: Their names.
    step: str
    steps: tuple[PipelineRequest, ...]


class StepsDone(Message):
    """How far they have come, by step; what is in no field has not begun."""

    done: Mapping[str, StepDone] = Field(default_factory=dict)
    failed: Mapping[str, Failed] = Field(default_factory=dict)
    #: Those that are to be tried again.
    again: tuple[str, ...] = ()
    #: How those have failed whose attempt was counted.
    failed_once: Mapping[str, FailedOnce] = Field(default_factory=dict)


class StretchRequest(OfRun):
    """Pipelines one behind another, with the gates between them, as far as they go within the workflow task."""

    #: The step that comes next: a pipeline, or a gate before one.
    step: str
    begun: Begun
    #: Where the run stands.
    executions: tuple[StepExecution, ...] = ()
    outputs: Mapping[str, Mapping[str, object]] = Field(default_factory=dict)
    rounds: Mapping[str, int] = Field(default_factory=dict)
    #: What the first pipeline's request has of these.
    stages: tuple[StageReached, ...] = ()
    measured: tuple[Measured, ...] = ()
    acknowledged: int = 0
    sub_runs: tuple[str, ...] = ()
    task_may_repeat: bool = False


class Link(Message):
    """A pipeline of a stretch, and the gates that have let the run pass to it."""

    #: None: there is no gate.
    door: DoorVerdicts | None = None
    #: When the gates were asked, and when the pipeline had ended for the run.
    asked_at: datetime
    ended_at: datetime
    done: StepDone | None = None
    failed: Failed | None = None

    @property
    def outcome(self) -> StepDone | Failed:
        """How the pipeline ended."""
        outcome = self.done or self.failed
        assert outcome is not None  # noqa: S101 - one of the two is there
        return outcome

    @property
    def is_written(self) -> bool:
        """Whether the pipeline's transaction has written what rode with its request."""
        return self.done is not None and self.done.kept_from is None


class StretchDone(Message):
    """How far a stretch has come; the run goes on from there as ever."""

    links: tuple[Link, ...] = ()
    #: The pipeline behind these that is to be tried again, as an activity; and its failure, where that was counted.
    again: str | None = None
    failed_once: FailedOnce | None = None
    #: The pipeline behind these that was stopped, as the run was cancelled or its worker ends.
    stopped: str | None = None


class BegunAhead(Begun):
    """What begins a run, and how far the run has come with it."""

    went: StretchDone | None = None

    @classmethod
    def of(cls, begun: Begun, went: StretchDone) -> "BegunAhead":
        """Return both; what was not set stays so."""
        return cls(**{name: getattr(begun, name) for name in begun.model_fields_set}, went=went)
