"""A model of Temporal: executions by workflow id, chains of resets, histories, and who is open."""

from typing import Any

from ops.chaos.simulated.begun import Options
from ops.chaos.simulated.claims import Key
from ops.chaos.simulated.driver import CANCEL, HOLDING, Driver, Record
from ops.chaos.simulated.guards import Guards
from ops.chaos.simulated.nodes import Cmd


class Pending:
    """Something that was scheduled and has not ended: a pipeline, a child, a timer, a hold, a question.

    It keeps the run's key as it was when it was scheduled, also where a reset carries it over.
    """

    __slots__ = (
        "acknowledged",
        "actor",
        "child",
        "cmd",
        "decision",
        "key",
        "kind",
        "name",
        "plan",
        "sent_back",
        "verdicts",
    )

    def __init__(self, name: int, kind: int, cmd: Cmd, execution: "Execution", driver: Driver) -> None:
        self.name, self.kind, self.cmd = name, kind, cmd
        self.key, self.plan = execution.key(driver), execution.plan
        self.acknowledged = (0, 0, (), frozenset()) if cmd.item else driver.known()
        self.decision: tuple[int, int, int] | None = None
        #: What the gates have answered that ride along: up to the first that has failed (``PipelineRunner._riding``).
        self.verdicts: tuple[int, ...] = ()
        #: Steps that the decision sends back, each with its last round.
        self.sent_back: dict[int, int] | None = None
        self.actor: Any = None
        self.child: Execution | None = None

    def carried(self) -> "Pending":
        """Return it as it stands in a reset run."""
        other = Pending.__new__(Pending)
        for name in Pending.__slots__:
            setattr(other, name, getattr(self, name))
        other.actor = None
        return other


#: How long history was when a workflow task began, when it had completed, and what was pending when it began.
Point = tuple[int, int, tuple[Pending, ...]]


class Execution:
    """One Temporal run of a workflow id."""

    __slots__ = (
        "accepted", "asked", "buffered", "closed", "closed_at", "deleted", "driver", "first", "force",
        "from_step", "history", "id", "is_open", "lineage", "oldest", "parent", "parent_step", "partition", "paused",
        "place", "plan", "points", "reason", "resume", "started", "task", "wid",
    )  # fmt: skip

    def __init__(self, number: int, place: int, wid: Any, plan: int, partition: int, started: int) -> None:
        self.id = self.first = number
        self.place, self.wid, self.plan, self.partition, self.started = place, wid, plan, partition, started
        #: Since when its history holds payloads.
        self.oldest = started
        #: Whether it is running or paused; if not, how it was closed and when.
        self.is_open = True
        self.closed = ""
        self.closed_at = 0
        self.paused = self.deleted = False
        #: The request to resume that the reset's reason names; 0: none.
        self.reason = 0
        self.resume: Options | None = None
        #: The requests that it or those before it in its chain were started for: for the checker.
        self.asked: set[int] = set()
        self.force = False
        self.from_step: int | None = None
        #: The lineage that a parent gives it.
        self.lineage: Any = None
        self.parent: Execution | None = None
        self.parent_step = 0
        self.history: list[Record] = []
        self.points: list[Point] = []
        #: What came while a workflow task was being done, which history holds after it.
        self.buffered: list[Record] = []
        self.driver = Driver()
        self.task: Any = None
        #: Gates of which a decision was accepted: run, step and round.
        self.accepted: set[tuple[int, int, int]] = set()

    def key(self, driver: Driver) -> Key:
        """Return the identity of the run that it works for, as its driver has it."""
        begun = driver.begun
        assert begun is not None
        return Key(self.place, self.wid, begun.run, driver.epoch, begun.lineage, begun.partition, self.id)


class Temporal:
    """Both Temporals' executions."""

    __slots__ = ("current", "executions", "guards")

    def __init__(self, guards: Guards) -> None:
        self.guards = guards
        self.executions: dict[int, Execution] = {}
        #: The newest execution of an id, by place and id.
        self.current: dict[tuple[int, Any], Execution] = {}

    def newest(self, place: int, wid: Any) -> Execution | None:
        """Return the newest execution of an id; None where it is deleted."""
        found = self.current.get((place, wid))
        return None if found is None or found.deleted else found

    def start(self, execution: Execution) -> None:
        """Let it be the one of its id."""
        self.executions[execution.id] = execution
        self.current[execution.place, execution.wid] = execution

    def standing(self, place: int, row: tuple[int, Any, int, int], asked_by: int) -> bool:
        """Return whether a run (id, workflow id, first of its chain, place) is open, as ``TemporalRuns.of``."""
        run, wid, first, where = row
        if where != place:
            return self.guards.place
        newest = self.newest(place, wid)
        if newest is not None and (newest.id == run or (self.guards.chain and newest.first == first)):
            if asked_by and newest.id == asked_by != run:
                return False
            return newest.is_open and (self.guards.paused or not newest.paused)
        return False

    def is_working(self, place: int, wid: Any, execution: int) -> bool:
        """Return whether this very execution is the open one of its id, as ``TemporalRuns.is_working``."""
        newest = self.newest(place, wid)
        return newest is not None and newest.id == execution and newest.is_open

    def truly_open(self, row: tuple[int, Any, int, int], asked_by: int) -> bool:
        """Return whether anybody works for a run, whatever the guards say; one that asks for itself does not count."""
        _, wid, first, place = row
        newest = self.newest(place, wid)
        return newest is not None and newest.first == first and newest.is_open and newest.id != asked_by

    def reset(self, base: Execution, point: int, number: int, started: int) -> Execution:
        """Return the execution that goes on from the start of a workflow task, with all that history held then."""
        begin, _, pending = base.points[point]
        reset = Execution(number, base.place, base.wid, base.plan, base.partition, started)
        reset.first, reset.resume, reset.force, reset.from_step = base.first, base.resume, base.force, base.from_step
        reset.asked, reset.oldest = base.asked.copy(), base.oldest
        reset.lineage, reset.parent, reset.parent_step = base.lineage, base.parent, base.parent_step
        reset.history = base.history[:begin]
        reset.points = base.points[:point]
        for record in reset.history:
            reset.driver.take(record)
        reset.driver.pending = {one.name: one.carried() for one in pending if self._is_awaited(reset, one)}
        return reset

    @staticmethod
    def _is_awaited(reset: Execution, pending: Pending) -> bool:
        driver = reset.driver
        if driver.closed or driver.goal or driver.node is None or driver.options is not None:
            return not driver.closed and pending.name in driver.waits
        return pending.name >= HOLDING or any(cmd.step == pending.name for cmd in driver.node.commands)

    @staticmethod
    def reset_point(execution: Execution) -> int | None:
        """Return the last completed task before the run was cancelled, as ``runtime.resume_run._reset_point``."""
        history = execution.history
        until = next((at for at, record in enumerate(history) if record[0] == CANCEL), len(history))
        found = [number for number, (_, end, _) in enumerate(execution.points) if end <= until]
        return found[-1] if found else None
