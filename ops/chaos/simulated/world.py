"""What happens to executions: tasks, attempts, resets, cancels, children, and what comes into their histories."""

from typing import Any

from ops.chaos.plans import PLANS
from ops.chaos.simulated.acting import ACTIVITY, PERSON, TASK, Acting, Actor
from ops.chaos.simulated.activities import activity
from ops.chaos.simulated.claims import RetryError
from ops.chaos.simulated.driver import (
    ASKED,
    ASKING,
    CANCEL,
    DECIDED,
    DECIDING,
    DECISION,
    HELD,
    HOLDING,
    STEP,
    Driver,
    Record,
)
from ops.chaos.simulated.nodes import CANCELLED, CHILD, FAILED, HOLD, LOST, OK, RESUME, TIMER, Cmd
from ops.chaos.simulated.tasks import task, waiting
from ops.chaos.simulated.temporal import Execution, Pending

_QUICK = 4
#: The action that asks a gate again (``nodes.ACTIONS``).
RETRY = 1
_ASK = Cmd(0, 0, 0, local=False)
#: Pending things that no worker does.
_WITHOUT_ACTOR = {TIMER, CHILD}
#: Ends after which everything else that is pending is stopped.
_STOPPING = {LOST, RESUME}


class World(Acting):
    """One simulation."""

    __slots__ = ()

    def again(self, actor: Actor) -> None:
        """Let Temporal try again what it has lost."""
        execution = actor.execution
        if actor.kind == TASK:
            if execution.task is actor:
                execution.task = None
                if not actor.dead:
                    execution.driver = execution.driver.copy()  # the task lives on with the other one
                self._flush(execution)
                self.begin_task(execution)
        elif actor.kind == ACTIVITY and execution.is_open:
            pending = actor.pending
            if pending is not None and execution.driver.pending.get(pending.name) is pending:
                self._attempt(execution, pending, actor.number + 1, abandoned=actor.abandoned)

    def failed(self, actor: Actor, error: Exception) -> None:
        """Let Temporal try again what can be tried again."""
        if actor.given_up or actor.kind >= PERSON or not isinstance(error, RetryError):
            return
        if actor.kind == ACTIVITY and actor.abandoned:
            assert actor.pending is not None
            self.answered(actor.execution, actor.pending, (STEP, actor.pending.cmd.step, CANCELLED, 0, False, ()))
            return
        self.again(actor)

    def start(self, execution: Execution) -> None:
        """Start an execution."""
        self.temporal.start(execution)
        self.begin_task(execution)

    def begin_task(self, execution: Execution) -> None:
        """Let a worker take the next workflow task."""
        if execution.task is None and execution.is_open and not execution.paused:
            actor = execution.task = Actor(TASK, execution)
            self.act(actor, task(self, actor))

    def arrives(self, execution: Execution, record: Record) -> None:
        """Let something come into a history, at once or when the workflow task is over that is being done."""
        if not execution.is_open:
            return
        if execution.task is not None:
            execution.buffered.append(record)
            return
        self._take(execution, record)
        self.begin_task(execution)

    def _take(self, execution: Execution, record: Record) -> None:
        driver = execution.driver
        if record[0] == DECISION and not self._accepts(execution, record):
            return
        if record[0] == CANCEL or record[2] in _STOPPING:
            record = _stopping(record, driver)
        execution.history.append(record)
        before = list(driver.pending.values())
        driver.take(record)
        if len(driver.pending) < len(before):
            for pending in before:
                actor = pending.actor
                if actor is not None and not actor.dead and pending.name not in driver.pending:
                    self.give_up(actor)
        self._stop(execution)

    def _accepts(self, execution: Execution, record: Record) -> bool:
        """Accept one decision of a gate that is held, as ``decision_of`` when the run hears of it."""
        driver, step = execution.driver, record[1]
        node, begun = driver.node, driver.begun
        if node is None or begun is None or not any(cmd.step == step and cmd.kind == HOLD for cmd in node.commands):
            return False
        if step in driver.decisions and self.guards.decision:
            return False
        accepted = (begun.run, step, node.round_of(step))
        if accepted in execution.accepted:
            self.fails(f"two decisions of gate {step}, round {accepted[2]}, were accepted")
        execution.accepted.add(accepted)
        self.mended += record[5][0] == RETRY
        return True

    def _flush(self, execution: Execution) -> bool:
        """Take in what came while a task was being done; return whether there was anything."""
        buffered = execution.buffered
        if not buffered:
            return False
        execution.buffered = []
        for record in buffered:
            if _is_awaited(execution.driver, record):
                self._take(execution, record)
        return True

    def completes(
        self, actor: Actor, driver: Driver, records: list[Record], point: tuple[int, Any], closed: str
    ) -> None:
        """Let Temporal hear of a workflow task, where it still waits for it."""
        execution: Execution = actor.execution
        if execution.task is not actor or not execution.is_open:
            return
        execution.task = None
        if closed and execution.buffered:  # the run does not close before it has seen everything
            self._flush(execution)
            self.begin_task(execution)
            return
        execution.history += records
        execution.points.append((point[0], len(execution.history), point[1]))
        execution.driver = driver
        if closed:
            driver.closed = closed
            self.close(execution, closed)
            return
        self._schedule(execution)
        if self._flush(execution) or driver.closed:
            self.begin_task(execution)

    def close(self, execution: Execution, how: str, *, by_reset: bool = False) -> None:
        """Close an execution; what works for it lives on."""
        execution.is_open, execution.closed, execution.closed_at = False, how, self.clock
        if execution.task is not None:
            self.give_up(execution.task)
            execution.task = None
        for pending in execution.driver.pending.values():
            if pending.actor is not None:
                self.give_up(pending.actor)
            if pending.child is not None and not by_reset:
                self.cancel(pending.child)
        parent = execution.parent
        if parent is not None and not by_reset:
            self._child_ended(parent, execution)

    def _child_ended(self, parent: Execution, child: Execution) -> None:
        pending = parent.driver.pending.get(child.parent_step)
        if parent.is_open and pending is not None and pending.child is child:
            code = OK if child.closed == "completed" else FAILED
            if parent.driver.goal and code == FAILED:
                code = CANCELLED
            begun = child.driver.begun  # none where it was given an earlier run's result
            self.answered(parent, pending, (STEP, child.parent_step, code, 0, False, begun.run if begun else 0))

    def cancel(self, execution: Execution) -> None:
        """Ask a run to stop, once."""
        if execution.is_open and all(record[0] != CANCEL for record in (*execution.history, *execution.buffered)):
            self.arrives(execution, (CANCEL, 0, 0, 0, False, ()))

    def resumed_from(self, base: Execution, point: int, reason: int) -> Execution:
        """Reset a run to the start of a workflow task; the open run of the id is terminated."""
        newest = self.temporal.newest(base.place, base.wid)
        if newest is not None and newest.is_open:
            self.close(newest, "terminated", by_reset=True)
        reset = self.temporal.reset(base, point, self.number(), self.clock)
        reset.reason = reason
        reset.asked.add(reason)
        self.start(reset)
        for pending in list(reset.driver.pending.values()):
            child = pending.child
            if child is not None:
                child.parent = reset
                if not child.is_open:
                    self._child_ended(reset, child)
            elif pending.kind != TIMER:
                self._attempt(reset, pending, 2)
        self._stop(reset)
        return reset

    def unpause(self, execution: Execution) -> None:
        """Let a paused run go on."""
        execution.paused = False
        for pending in list(execution.driver.pending.values()):
            if pending.actor is None and pending.kind not in _WITHOUT_ACTOR:
                self._attempt(execution, pending, 1)
        self.begin_task(execution)

    def fire_timers(self, execution: Execution) -> bool:
        """Let the time come that a run waits for."""
        timers = [one for one in execution.driver.pending.values() if one.kind == TIMER]
        for pending in timers:
            self.answered(execution, pending, (STEP, pending.cmd.step, OK, 0, False, ()))
        return bool(timers)

    def answered(self, execution: Execution, pending: Pending, record: Record) -> None:
        """Let an answer come into a history, where it is still waited for."""
        if execution.driver.pending.get(pending.name) is pending:
            self.arrives(execution, record)

    def _schedule(self, execution: Execution) -> None:
        """Schedule what the run is asked to do and waits for."""
        driver = execution.driver
        node, begun = driver.node, driver.begun
        if node is None or begun is None or driver.goal:
            self._stop(execution)
            return
        for cmd in node.commands:
            name = cmd.step if cmd.kind != HOLD else waiting(driver, cmd)
            if name is None or name in driver.pending:
                continue
            if HOLDING <= name < DECIDING:
                driver.decisions.pop(cmd.step, None)
            pending = Pending(name, cmd.kind, cmd, execution, driver)
            if cmd.gates:
                pending.verdicts = self.verdicts(pending.plan, cmd)
            driver.pending[name] = pending
            self._begin_pending(execution, pending, cmd)
        if driver.told > driver.resumed and ASKING not in driver.pending:
            pending = driver.pending[ASKING] = Pending(ASKING, ASKING, _ASK, execution, driver)
            self._attempt(execution, pending, 1)
        self._stop(execution)

    def verdicts(self, plan: int, cmd: Cmd) -> tuple[int, ...]:
        """Ask the gates of a door, for as long as each passes: ``PipelineRunner._riding``."""
        codes: list[int] = []
        for gate in cmd.gates:
            codes.append(FAILED if PLANS[plan].fails(gate, self.mended) else OK)
            if codes[-1] == FAILED:
                break
        return tuple(codes)

    def _begin_pending(self, execution: Execution, pending: Pending, cmd: Cmd) -> None:
        if cmd.kind == CHILD:
            self._start_child(execution, pending)
            return
        if cmd.kind == TIMER:
            return
        if pending.name >= DECIDING:
            self._decide(execution, pending)
        self._attempt(execution, pending, 1)

    @staticmethod
    def _decide(execution: Execution, pending: Pending) -> None:
        """Give the record of a decision the steps that it sends back, as ``requests.sent_back``."""
        node = execution.driver.node
        assert node is not None
        step = pending.cmd.step
        pending.decision = execution.driver.decisions[step]
        if pending.decision[1] >= 0:
            pending.sent_back = node.sent_back(step, pending.decision[1])

    def _start_child(self, execution: Execution, pending: Pending) -> None:
        begun, cmd = execution.driver.begun, pending.cmd
        assert begun is not None
        wid = (begun.run, cmd.step, cmd.round)
        running = self.temporal.newest(execution.place, wid)
        if running is not None and running.is_open:
            self.close(running, "terminated")
        number = PLANS[begun.plan].children[cmd.step]
        child = Execution(self.number(), execution.place, wid, number, number, self.clock)
        child.lineage, child.force = (begun.lineage, cmd.step, cmd.round), execution.force
        child.parent, child.parent_step = execution, cmd.step
        pending.child = child
        self.start(child)

    def _attempt(self, execution: Execution, pending: Pending, number: int, *, abandoned: bool = False) -> None:
        """Let a worker take an activity."""
        if abandoned:
            self.answered(execution, pending, (STEP, pending.cmd.step, CANCELLED, 0, False, ()))
            return
        pending.actor = None
        if execution.paused:
            return
        actor = pending.actor = Actor(ACTIVITY, execution, pending, number)
        actor.steps = activity(self, actor, pending)
        if number > _QUICK and not self.ready:
            self.park(actor)
        elif number > 1:
            self.ready.insert(0, actor)
        else:
            self.ready.append(actor)

    def _stop(self, execution: Execution) -> None:
        """Ask what is pending to stop where the run does not want it any more."""
        driver = execution.driver
        stopping = driver.waits if driver.goal else driver.node.stopping if driver.node is not None else None
        if not stopping:
            return
        for name in list(stopping):
            pending = driver.pending.get(name)
            if pending is None:
                continue
            if pending.child is not None:
                self.cancel(pending.child)
            elif pending.actor is None:
                self.answered(execution, pending, (STEP, name, CANCELLED, 0, False, ()))
            else:
                pending.actor.abandoned = True


def _stopping(record: Record, driver: Driver) -> Record:
    """Return a record with what is pending when it comes, all of which is to be stopped."""
    kind, step, code, epoch, kept, given = record
    names = tuple(name for name in driver.pending if name != _PENDING.get(kind, 0) + step or kind == CANCEL)
    return (kind, step, code, epoch, kept, (given[0], names) if code == RESUME else names)


def _is_awaited(driver: Driver, record: Record) -> bool:
    kind = record[0]
    return kind not in _PENDING or _PENDING[kind] + record[1] in driver.pending


_PENDING = {STEP: 0, HELD: HOLDING, DECIDED: DECIDING, ASKED: ASKING}
