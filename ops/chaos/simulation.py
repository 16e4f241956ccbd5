"""The pure machine under random crash schedules: a hundred thousand of them, and the smallest one that fails.

A schedule is a list of numbers: what happens at each boundary that an attempt comes to. Two runs of one partition
follow each other, so that what is left of the first meets the second.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from ops.chaos.model import ROWS, AbortedError, Attempt, Guards, Lease, Store, begin, end, pipeline, stages_of
from ops.chaos.plans import ITEMS, PLANS, outcome_of
from spine_temporal.definition.outcome import Decision
from spine_temporal.machine.fan import item_name
from spine_temporal.machine.machine import advance, start
from spine_temporal.machine.plan import PlannedMap, PlannedPipeline
from spine_temporal.machine.state import Command, Decided, Finish, Hold, Run, State, StepEnded, Stop
from spine_temporal.machine.step_outcome import StepOutcome

#: How likely each thing is at a boundary: nothing, crash, lose, late, restart, terminate.
_WEIGHTS = (160, 20, 20, 40, 20, 3)
GO = 0
LENGTH = 60
#: Attempts that a run may take before it counts as one that does not end.
_MOST = 500
_RUNS = ("first", "second")
_AT = datetime(2025, 11, 28, tzinfo=UTC)


class CrashedError(Exception):
    """Raised in a workflow task whose worker has died: what it recorded since its last task is lost."""


class TerminatedError(Exception):
    """Raised in a run that somebody has terminated."""


@dataclass
class World:
    """The database, the attempts that live on, and what is still to happen."""

    schedule: Iterator[int]
    guards: Guards = field(default_factory=Guards)
    store: Store = field(default_factory=Store)
    late: list[Attempt] = field(default_factory=list)
    run: str = ""
    terminated: bool = False

    def answered(self, attempt: Attempt, lease: Lease) -> bool:
        """Let an attempt go on; return whether its answer arrived, else it is to be tried again."""
        while True:
            match next(self.schedule, GO):
                case 1:  # CRASH: the worker dies with all that it does
                    self._die()
                    raise CrashedError
                case 2:  # LOSE: Temporal gives the attempt up, and it lives on
                    lease.expired = True
                    self.late.append(attempt)
                    return False
                case 3:  # LATE: one that was given up does something
                    self._stir()
                case 4:  # RESTART: Postgres
                    self.store.restart()
                case 5 if self.run == _RUNS[0]:  # TERMINATE: the first run is closed; its attempt lives on
                    lease.expired = True
                    self.late.append(attempt)
                    raise TerminatedError
            try:
                next(attempt)
            except StopIteration:
                return True
            except AbortedError:
                return False

    def task_completes(self) -> None:
        """Let Temporal hear of the workflow task, with all that it has recorded; or the worker dies before."""
        if next(self.schedule, GO) == 1:
            self._die()
            raise CrashedError

    def drain(self) -> None:
        """Let everything that lives on come to its end."""
        while self.late:
            self._stir()

    def _stir(self) -> None:
        if self.late:
            attempt = self.late.pop(0)
            try:
                next(attempt)
            except (StopIteration, AbortedError):
                return
            self.late.append(attempt)

    def _die(self) -> None:
        self.store.restart()
        self.late.clear()


def simulate(number: int, schedule: Sequence[int], guards: Guards | None = None) -> dict[str, Any]:
    """Return what stands in the database after two runs of a plan."""
    world = World(schedule=iter(schedule), guards=guards or Guards())
    for run in _RUNS:
        world.run = run
        try:
            if not _run(world, number, run):
                return {"does not end": run}
        except TerminatedError:
            world.terminated = True
    world.drain()
    return snapshot(world.store, terminated=world.terminated)


def snapshot(store: Store, *, terminated: bool = False) -> dict[str, Any]:
    """Return everything that must be as in undisturbed runs.

    Of a first run that was terminated, what it has committed by then is as good as nothing; but no step by halves,
    and nothing after the second run has begun to write.
    """
    if terminated:
        halves = {key: count for key, count in store.rows.items() if count != ROWS or key not in store.ledger}
        second = [key for key in store.rows if key[0] == "second"]
        return {
            "halves": halves,
            "mixed": store.order != sorted(store.order),
            "rows": {key: store.rows[key] for key in second},
            "manifest": {stage: run for stage, run in store.manifest.items() if run == "second"},
            "claim": store.claim,
        }
    return {
        "rows": dict(store.rows),
        "ledger": store.ledger,
        "manifest": store.manifest,
        "anomalies": store.anomalies,
        "runs": store.runs,
        "claim": store.claim,
    }


@dataclass(frozen=True)
class History:
    """What a run has recorded: whether it has begun, its steps, and how far the one is that is done now."""

    begun: bool = False
    steps: tuple[str, ...] = ()
    #: How many pipelines of the step that is done now have ended.
    items: int = 0


def _run(world: World, number: int, run: str) -> bool:
    """Drive a run to its recorded end; return whether it came there."""
    lasting = [History()]
    for _ in range(_MOST):
        try:
            _task(world, number, run, lasting)
        except CrashedError:
            continue
        return True
    return False


def _task(world: World, number: int, run: str, lasting: list[History]) -> None:
    """Go on from what Temporal knows; what is recorded on the way is lasting when a workflow task has completed."""
    history, plan = lasting[-1], PLANS[number]
    if not history.begun:
        _until_answered(world, partial(begin, world.store, world.guards, run))
        history = History(begun=True)
    while True:
        state, step = _next(number, history.steps)
        stages = stages_of(plan, state)
        if step is None:
            _until_answered(world, partial(end, world.store, world.guards, run, state, stages))
            world.task_completes()
            return
        executed = _executed(step)
        if executed:
            world.task_completes()
            lasting.append(history)
        for one in executed[history.items :]:
            outcome = outcome_of(number, one.name)
            _until_answered(world, partial(pipeline, world.store, world.guards, run, one, outcome, stages))
            history = replace(history, items=history.items + 1)
            lasting.append(history)
        history = History(begun=True, steps=(*history.steps, step.name))
        if executed:
            lasting.append(history)


def _executed(step: Any) -> list[PlannedPipeline]:
    """Return the pipelines that a step runs: itself, or one for each item of a map."""
    if isinstance(step, PlannedPipeline):
        return [step]
    if isinstance(step, PlannedMap) and step.pipeline is not None:
        item = step.pipeline.model_copy(update={"stage": ""})
        return [item.model_copy(update={"name": item_name(step.name, index)}) for index in range(ITEMS)]
    return []


def _until_answered(world: World, attempt: Callable[[Lease], Attempt]) -> None:
    """Try again until an answer arrives, as Temporal does."""
    for _ in range(_MOST):
        lease = Lease()
        if world.answered(attempt(lease), lease):
            return
    raise CrashedError


@cache
def _next(number: int, recorded: tuple[str, ...]) -> tuple[State, Any]:
    """Replay what history has recorded; return the state and the step to do, None at the end."""
    state, asked = start(PLANS[number], Run(run_id="run", started_at=_AT))
    commands: list[Command] = list(asked)
    for name in recorded:
        commands = [command for command in commands if not _is_of(command, name)]
        state, asked = advance(state, StepEnded(outcome=outcome_of(number, name), at=_AT))
        state, commands = _decided(state, [*commands, *asked])
    first = commands[0]
    return state, None if isinstance(first, Finish | Stop) else first.step


def _is_of(command: Command, name: str) -> bool:
    return not isinstance(command, Finish | Stop) and command.step.name == name


def _decided(state: State, commands: list[Command]) -> tuple[State, list[Command]]:
    """Waive each gate that is held, and end what is stopped: nobody waits in a simulation."""
    left: list[Command] = []
    while commands:
        command = commands.pop(0)
        if isinstance(command, Hold):
            decision = Decision(action="waive", by="ann", reason="known")
            state, asked = advance(state, Decided(step=command.step.name, decision=decision, at=_AT))
            commands += asked
        elif isinstance(command, Stop):
            for name in command.steps:
                left = [other for other in left if not _is_of(other, name)]
                state, asked = advance(state, StepEnded(outcome=StepOutcome(step=name, cancelled=True), at=_AT))
                commands += asked
        else:
            left.append(command)
    return state, left


def random_schedule(seed: int) -> tuple[int, list[int]]:
    """Return a plan's number and a schedule."""
    draw = random.Random(seed)
    return seed % len(PLANS), draw.choices(range(len(_WEIGHTS)), weights=_WEIGHTS, k=draw.randrange(1, LENGTH))


