"""Who acts in a simulation, and who acts next."""

from typing import Any

from ops.chaos.simulated.claims import LostError, RefusedError, RetryError, Steps
from ops.chaos.simulated.guards import Guards
from ops.chaos.simulated.store import Store, Tx
from ops.chaos.simulated.temporal import Pending, Temporal

#: Steps of everything together after which a simulation counts as one that does not end.
_MOST = 4000
#: Steps that may wait for what is frozen.
_BLOCKED = 100
#: What an actor is: a workflow task, an activity, somebody's command, a worker's own look.
TASK, ACTIVITY, PERSON, WORKER = range(4)


class Actor:
    """Something that acts, one step at a time."""

    __slots__ = (
        "abandoned", "dead", "execution", "expired", "frozen", "given_up", "kind", "number", "parked",
        "pending", "steps",
    )  # fmt: skip

    def __init__(self, kind: int, execution: Any = None, pending: Pending | None = None, number: int = 1) -> None:
        self.kind, self.execution, self.pending, self.number = kind, execution, pending, number
        self.steps: Steps = None  # type: ignore[assignment]
        #: Temporal does not wait for it any more; its time has passed; it is to stop; it does nothing any more.
        #: Whether it was frozen for so long that what it begins now is late as well (``given_up_at``).
        self.frozen = False
        self.given_up = self.expired = self.abandoned = self.dead = self.parked = False

    def let_go(self) -> None:
        """Hold nothing any more, so that there is no circle and Python frees a simulation without looking for it."""
        self.steps = self.execution = self.pending = None  # type: ignore[assignment]


class Acting:
    """Everything that acts, and the servers that it acts on."""

    __slots__ = (
        "_blocked", "_next_id", "clock", "committed", "current", "drift", "ends", "finishing", "given",
        "guards", "is_set_back", "late", "latest", "mended", "parked", "ready", "restored", "saved", "store",
        "temporal", "violation",
    )  # fmt: skip

    def __init__(self, guards: Guards) -> None:
        self.guards = guards
        self.store = Store(guards)
        self.temporal = Temporal(guards)
        #: What is to act, the last one first; what Temporal has given up; what waits for another run.
        self.ready: list[Actor] = []
        self.late: list[Actor] = []
        self.parked: list[Actor] = []
        self.current: Any = None
        #: It goes on by one with each step. When it is the latest, the simulation counts as one that does not end.
        self.clock = 1_000_000
        self.latest = self.clock + _MOST
        #: By how much the database's clock differs, and whether it was ever set back.
        self.drift = 0
        self.is_set_back = False
        self.mended = -1  # the first start mends nothing
        self.restored = 0
        self.saved: tuple[int, Store] | None = None
        #: The highest epoch that was ever given, by partition.
        self.given: dict[int, int] = {}
        #: Rows that were committed, and not restored away.
        self.committed: list[tuple[int, int, int]] = []
        #: When a run's last pipeline has ended it, by run; not of those that were reset since.
        self.ends: dict[int, int] = {}
        self.violation = ""
        self._blocked = 0
        #: Whether the schedule is over: what is frozen stays so until nothing else acts.
        self.finishing = False
        self._next_id = 0

    def fails(self, what: str) -> None:
        """Keep the first thing that is not as it must be."""
        self.violation = self.violation or what

    def number(self) -> int:
        """Return an id that nobody has."""
        self._next_id += 1
        return self._next_id

    def act(self, actor: Actor, steps: Steps) -> None:
        """Let something act next."""
        actor.steps = steps
        self.ready.append(actor)

    def go(self, steps: int = _MOST) -> None:
        """Let them act, so many steps at most, until nothing is ready or something is wrong."""
        ready, until = self.ready, min(self.clock + steps, self.latest)
        while self.clock < until and not self.violation:
            actor = self.current
            while actor is None or actor.dead or actor.parked:
                if not ready:
                    self.current = None
                    return
                actor = self.current = ready.pop()
            self._acts(actor, until)
        if self.clock >= self.latest:
            self.fails("it does not end")

    def _acts(self, actor: Actor, until: int) -> None:
        """Let one act until another is to, or the time is over."""
        self.clock += 1
        try:
            for waits in actor.steps:
                if waits is not None:
                    self._waits(actor, waits)
                if self.clock >= until or self.current is not actor or actor.parked or self.violation:
                    return
                self.clock += 1
        except (RetryError, LostError, RefusedError) as error:
            actor.dead, self.current = True, None
            self.failed(actor, error)
        else:
            actor.dead, self.current = True, None
        if actor.pending is not None:  # which leads back to it
            actor.let_go()

    def _waits(self, actor: Actor, tx: Tx) -> None:
        """Let whoever holds the lock act; Postgres ends a transaction whose process is frozen."""
        holder = tx.actor
        if not holder.given_up:
            if holder.dead:
                self.store.close(tx)
            else:
                self.switch(holder)
        elif tx.idle:
            self.store.close(tx)
        else:
            self._put_aside(actor)
            self._blocked += 1
            if self.finishing and self._blocked > _BLOCKED and holder in self.late:
                self.fails("what is frozen holds a lock, and Postgres does not end it")

    def _put_aside(self, actor: Actor) -> None:
        self.current = None
        self.ready.insert(0, actor)

    def switch(self, actor: Actor) -> None:
        """Let another one act, which is ready or was given up; the current one goes on after it."""
        if actor in self.ready:
            self.ready.remove(actor)
        elif actor in self.late:
            self.late.remove(actor)
        if self.current is not None and not self.current.dead:
            (self.late if self.current.given_up else self.ready).append(self.current)
        self.current = actor

    def park(self, actor: Actor) -> None:
        """Put something aside that waits for another run."""
        actor.parked = True
        self.parked.append(actor)

    def unpark(self) -> None:
        """Let what was put aside look again."""
        for actor in self.parked:
            actor.parked = False
            self.ready.insert(0, actor)
        self.parked.clear()

    def give_up(self, actor: Actor, *, expired: bool = False) -> None:
        """Let Temporal wait for it no longer; it lives on."""
        if actor.dead or actor.given_up:
            return
        actor.given_up = True
        actor.expired = actor.frozen = expired
        if actor.parked:
            self.parked.remove(actor)
            actor.parked = False
        if actor is self.current:
            self.current = None
        elif actor in self.ready:
            self.ready.remove(actor)
        self.late.append(actor)

    def kill(self, actor: Actor) -> None:
        """End it at once; what it had not committed is rolled back."""
        actor.dead = True
        for tx in [tx for tx in self.store.open if tx.actor is actor]:
            self.store.close(tx)
        if actor is self.current:
            self.current = None
        for actors in (self.ready, self.late, self.parked):
            if actor in actors:
                actors.remove(actor)

    def failed(self, actor: Actor, error: Exception) -> None:
        """Let what an actor has failed of be tried again, or not."""
        raise NotImplementedError
