"""A run's result, as the runner, the CLI and Temporal return it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

#: Key of what stands in a result for an output that was too large for it.
OMITTED = "omitted"


class WorkflowStatus(StrEnum):
    """How a run stands."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    #: Completed, with failures of steps whose ``on_error`` is CONTINUE.
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class StepStatus(StrEnum):
    """How a step of a run stands."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    #: Its branch was not taken, or a gate routed past it.
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"
    #: A gate that has failed and waits for a person.
    HELD = "HELD"


class Decision(BaseModel):
    """What was decided of a held gate, by whom and why."""

    model_config = ConfigDict(frozen=True)

    #: ``waive``, ``retry`` or ``abort``.
    action: str
    by: str
    reason: str
    #: With retry: the step to run again from.
    start_from: str | None = None
    at: datetime | None = None
    #: What a waiver rests on.
    evidence: str | None = None
    #: Whether ``by`` is who Temporal knows the sender to be; else it is what the sender has told.
    is_verified: bool = False
    #: The update that brought it, and the digest of what it said, by which Temporal knows its sender.
    update_id: str | None = None
    digest: str | None = None
    #: The second person's, where a gate asks for one.
    second: "Decision | None" = None

    def __str__(self) -> str:
        done = {"waive": "waived", "retry": "checked again", "abort": "aborted"}[self.action]
        people = self.by if self.second is None else f"{self.by} and {self.second.by}"
        return f"{done} by {people}: {self.reason}"


class ItemCounts(BaseModel):
    """How far a map has come."""

    model_config = ConfigDict(frozen=True)

    total: int
    completed: int = 0
    failed: int = 0


class StepExecution(BaseModel):
    """One step of one run; durations in seconds."""

    model_config = ConfigDict(frozen=True)

    step_name: str
    step_type: str
    status: StepStatus
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration_seconds: float | None = None
    attempt: int = 0
    error: str | None = None
    error_category: str | None = None
    #: Where its code raised: the user's frames. A pipeline's is in the ledger, ``core_executions``.
    traceback: str | None = None
    #: Where a gate sent the run.
    next_step: str | None = None
    #: The earlier run that did this step; its output is kept.
    kept_from: str | None = None
    #: Why a person left the step out.
    reason: str | None = None
    #: How a person overruled a gate.
    decision: Decision | None = None
    #: How many items a map has, and how they ended.
    items: ItemCounts | None = None

    def changed(self, **values: Any) -> "StepExecution":
        """Return it with other values; those that are None count as not set, so that no message tells them."""
        changed = self.model_copy(update=values)
        changed.model_fields_set.difference_update(name for name, value in values.items() if value is None)
        return changed


class WorkflowResult(BaseModel):
    """How a run ended, or how far it is; ``outputs`` by step name."""

    model_config = ConfigDict(frozen=True)

    workflow_name: str
    run_id: str
    status: WorkflowStatus
    started_at: datetime
    completed_at: datetime | None = None
    duration_seconds: float | None = None
    partition: Mapping[str, Any] = Field(default_factory=dict)
    completed_steps: list[str] = Field(default_factory=list)
    skipped_steps: list[str] = Field(default_factory=list)
    failed_steps: list[str] = Field(default_factory=list)
    step_executions: list[StepExecution] = Field(default_factory=list)
    error_step: str | None = None
    error: str | None = None
    error_category: str | None = None
    outputs: Mapping[str, Any] = Field(default_factory=dict)
    is_dry_run: bool = False
    #: Whether an earlier run had completed the partition, whose result this is: nothing was done.
    reused: bool = False