def failing(first: int, count: int, guards: Guards | None = None) -> tuple[int, list[int]] | None:
    """Try that many schedules; return the smallest that fails, None where all end as undisturbed."""
    for seed in range(first, first + count):
        number, schedule = random_schedule(seed)
        if _fails(number, schedule, guards):
            return number, _smallest(number, schedule, guards)
    return None


def _fails(number: int, schedule: Sequence[int], guards: Guards | None) -> bool:
    seen = simulate(number, schedule, guards)
    expected = _undisturbed(number)
    if "halves" not in seen:
        return seen != expected
    second = {key: count for key, count in expected["rows"].items() if key[0] == "second"}
    return seen != {"halves": {}, "mixed": False, "rows": second, "manifest": expected["manifest"], "claim": None}


@cache
def _undisturbed(number: int) -> dict[str, Any]:
    return simulate(number, ())


def _smallest(number: int, schedule: list[int], guards: Guards | None) -> list[int]:
    """Take away whatever the failure does not need."""
    shrunk = True
    while shrunk:
        shrunk = False
        for position in range(len(schedule)):
            for shorter in (
                schedule[:position] + schedule[position + 1 :],
                [*schedule[:position], GO, *schedule[position + 1 :]],
            ):
                if shorter != schedule and _fails(number, shorter, guards):
                    schedule, shrunk = shorter, True
                    break
            if shrunk:
                break
    return schedule


def main(count: int = 100_000) -> int:
    """Try the schedules on two processors; print and return how many of the two halves failed."""
    half = count // 2
    with ProcessPoolExecutor(2) as pool:
        found = [failure for failure in pool.map(failing, (0, half), (half, count - half)) if failure is not None]
    for number, schedule in found:
        steps = ", ".join(f"{step.name} ({step.kind})" for step in PLANS[number].steps)
        print(f"FAILURE plan {number} ({steps}), smallest schedule {schedule}")
    print(f"simulation: {count} schedules, {len(found)} failures")
    return len(found)
