"""How a run that was reset finds out whether a person wants it to go on otherwise.

Whoever resumes a run writes the request to Postgres, resets the run, and sends it a signal. Most runs meet the request
before the signal, as every activity of a run that was reset looks for one; a run that waits, for a time or a person,
has none under way, and asks when the signal comes.
"""

from spine_temporal.definition.params import ResumeOptions
from spine_temporal.translation import bookkeeping
from spine_temporal.translation.gate_messages import Verdict
from spine_temporal.translation.messages import VERDICT, Begun
from spine_temporal.translation.revisions import SIGNALS_COUNT_ALONE


class Resumes:
    """What a run knows of the requests to resume it."""

    def __init__(self) -> None:
        #: How a person wants the run to go on otherwise; None: nobody does.
        self.wanted: ResumeOptions | None = None
        #: A signal is answered when the run has asked, or has gone on otherwise.
        self._signals = self._answered = 0
        self._is_asking = False

    def signal(self) -> None:
        """Take in a signal."""
        self._signals += 1

    @property
    def is_signalled(self) -> bool:
        """Whether a signal has come that is not answered."""
        return self._signals > self._answered

    @property
    def is_pending(self) -> bool:
        """Whether the run may be about to go on otherwise."""
        return self.is_signalled or self._is_asking or self.wanted is not None

    async def ask(self, run_id: str) -> bool:
        """Ask whether a person wants the run of that id to go on otherwise; return whether so."""
        self._signals = self._answered
        self._is_asking = True
        try:
            question = Verdict(step="", reset_of=run_id)
            answer: Verdict = await bookkeeping.record_patiently(VERDICT, question, Verdict, "ask how to go on")
        finally:
            self._is_asking = False
        self.wanted = answer.resume
        return self.wanted is not None

    def go_on(self) -> None:
        """Note that the run is about to act on the request that ``wanted`` holds."""
        self._answered += 1

    def gone_on(self, begun: Begun) -> None:
        """Note that the run has begun again.

        What was signalled before is answered by it. A run that was resumed by an older worker counts on: it takes a
        signal for one that was announced already, and its history holds that it did not ask.
        """
        self.wanted = None
        if begun.revision >= SIGNALS_COUNT_ALONE:
            self._signals = self._answered
