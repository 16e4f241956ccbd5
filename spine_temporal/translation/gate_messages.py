"""What crosses Temporal of gates: their verdicts, those that are held, and the decisions of these."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.run_result import Decision
from spine_temporal.machine.step_outcome import Answered, Completed, Failed
from spine_temporal.translation.messages import Measured, Message, OfRun


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
    #: Whether other steps of the run may work while the gate waits.
    is_beside: bool = False
    #: Whether the run ends by the decision, and does nothing more before.
    only_ends: bool = False
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
