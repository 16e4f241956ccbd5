"""The real machine, walked once: each state is a node, and each answer leads to the next one."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache

from ops.chaos.plans import ITEM, ITEMS, PLANS, Simulated
from spine_temporal.definition.run_result import Decision, StepStatus, WorkflowStatus
from spine_temporal.machine.door import door_of, end_after
from spine_temporal.machine.fan import Fan, ItemOutcome, map_outcome, tolerated_of
from spine_temporal.machine.machine import advance, start
from spine_temporal.machine.plan import PlannedChoice, PlannedGate, PlannedMap, PlannedPipeline, PlannedWorkflow
from spine_temporal.machine.state import (
    Cancelled,
    Command,
    Decided,
    Doing,
    Finish,
    Hold,
    Run,
    State,
    StepEnded,
    Stop,
)
from spine_temporal.machine.step_outcome import StepOutcome

_AT = datetime(2025, 11, 28, tzinfo=UTC)

# How a step ends.
OK, FAILED, CANCELLED, LOST, RESUME = range(5)
# What a command asks for.
PIPELINE, VERDICT, HOLD, CHILD, TIMER = range(5)
#: What is decided of a held gate.
ACTIONS = ("waive", "retry", "abort")


class Cmd:
    """Something that a run is asked to do."""

    __slots__ = ("ending", "gates", "item", "kind", "local", "round", "step")

    def __init__(self, kind: int, step: int, again: int, *, local: bool, item: bool = False) -> None:
        self.kind, self.step, self.round, self.local, self.item = kind, step, again, local, item
        #: The gates whose verdicts ride in the request of a pipeline.
        self.gates: tuple[int, ...] = ()
        #: How the run ends where the pipeline is done: ``end_after``.
        self.ending: Node | None = None


#: Of a map that runs: its step, round, and the items that have ended with how.
_FanLog = tuple[int, int, tuple[tuple[int, int], ...]]


class Node:
    """A state of a run: what it is asked to do, what is being stopped, and how it has ended."""

    __slots__ = (
        "_commands", "_fans", "_next", "commands", "done", "doors", "ended_before", "local", "other",
        "plan", "state", "status", "stopping", "targets",
    )  # fmt: skip

    def __init__(self, plan: Simulated, state: State, commands: list[Doing], fans: tuple[_FanLog, ...]) -> None:
        self.plan, self.state, self._commands, self._fans = plan, state, commands, fans
        self._next: dict[tuple[int, ...], Node] = {}
        ended = state.status is not WorkflowStatus.RUNNING
        #: Whether it had ended when it was cancelled: then nothing asks the driver to finish.
        self.ended_before = False
        self.status = state.status.value if ended else ""
        self.done = sum(1 << plan.of_name[n] for n, e in state.executions.items() if e.status is StepStatus.COMPLETED)
        both = (StepStatus.COMPLETED, StepStatus.SKIPPED)
        self.other = sum(1 << plan.of_name[n] for n, e in state.executions.items() if e.status not in both)
        self.stopping: set[int] = set()
        #: The gates of the pipelines that are asked for with them.
        self.doors: dict[int, tuple[int, ...]] = {}
        self.commands = () if ended else tuple(one for command in commands for one in self._asked(command))
        #: What is to be done first within the workflow task.
        self.local = next((cmd for cmd in self.commands if cmd.local), None)
        self.targets = [plan.of_name[n] for n, e in state.executions.items() if e.status is StepStatus.COMPLETED]

    def after(self, step: int, code: int) -> "Node":
        """Return the node after a step, or an item, has ended so."""
        found = self._next.get((step, code))
        if found is None:
            found = self._next[step, code] = self._after_item(step, code) if step >= ITEM else self._ended(step, code)
        return found

    def decided(self, step: int, action: int, start_from: int) -> "Node":
        """Return the node after a decision of a held gate; ``start_from``: -1 for the gate itself."""
        key = (step, action, start_from)
        if key not in self._next:
            names = self.plan.names
            again = names[start_from] if start_from >= 0 else None
            decision = Decision(action=ACTIONS[action], by="ann", reason="known", start_from=again)
            asked = advance(self.state, Decided(step=names[step], decision=decision, at=_AT))
            self._next[key] = self._moved(asked[0], asked[1], step)
        return self._next[key]

    def cancelled(self, done: Iterable[int]) -> "Node":
        """Return the node of a run that was cancelled while it did something, of which some has ended well."""
        key = (-1, *done)
        if key not in self._next:
            state = self.state
            for step in done:
                if step < ITEM:
                    state, _ = advance(state, StepEnded(outcome=self.plan.outcome(step), at=_AT))
            state, asked = advance(state, Cancelled(at=_AT))
            node = Node(self.plan, state, [one for one in asked if not isinstance(one, Stop | Finish)], ())
            node.ended_before = not asked
            self._next[key] = node
        return self._next[key]

    def round_of(self, step: int) -> int:
        """Return how often the run was sent back to a step, or to the map of an item."""
        return self.state.rounds.get(self.plan.names[step if step < ITEM else step // ITEM - 1], 0)

    def sent_back(self, gate: int, start_from: int) -> dict[int, int]:
        """Return the steps that a decision sends back, each with its last round: ``requests.sent_back``."""
        plan = self.plan
        names = plan.plan.span(plan.names[start_from], plan.names[gate])
        return {plan.of_name[name]: self.round_of(plan.of_name[name]) for name in names}

    def _ended(self, step: int, code: int) -> "Node":
        outcome = self.plan.outcome(step, failed=code == FAILED, cancelled=code == CANCELLED)
        return self._with(step, outcome)

    def _with(self, step: int, outcome: StepOutcome) -> "Node":
        state, asked = advance(self.state, StepEnded(outcome=outcome, at=_AT))
        return self._moved(state, asked, step)

    def _moved(self, state: State, asked: Iterable[Command], step: int) -> "Node":
        left: list[Doing] = [one for one in self._commands if self.plan.of_name[one.step.name] != step]
        node = Node(self.plan, state, [*left, *(one for one in asked if not isinstance(one, Stop | Finish))],
                    tuple(fan for fan in self._fans if fan[0] != step))  # fmt: skip
        stopped = [self.plan.of_name[name] for one in asked if isinstance(one, Stop) for name in one.steps]
        node.stopping.update(stopped)
        node.stopping.update(one for one in self.stopping if any(cmd.step == one for cmd in node.commands))
        for name in stopped:  # a gate that is asked beside others is not waited for
            if any(cmd.step == name and cmd.kind == VERDICT for cmd in node.commands):
                return node.after(name, CANCELLED)
        return node

    def _after_item(self, item: int, code: int) -> "Node":
        step = item // ITEM - 1
        log = (*self._log(step), (item % ITEM, code))
        fan, _ = _fan(self.plan, step, log)
        if fan is not None:
            return self._with(step, map_outcome(self.plan.planned_map(step), ITEMS, fan.outcomes).model_copy(
                update={"output": {"row_count": 3}}))  # fmt: skip
        again = next(one.round for one in self._commands if isinstance(one.step, PlannedMap))
        fans = tuple(one for one in self._fans if one[0] != step)
        return Node(self.plan, self.state, self._commands, (*fans, (step, again, log)))

    def _log(self, step: int) -> tuple[tuple[int, int], ...]:
        return next((log for number, _, log in self._fans if number == step), ())

    def _asked(self, command: Doing) -> list[Cmd]:
        step = self.plan.of_name[command.step.name]
        if isinstance(command, Hold):
            return [Cmd(HOLD, step, command.round, local=False)]
        match command.step:
            case PlannedPipeline() as pipeline:
                return [self._pipeline(pipeline, self)]
            case PlannedGate() | PlannedChoice():
                return [self._through_door(step) or Cmd(VERDICT, step, 0, local=step not in self.plan.beside)]
            case PlannedWorkflow():
                return [Cmd(CHILD, step, command.round, local=False)]
            case PlannedMap():
                log = self._log(step)
                _, running = _fan(self.plan, step, log)
                items = [(step + 1) * ITEM + index for index in running]
                if any(code != OK for _, code in log):
                    self.stopping.update(items)
                return [Cmd(PIPELINE, item, command.round, local=False, item=True) for item in items]
        return [Cmd(TIMER, step, 0, local=False)]

    def _pipeline(self, pipeline: PlannedPipeline, before: "Node") -> Cmd:
        """Return the command of a pipeline that is done after that node."""
        step = self.plan.of_name[pipeline.name]
        cmd = Cmd(PIPELINE, step, self.round_of(step), local=step in self.plan.local and step not in self.plan.beside)
        if end_after(before.state, pipeline, _AT) is not None:
            cmd.ending = before.after(step, OK)
        return cmd

    def _through_door(self, gate: int) -> Cmd | None:
        """Return the command of the pipeline whose request the gate's verdict rides in, as ``go_through``."""
        door = door_of(self.state, self.plan.names[gate])
        if door is None:
            return None
        gates, after = tuple(self.plan.of_name[one.name] for one in door.gates), self
        for number in gates:
            after = after.after(number, OK)
        cmd = self._pipeline(door.pipeline, after)
        cmd.gates = self.doors[cmd.step] = gates
        return cmd


def _fan(plan: Simulated, step: int, log: tuple[tuple[int, int], ...]) -> tuple[Fan | None, list[int]]:
    """Return the fan of a map that has ended, else None and the items that run, as ``translation.maps.run_items``."""
    planned = plan.planned_map(step)
    fan = Fan(planned, range(ITEMS), tolerated_of(planned, ITEMS))
    running = fan.begin()
    for index, code in log:
        running.remove(index)
        if not fan.halted:  # what is stopped is waited for, and counts no more
            fan.ended(index, ItemOutcome(error=None if code == OK else "it fails", category="DATA_QUALITY"))
            running += fan.begin()
    over = not running and (fan.halted or len(fan.outcomes) == ITEMS)
    return (fan if over else None), running


@cache
def root(number: int, kept: int) -> Node:
    """Return the first node of a run that keeps these steps."""
    plan = PLANS[number]
    outcomes = {
        name: plan.completed(step).model_copy(update={"kept_from": "earlier"})
        for step, name in enumerate(plan.names) if kept >> step & 1
    }  # fmt: skip
    state, asked = start(plan.plan, Run(run_id="run", started_at=_AT), outcomes)
    return Node(plan, state, [one for one in asked if not isinstance(one, Stop | Finish)], ())
