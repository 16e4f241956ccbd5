"""What rides with a pipeline's request: what its gates have answered, and what no transaction has written yet. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from spine_temporal.definition.run_result import StepStatus
from spine_temporal.machine.door import Door
from spine_temporal.machine.manifest_row import StageReached
from spine_temporal.machine.plan import PlannedGate
from spine_temporal.machine.state import State
from spine_temporal.machine.step_outcome import Answered, Completed
from spine_temporal.translation import requests
from spine_temporal.translation.gate_messages import DoorVerdicts, Verdict
from spine_temporal.translation.messages import Begun, Measured

#: Asks a gate where the run stands so; None where its code cannot be asked here and now.
Ask = Callable[[PlannedGate, State], Answered | None]


@dataclass
class Unwritten:
    """What has come about and no transaction has written yet; the next one takes it along."""

    stages: tuple[StageReached, ...] = ()
    measured: tuple[Measured, ...] = ()

    def add(self, *, stages: tuple[StageReached, ...] = (), measured: tuple[Measured, ...] = ()) -> None:
        """Keep something until then."""
        self.stages += stages
        self.measured += measured

    def taken(self) -> "Unwritten":
        """Take all of it."""
        taken = Unwritten(self.stages, self.measured)
        self.stages, self.measured = (), ()
        return taken

    def with_(self, more: "Unwritten") -> "Unwritten":
        """Return all of it and more."""
        return Unwritten(self.stages + more.stages, self.measured + more.measured)

    def put_back(self, taken: "Unwritten") -> None:
        """Keep what a transaction has not written after all."""
        self.stages = taken.stages + self.stages
        self.measured = taken.measured + self.measured


@dataclass(frozen=True, kw_only=True)
class Riding:
    """What the gates of a door have answered, where the run stands by that, and the rows that follow from it."""

    door: DoorVerdicts
    state: State
    unwritten: Unwritten


def ask_door(door: Door, state: State, begun: Begun, at: datetime, ask: Ask) -> Riding:
    """Ask the gates of a door, for as long as each lets the run pass."""
    verdicts, unwritten = list[Verdict](), Unwritten()
    for gate in door.gates:
        answer = ask(gate, state)
        verdict = Verdict.of(gate.name, answer)
        verdicts.append(verdict)
        after = None if answer is None else door.passed(state, verdict.outcome, at)
        if after is None:
            return Riding(door=DoorVerdicts(verdicts=tuple(verdicts), is_open=False), state=state, unwritten=unwritten)
        unwritten.add(stages=stages_between(begun, state, after), measured=measured_of(verdict.outcome, state))
        state = after
    return Riding(door=DoorVerdicts(verdicts=tuple(verdicts)), state=state, unwritten=unwritten)


def measured_of(answer: Answered, state: State) -> tuple[Measured, ...]:
    """Return what a gate has measured."""
    if answer.quality is None:
        return ()
    return (Measured(step=answer.step, round=state.rounds.get(answer.step, 0), quality=answer.quality),)


def stages_between(begun: Begun, before: State | None, after: State) -> tuple[StageReached, ...]:
    """Return the stages of steps that have completed between two states; a pipeline writes its own.

    Those that are kept from an earlier run, too: it may have ended before it wrote them.
    """
    stages: list[StageReached] = []
    for name, execution in after.executions.items():
        known = None if before is None else before.executions.get(name)
        if execution.status is StepStatus.COMPLETED and (known is None or known.status is not execution.status):
            output = after.outputs.get(name, {})
            outcome = Completed(step=name, output=output, items=execution.items, kept_from=execution.kept_from)
            stage = requests.stage_of(begun, outcome)
            stages += () if stage is None else (stage,)
    return tuple(stages)
