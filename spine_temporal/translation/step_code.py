"""Asks the code of a run's steps, and records what it has answered."""

from dataclasses import dataclass

from temporalio import workflow as temporal

from spine_temporal.machine.evaluate import Asked, Computing, Question
from spine_temporal.machine.plan import PlannedChoice, PlannedGate
from spine_temporal.machine.state import State
from spine_temporal.machine.step_outcome import Answered
from spine_temporal.translation import bookkeeping, requests
from spine_temporal.translation.gate_messages import Verdict
from spine_temporal.translation.guard import ask
from spine_temporal.translation.live_run import LiveRun
from spine_temporal.translation.waiting import MissingCode

#: Seconds between two looks for code that this worker lacks.
MISSING_CODE_INTERVAL = 10
#: What is asked of a step's code, by the kind of the step: its verdict, and what it begins with.
_WHAT = {
    Asked.VERDICT: {"lambda": "gate", "choice": "choice"},
    Asked.VALUE: {"pipeline": "params of", "workflow": "params of", "map": "items of", "wait_for": "partitions of"},
}


@dataclass(kw_only=True)
class StepCode:
    """The code of one run's steps."""

    run: LiveRun

    def answer(self, step: Computing | PlannedGate | PlannedChoice, asked: Asked, state: State) -> Answered | None:
        """Ask the code in a state of the run; None where it is not in this process.

        In a replay nobody is asked, as the history has the answer. If it has none, the caller asks again.
        """
        if temporal.unsafe.is_replaying():
            return None
        return ask(Question(asked=asked, step=step, context=state.context_of(step.name)), self.run.spine)

    async def recorded(
        self,
        step: Computing | PlannedGate | PlannedChoice,
        asked: Asked,
        *,
        state: State | None = None,
        is_shown: bool = False,
    ) -> Verdict:
        """Ask the code, and go by the answer that history holds: the code may have changed since.

        ``state``: where the step stands; None: where the run does. ``is_shown``: whether the Web UI shows already that
        the answer was a failure.
        """
        name, what = step.name, self.what(step, asked)
        beside = self.run.is_beside(name)
        is_shown = is_shown or beside
        while True:
            answered = self.answer(step, asked, self.run.state if state is None else state)
            verdict = Verdict.of(name, answered, reset_of=requests.reset_of(self.run.begun, temporal.info().run_id))
            recorded, has_failed = await bookkeeping.record_verdict(
                verdict, what, beside=beside, shown=self.run.details
            )
            if has_failed and not is_shown:
                # Once it is shown it is asked again, and that counts: so a run that is reset to before its last
                # workflow task asks the code as it is then, which may have been mended.
                await bookkeeping.show_failure(recorded, what)
                is_shown = True
            elif not recorded.missing:
                return recorded
            else:
                missing = MissingCode(step=name, step_kind=step.kind, workflow=self.run.spine.name)
                with self.run.details.during(missing):
                    await temporal.sleep(MISSING_CODE_INTERVAL, summary=f"no code for step {name}")

    @staticmethod
    def what(step: Computing | PlannedGate | PlannedChoice, asked: Asked) -> str:
        """Say what is asked, as the Web UI shows it."""
        return f"{_WHAT[asked][step.kind]} {step.name}"
