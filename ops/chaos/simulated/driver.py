"""What a run's workflow code knows after its history: as ``Driver`` and ``LiveRun`` after a replay."""

from typing import TYPE_CHECKING, Any

from ops.chaos.plans import ITEM
from ops.chaos.simulated.nodes import CANCELLED, FAILED, LOST, OK, RESUME, Node, root

if TYPE_CHECKING:
    from ops.chaos.simulated.temporal import Pending

#: What a history holds: kind, step, how it ended, the newer epoch or 0, whether it was kept, and what else there is.
Record = tuple[int, int, int, int, bool, Any]

BEGIN, STEP, HELD, DECISION, DECIDED, CANCEL, SIGNAL, ASKED, RESUMED, END = range(10)
#: What is pending beside a step: its hold, its decision's record, and the question how to go on.
HOLDING, DECIDING, ASKING = 10_000, 20_000, 30_000


#: How a run is closed in Temporal, by its status; any other is completed.
CLOSED_AS = {"FAILED": "failed", "CANCELLED": "canceled"}
#: Answers of a step after which the run does something else.
_AIMS = {RESUME, LOST}


class Options:
    """How a person wants an ended run to go on: ``ResumeOptions``."""

    __slots__ = ("request", "run", "start_from")

    def __init__(self, run: int, start_from: int | None, request: int) -> None:
        self.run, self.start_from, self.request = run, start_from, request


class Begun:
    """What a run works with from its beginning to its end: ``messages.Begun``."""

    __slots__ = ("earlier", "epoch", "kept", "lineage", "partition", "plan", "resume", "run")

    def __init__(self, plan: int, run: int, partition: int) -> None:
        self.plan, self.run, self.partition = plan, run, partition
        self.epoch = 0
        self.lineage: Any = run
        self.kept = 0
        #: How the run has ended that left nothing to do; empty: none has.
        self.earlier = ""
        self.resume: Options | None = None

    def under(self, epoch: int, lineage: Any, kept: int) -> "Begun":
        """Return it as it has begun."""
        begun = Begun(self.plan, self.run, self.partition)
        begun.epoch, begun.lineage, begun.kept = epoch, lineage, kept
        return begun


