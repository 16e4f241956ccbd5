"""How one step ended: what an activity returns for a pipeline, and what is recorded as a gate's verdict."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.run_result import Decision, ItemCounts

#: Key of a choice's output that holds what its condition answered.
CONDITION = "condition"


class StepOutcome(BaseModel):
    """How one step ended. Failed where ``error`` is set."""

    model_config = ConfigDict(frozen=True)

    step: str
    output: Mapping[str, Any] = Field(default_factory=dict)
    error: str | None = None
    category: str | None = None
    #: The user's frames, where the user's code raised; a pipeline's is in the ledger.
    traceback: str | None = None
    next_step: str | None = None
    quality: Mapping[str, Any] | None = None
    attempt: int = 1
    started_at: datetime | None = None
    completed_at: datetime | None = None
    #: The earlier run that did this step.
    kept_from: str | None = None
    #: Set where a person left the step out: why.
    skip_reason: str | None = None
    #: Set by a run that was reset, to ask whether a person wants it to go on otherwise: the run that it continues.
    reset_of: str | None = None
    #: The answer to that question, where a person does want it; the step was then not done.
    resume: ResumeOptions | None = None
    #: The code that a step needs is not in this process; ask again where it is.
    missing: bool = False
    #: The step was stopped before its end, as one beside it failed.
    cancelled: bool = False
    #: How a person overruled the gate.
    decision: Decision | None = None
    #: How a map's items ended.
    items: ItemCounts | None = None
    #: Set where the run had to take its partition again: the newer epoch.
    epoch: int | None = None

    @property
    def failed(self) -> bool:
        """Whether the step failed."""
        return self.error is not None
