"""How a step ended: one class for each of the four ways."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.run_result import Decision, ItemCounts

#: Key of a choice's output that holds what its condition answered.
CONDITION = "condition"


class _Ended(BaseModel):
    model_config = ConfigDict(frozen=True)

    step: str
    attempt: int = 1
    started_at: datetime | None = None
    completed_at: datetime | None = None
    #: How a person overruled the gate.
    decision: Decision | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took; None where that is not known."""
        if self.started_at is None or self.completed_at is None:
            return None
        return (self.completed_at - self.started_at).total_seconds()


class Completed(_Ended):
    """The step was done."""

    output: Mapping[str, Any] = Field(default_factory=dict)
    #: Where a gate sends the run.
    next_step: str | None = None
    #: What a gate has measured.
    quality: Mapping[str, Any] | None = None
    #: The earlier run that did this step.
    kept_from: str | None = None
    #: How a map's items ended.
    items: ItemCounts | None = None

    def refused(self, error: str, category: str) -> "Failed":
        """Return the outcome of a step that fails after all, as what it asks for cannot be."""
        given = self.model_dump(exclude={"kept_from"}, exclude_unset=True)
        return Failed(**given | {"error": error, "category": category})


class Failed(_Ended):
    """The step failed; a gate may have given an output, a route and a quality all the same."""

    error: str
    category: str = ErrorCategory.INTERNAL.value
    #: The user's frames, where the user's code raised; a pipeline's is in the ledger.
    traceback: str | None = None
    output: Mapping[str, Any] = Field(default_factory=dict)
    next_step: str | None = None
    quality: Mapping[str, Any] | None = None
    items: ItemCounts | None = None

    def waived(self, decision: Decision, at: datetime) -> Completed:
        """Return the outcome of a gate that a person lets pass."""
        left = self.model_dump(exclude={"error", "category", "traceback"}, exclude_unset=True)
        return Completed(**left | {"decision": decision, "completed_at": at})


class Skipped(_Ended):
    """A person has left the step out."""

    attempt: int = 0
    #: Why.
    skip_reason: str
    #: The run that it was left out of first.
    kept_from: str | None = None


class Cancelled(_Ended):
    """The step was stopped before its end, as one beside it failed."""


StepOutcome = Completed | Failed | Skipped | Cancelled
#: What code answers that is asked.
Answered = Completed | Failed


def _case_of(kept: Any) -> str:
    """Return which of the two a kept step is, as histories have it."""
    given = kept.get("skip_reason") if isinstance(kept, Mapping) else getattr(kept, "skip_reason", None)
    return "completed" if given is None else "skipped"


#: A step of an earlier run that is not done again.
Kept = Annotated[Annotated[Completed, Tag("completed")] | Annotated[Skipped, Tag("skipped")], Discriminator(_case_of)]