class Driver:
    """A run after its history; records lead it on."""

    __slots__ = (
        "acknowledged", "begun", "cancelled", "closed", "decisions", "epoch", "goal", "held", "items",
        "late", "node", "options", "pending", "resumed", "sent_back", "subs", "told", "waits",
    )  # fmt: skip

    def __init__(self) -> None:
        self.begun: Begun | None = None
        self.node: Node | None = None
        self.epoch = 0
        #: Completed executions that history holds (``Stepping.acknowledged``), and those of the map that runs.
        self.acknowledged: set[tuple[int, int]] = set()
        self.items: set[tuple[int, int]] = set()
        #: Those of them that a decision has sent back; the sub-workflows' runs that have completed.
        self.sent_back: set[tuple[int, int]] = set()
        self.subs: tuple[int, ...] = ()
        self.pending: dict[int, Pending] = {}
        #: Gates whose hold is recorded, and what is decided.
        self.held: set[int] = set()
        self.decisions: dict[int, tuple[int, int, int]] = {}
        #: What the run does when everything pending has stopped: be cancelled, be resumed, or fail as lost.
        self.goal = OK
        self.waits: set[int] = set()
        self.late: tuple[int, ...] = ()
        self.options: Options | None = None
        self.told = 0
        self.resumed = 0
        #: Whether it was cancelled before it had begun.
        self.cancelled = False
        #: How the run is closed in Temporal; empty: it is open.
        self.closed = ""

    def copy(self) -> "Driver":
        """Return another that goes its own way."""
        other = Driver.__new__(Driver)
        other.begun, other.node, other.epoch, other.closed = self.begun, self.node, self.epoch, self.closed
        other.acknowledged, other.items, other.sent_back = self.acknowledged, self.items, self.sent_back
        other.subs, other.goal, other.late = self.subs, self.goal, self.late
        other.options, other.told, other.resumed = self.options, self.told, self.resumed
        other.cancelled = self.cancelled
        other.pending = self.pending.copy()
        other.held = self.held.copy() if self.held else set()
        other.decisions = self.decisions.copy() if self.decisions else {}
        other.waits = self.waits.copy() if self.waits else set()
        return other

    def take(self, record: Record) -> None:
        """Take in what history holds next."""
        _TAKEN[record[0]](self, record)

    def _begin(self, record: Record) -> None:
        begun: Begun = record[5]
        if record[2] != OK:
            self.closed = "failed"
        elif begun.earlier:
            self.closed = CLOSED_AS.get(begun.earlier, "completed")
        else:
            self._begun_as(begun)
            self.options = begun.resume
            if self.cancelled and begun.resume is None:
                self._aim(CANCELLED, ())

    def _begun_as(self, begun: Begun) -> None:
        self.begun, self.epoch = begun, begun.epoch
        self.acknowledged, self.items, self.sent_back, self.subs = set(), set(), set(), ()
        self.held = set()
        if begun.resume is None:
            self.node = root(begun.plan, begun.kept)

    def _step(self, record: Record) -> None:
        _, step, code, epoch, kept, names = record
        self.pending.pop(step, None)
        if self.goal:
            if code == OK:
                self.late = (*self.late, step)
            self._stopped(step)
            return
        if code in _AIMS:
            self._aim(code, names)
            return
        if epoch:
            self.epoch = epoch
        assert self.node is not None
        before, self.node = self.node, self.node.after(step, code)
        if code == OK and step in before.plan.children:
            self.subs = (*self.subs, names)
        elif code == OK and (step >= ITEM or before.plan.pipelines >> step & 1):
            self._acknowledge(step, before, kept=kept)

    def _acknowledge(self, step: int, before: Node, *, kept: bool) -> None:
        """Count an execution that history holds, an item when its map is over: ``Stepping._acknowledge``."""
        done = set() if kept or step in before.stopping else {(step, before.round_of(step))}
        if step < ITEM:
            self.acknowledged = self.acknowledged | done
            return
        self.items = self.items | done
        if self.node is not None and all(cmd.step // ITEM != step // ITEM for cmd in self.node.commands):
            self.acknowledged, self.items = self.acknowledged | self.items, set()

    def known(self) -> tuple[int, int, tuple[int, ...]]:
        """Return how much of the run the database must know: executions, of them sent back, and sub-runs."""
        return len(self.acknowledged), len(self.sent_back), self.subs

    def _held(self, record: Record) -> None:
        _, step, code, epoch, _, names = record
        self.pending.pop(HOLDING + step, None)
        if code == LOST:
            self._aim(LOST, names)
            return
        self.epoch = epoch or self.epoch
        self.held.add(step)

    def _decision(self, record: Record) -> None:
        self.decisions[record[1]] = record[5]

    def _decided(self, record: Record) -> None:
        _, step, code, epoch, _, given = record
        self.pending.pop(DECIDING + step, None)
        if code == LOST:
            self._aim(LOST, given)
            return
        self.epoch = epoch or self.epoch
        self.held.discard(step)
        assert self.node is not None
        if given[1] >= 0:
            names = self.node.sent_back(step, given[1])
            self.sent_back = self.sent_back.union(one for one in self.acknowledged if _of(one[0]) in names)
        self.node = self.node.decided(step, *given)

    def _cancel(self, record: Record) -> None:
        self.cancelled = True
        if self.begun is not None and self.node is not None and not self.goal and self.options is None:
            self._aim(CANCELLED, record[5])

    def _signal(self, _: Record) -> None:
        self.told += 1

    def _asked(self, record: Record) -> None:
        self.pending.pop(ASKING, None)
        self.told = self.resumed
        if record[2] == RESUME:
            self.options = record[5][0]
            self._aim(RESUME, record[5])
        elif record[2] == FAILED:
            self.closed = "failed"

    def _resumed(self, record: Record) -> None:
        self.options = None
        self.resumed += 1
        if record[2] != OK:
            self.closed = "failed"
            return
        self._begun_as(record[5])
        if record[5].earlier:
            self.closed = CLOSED_AS.get(record[5].earlier, "completed")
        elif self.cancelled:
            self._aim(CANCELLED, ())

    def _end(self, record: Record) -> None:
        if record[2] == RESUME:
            self.options = record[5]
        elif record[2] != OK:
            self.closed = "failed"
        else:
            self.closed = CLOSED_AS.get(record[5], "completed")

    def _aim(self, goal: int, names: Any) -> None:
        """Stop what is pending, and then do something else."""
        self.goal, self.late = goal, ()
        options, names = names if goal == RESUME else (None, names)
        if options is not None:
            self.options = options
        self.waits = {name for name in names if name < HOLDING}
        for name in list(self.pending):
            if name not in self.waits:
                del self.pending[name]
        if not self.waits:
            self._reached()

    def _stopped(self, step: int) -> None:
        self.waits.discard(step)
        if not self.waits:
            self._reached()

    def _reached(self) -> None:
        goal, self.goal = self.goal, OK
        if goal == LOST:
            self.closed = "failed"
        elif goal == CANCELLED:
            assert self.node is not None
            self.held = set()
            self.node = self.node.cancelled(self.late)


def _of(step: int) -> int:
    """Return the map of an item, or the step itself."""
    return step if step < ITEM else step // ITEM - 1


_TAKEN = {
    BEGIN: Driver._begin, STEP: Driver._step, HELD: Driver._held, DECISION: Driver._decision,
    DECIDED: Driver._decided, CANCEL: Driver._cancel, SIGNAL: Driver._signal, ASKED: Driver._asked,
    RESUMED: Driver._resumed, END: Driver._end,
}  # fmt: skip
