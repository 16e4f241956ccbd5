"""What a run's workflow code knows after its history: as ``Driver`` and ``LiveRun`` after a replay."""

from typing import TYPE_CHECKING, Any

from ops.chaos.plans import ITEM
from ops.chaos.simulated.begun import Asking, Begun, Options
from ops.chaos.simulated.nodes import CANCELLED, FAILED, LOST, OK, RESUME, Node, root

if TYPE_CHECKING:
    from ops.chaos.simulated.temporal import Pending

#: What a history holds: kind, step, how it ended, the newer epoch or 0, whose it was that is kept or 0, and what else.
Record = tuple[int, int, int, int, int, Any]

BEGIN, STEP, HELD, DECISION, DECIDED, CANCEL, SIGNAL, ASKED, RESUMED, END = range(10)
#: What is pending beside a step: its hold, its decision's record, and the question how to go on.
HOLDING, DECIDING, ASKING = 10_000, 20_000, 30_000


#: How a run is closed in Temporal, by its status; any other is completed.
CLOSED_AS = {"FAILED": "failed", "CANCELLED": "canceled"}
#: Answers of a step after which the run does something else.
_AIMS = {RESUME, LOST}


class Driver:
    """A run after its history; records lead it on."""

    __slots__ = (
        "acknowledged", "asking", "begun", "cancelled", "closed", "decisions", "epoch", "goal", "held",
        "is_ended", "is_lost", "items", "kept", "late", "node", "options", "pending", "resumed", "sent_back",
        "subs", "told", "waits",
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
        #: What was taken from another run of the lineage: run, step and round.
        self.kept: frozenset[tuple[int, int, int]] = frozenset()
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
        #: Whether a pipeline has ended the run in its own transaction (``LiveRun.is_ended``).
        self.is_ended = False
        #: Whether it may write nothing any more: it looks whether its end is recorded.
        self.is_lost = False
        #: What is asked of a door's gates by itself.
        self.asking: Asking | None = None
        #: Whether it was cancelled before it had begun.
        self.cancelled = False
        #: How the run is closed in Temporal; empty: it is open.
        self.closed = ""

    def copy(self) -> "Driver":
        """Return another that goes its own way."""
        other = Driver.__new__(Driver)
        other.begun, other.node, other.epoch, other.closed = self.begun, self.node, self.epoch, self.closed
        other.acknowledged, other.items, other.sent_back = self.acknowledged, self.items, self.sent_back
        other.subs, other.kept, other.goal, other.late = self.subs, self.kept, self.goal, self.late
        other.options, other.told, other.resumed = self.options, self.told, self.resumed
        other.cancelled, other.is_ended, other.asking = self.cancelled, self.is_ended, self.asking
        other.is_lost = self.is_lost
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
        self.kept = frozenset()
        self.held, self.is_ended, self.asking = set(), False, None
        if begun.resume is None:
            self.node = root(begun.plan, begun.kept)

    def _step(self, record: Record) -> None:
        _, step, code, epoch, kept, names = record
        self.pending.pop(step, None)
        node = self.node
        assert node is not None
        if self.goal:
            if code == OK:
                self._too_late(node, record)
            self._stopped(step)
            return
        if code in _AIMS:
            self._aim(code, names)
            return
        if epoch:
            self.epoch = epoch
        if self.asking is not None:
            self._asked_gate(self.asking, code)
            return
        if step in node.doors:
            self._door(node.doors[step], record)
        else:
            self.node = node.after(step, code)
        if code != OK:
            return
        if step in node.plan.children:
            self.subs = (*self.subs, names)
        elif step >= ITEM or node.plan.pipelines >> step & 1:
            self.is_ended = bool(names) and names[1]
            self._acknowledge(step, node, kept=kept)

    def _too_late(self, node: Node, record: Record) -> None:
        """Keep what has completed though it was to stop: ``Driver._cancelled``."""
        _, step, _, _, kept, given = record
        gates = node.doors.get(step, ())
        if gates and kept:
            return
        self.late = (*self.late, *gates, step)
        if step not in node.plan.children and given:
            self.is_ended = given[1]

    def _door(self, gates: tuple[int, ...], record: Record) -> None:
        """Go by what a pipeline's activity tells of its gates, as ``go_through``."""
        _, step, code, _, _, given = record
        if not given:
            self.asking = Asking(gates, step, code)
        elif FAILED in given[0]:
            self.asking = Asking(gates, step, code, given[0])
        else:
            self._went_through(gates, given[0])
            assert self.node is not None
            self.node = self.node.after(step, code)

    def _went_through(self, gates: tuple[int, ...], codes: tuple[int, ...]) -> None:
        for gate, code in zip(gates, codes, strict=False):
            assert self.node is not None
            self.node = self.node.after(gate, code)

    def _asked_gate(self, asking: "Asking", code: int) -> None:
        """Go by what a gate has answered by itself; one that has failed is asked again, and that is final."""
        before = asking.codes[:-1] if asking.is_shut else asking.codes
        asked = Asking(asking.gates, asking.pipeline, asking.code, (*before, code))
        if asking.is_shut or (len(asked.codes) == len(asked.gates) and not asked.is_shut):
            self.asking = None
            self._went_through(asked.gates, asked.codes)
            if not asking.is_shut:
                assert self.node is not None
                self.node = self.node.after(asked.pipeline, asked.code)
        else:
            self.asking = asked

    def _acknowledge(self, step: int, before: Node, *, kept: int) -> None:
        """Count an execution that history holds, an item when its map is over: ``StepRunner._acknowledge``."""
        if kept:
            self.kept |= {(kept, step, before.round_of(step))}
        done = set() if kept or step in before.stopping else {(step, before.round_of(step))}
        if step < ITEM:
            self.acknowledged = self.acknowledged | done
            return
        self.items = self.items | done
        if self.node is not None and all(cmd.step // ITEM != step // ITEM for cmd in self.node.commands):
            self.acknowledged, self.items = self.acknowledged | self.items, set()

    def known(self) -> tuple[int, int, tuple[int, ...], frozenset[tuple[int, int, int]]]:
        """Return how much of the run the database must know: executions, of them sent back, sub-runs, what is kept."""
        return len(self.acknowledged), len(self.sent_back), self.subs, self.kept

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
        self.goal, self.late, self.asking = goal, (), None
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
            self.is_lost = True
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
