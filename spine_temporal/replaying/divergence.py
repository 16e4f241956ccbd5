"""Where a replay leaves its history: the step, what the history has, and what the code asks for instead."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from spine_temporal.replaying.asked import Asked


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """How the code leaves a history."""

    #: None where the history tells none.
    step: str | None
    #: The event of the history that the code does not lead to; None: the history has no more.
    event: int | None
    #: What the history has there.
    recorded: str
    #: What the code asks for instead.
    asked: str
    #: What Temporal's SDK says.
    reason: str

    def __str__(self) -> str:
        """Say it in a sentence."""
        where = f"at step {self.step!r}, " if self.step else ""
        event = f"event {self.event}: " if self.event is not None else "after the last event: "
        return f"{where}{event}the history has {self.recorded}, and the code asks for {self.asked} instead"


def divergence_of(recorded: Sequence[Asked], asked: Sequence[Asked], reason: str) -> Divergence:
    """Return where the two part; without a difference in what is asked, the last that the history has."""
    pairs = list(zip_longest(recorded, asked))
    had, now = next((pair for pair in pairs if not _same(*pair)), pairs[-1] if pairs else (None, None))
    step = had.step if had else now.step if now else None
    return Divergence(
        step=step,
        event=had.event if had else None,
        recorded=str(had) if had else "nothing more",
        asked=str(now) if now else "nothing",
        reason=reason,
    )


def _same(recorded: Asked | None, asked: Asked | None) -> bool:
    return recorded is not None and asked is not None and recorded.is_as(asked)
