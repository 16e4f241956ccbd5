"""What crosses Temporal of brief steps that one activity does."""

from collections.abc import Mapping

from pydantic import Field

from spine_temporal.machine.step_outcome import Failed
from spine_temporal.translation.messages import FailedOnce, Message, OfRun, PipelineRequest, StepDone


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
