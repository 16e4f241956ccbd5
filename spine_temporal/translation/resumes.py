"""How a run that was reset finds out whether a person wants it to go on otherwise.

Whoever resumes a run writes the request to Postgres, resets the run, and sends it a signal. Most runs meet the request
before the signal, as every activity of a run that was reset looks for one; a run that waits, for a time or a person,
has none under way, and asks when the signal comes.
"""

from spine_temporal.definition.params import ResumeOptions
from spine_temporal.translation import calls
from spine_temporal.translation.messages import VERDICT, Verdict


class Resumes:
    """What a run knows of the requests to resume it."""

    def __init__(self) -> None:
        #: How a person wants the run to go on otherwise; None: nobody does.
        self.wanted: ResumeOptions | None = None
        #: How many signals have come, without those after which the run asked and found no request; and how many
        #: requests the run has acted on.
        self._signals = 0
        self._taken = 0

    def signal(self) -> None:
        """Take in a signal."""
        self._signals += 1

    @property
    def is_signalled(self) -> bool:
        """Whether a signal has come that the run has not acted on: it has neither followed a request nor found none."""
        return self._signals > self._taken

    @property
    def is_pending(self) -> bool:
        """Whether the run may be about to go on otherwise."""
        return self.is_signalled or self.wanted is not None

    async def ask(self, run_id: str) -> bool:
        """Ask whether a person wants the run of that id to go on otherwise; return whether so."""
        question = Verdict(step="", reset_of=run_id)
        signals = self._signals
        try:
            answer: Verdict = await calls.record_patiently(VERDICT, question, Verdict, "ask how to go on")
            self.wanted = answer.resume
        finally:
            if self.wanted is None:
                self._signals += self._taken - signals
        return self.wanted is not None

    def take(self) -> None:
        """Note that the run acts on the request that ``wanted`` holds."""
        self._taken += 1

    def done(self) -> None:
        """Note that the run has begun again, so that nothing is wanted any more."""
        self.wanted = None
