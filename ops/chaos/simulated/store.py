"""A model of Postgres: the rows, the locks, and transactions that are atomic when they commit."""

from typing import Any

from ops.chaos.plans import ITEM
from ops.chaos.simulated.guards import Guards

RUNNING, COMPLETED, PARTIAL, FAILED, CANCELLED = "RUNNING", "COMPLETED", "PARTIAL", "FAILED", "CANCELLED"
#: Of an execution in the ledger.
DONE, SENT_BACK = 1, 2


class Partition:
    """A row of ``core_partitions``; its newest completed run in the manifest; who has locked it."""

    __slots__ = ("claimed_at", "claimed_by", "completed", "epoch", "execution", "holder", "lock", "number", "shared")

    def __init__(self, number: int) -> None:
        self.number = number
        self.epoch = self.holder = self.execution = self.completed = 0
        #: When the newest epoch was taken, and by which execution: for the checker.
        self.claimed_at = self.claimed_by = 0
        self.lock: Tx | None = None
        self.shared: list[Tx] = []

    def copy(self) -> "Partition":
        """Return another, which nobody has locked."""
        other = Partition(self.number)
        other.epoch, other.holder, other.execution = self.epoch, self.holder, self.execution
        other.completed, other.claimed_at, other.claimed_by = self.completed, self.claimed_at, self.claimed_by
        return other


class Run:
    """A row of ``core_runs``, with its rows of the ledger."""

    __slots__ = (
        "began", "done", "ended", "epoch", "execution", "first", "id", "ledger", "lineage", "other", "partition",
        "place", "plan", "request", "result", "sent_from", "started", "status", "wid",
    )  # fmt: skip

    def __init__(self) -> None:
        self.id = self.place = self.plan = self.partition = self.started = self.epoch = self.first = 0
        self.execution = 0
        #: When its row was written, for the checker; when it ended.
        self.began = self.ended = 0
        self.wid: Any = 0
        self.lineage: Any = 0
        self.status = RUNNING
        #: Steps that its result has as completed, and those that it has otherwise than left out; -1: no result.
        self.result = -1
        self.other = 0
        #: The step that it was resumed from on (``correction.start_from``).
        self.sent_from: int | None = None
        #: Id, when it expires, by whom it was taken or 0, and the step to start from.
        self.request: tuple[int, int, int, int | None] | None = None
        #: By step and round.
        self.ledger: dict[tuple[int, int], int] = {}
        #: How many of them were ever completed.
        self.done = 0

    def copy(self) -> "Run":
        """Return another."""
        other = Run.__new__(Run)
        for name in Run.__slots__:
            setattr(other, name, getattr(self, name))
        other.ledger = self.ledger.copy()
        return other

    def set(self, **values: Any) -> None:
        """Set its columns."""
        for name, value in values.items():
            setattr(self, name, value)


class Tx:
    """A transaction, and what it has locked."""

    __slots__ = ("aborted", "actor", "idle", "partition", "run", "turn")

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.aborted = False
        #: Whether Postgres ends it where it does nothing for long.
        self.idle = True
        self.partition: Partition | None = None
        #: The run whose attempts it is found by (``run_key_of``), and the execution whose turn it has.
        self.run = 0
        self.turn: tuple[int, int, int] | None = None


class Store:
    """The committed rows."""

    __slots__ = (
        "decided", "guards", "holds", "lineages", "open", "partitions", "rows", "runs", "sent_back",
        "turns", "valid",
    )  # fmt: skip

    def __init__(self, guards: Guards) -> None:
        self.guards = guards
        self.partitions: dict[int, Partition] = {}
        self.runs: dict[int, Run] = {}
        self.lineages: dict[Any, list[int]] = {}
        #: Open anomalies of held gates, and what was decided: by run, step and round.
        self.holds: set[tuple[int, int, int]] = set()
        self.decided: dict[tuple[int, int, int], tuple[int, int, int]] = {}
        #: Rows that pipelines wrote, without a key: run, step, round.
        self.rows: list[tuple[int, int, int]] = []
        # For the checker: which commit of a lineage's step holds, and what was sent back.
        self.valid: dict[tuple[Any, int], tuple[int, int]] = {}
        self.sent_back: set[tuple[int, int, int]] = set()
        self.open: list[Tx] = []
        self.turns: dict[tuple[int, int, int], Tx] = {}

    def partition(self, number: int) -> Partition:
        """Return the partition, which appears with its first claim."""
        found = self.partitions.get(number)
        if found is None:
            found = self.partitions[number] = Partition(number)
        return found

    def snapshot(self) -> "Store":
        """Return a copy of all that is committed."""
        other = Store(self.guards)
        other.partitions = {number: one.copy() for number, one in self.partitions.items()}
        other.runs = {number: one.copy() for number, one in self.runs.items()}
        other.lineages = {key: runs.copy() for key, runs in self.lineages.items()}
        other.holds, other.decided, other.rows = self.holds.copy(), self.decided.copy(), self.rows.copy()
        other.valid, other.sent_back = self.valid.copy(), self.sent_back.copy()
        return other

    def begin(self, actor: Any) -> Tx:
        """Open a transaction."""
        tx = Tx(actor)
        self.open.append(tx)
        return tx

    def close(self, tx: Tx) -> None:
        """Give its locks back, as a commit and a roll-back do."""
        if tx.aborted:
            return
        tx.aborted = True
        self.open.remove(tx)
        partition = tx.partition
        if partition is not None:
            if partition.lock is tx:
                partition.lock = None
            else:
                partition.shared.remove(tx)
        if tx.turn is not None and self.turns.get(tx.turn) is tx:
            del self.turns[tx.turn]

    def restart(self) -> None:
        """Roll back whatever is open."""
        while self.open:
            self.close(self.open[-1])

    def end_attempts_of(self, run: int) -> None:
        """End the sessions of a run's attempts, as ``end_attempts_of_run``."""
        for tx in [tx for tx in self.open if tx.run == run]:
            self.close(tx)

    def newest(self, runs: list[Run]) -> Run | None:
        """Return the one that was started last."""
        if len(runs) > 1:
            return max(runs, key=lambda run: (run.started, -run.id))
        return runs[0] if runs else None

    def latest_run(self, wid: Any) -> Run | None:
        """Return the newest run of a workflow id, of whichever Temporal, as ``recording.runs.latest_run``."""
        return self.newest([run for run in self.runs.values() if run.wid == wid])

    def lineage(self, lineage: Any) -> list[Run]:
        """Return the runs that go on from each other, the first one first, as ``runs_of_lineage``."""
        runs = [self.runs[run] for run in self.lineages.get(lineage, ())]
        return sorted(runs, key=lambda run: (run.started, run.id)) if len(runs) > 1 else runs

    def done_in_lineage(self, lineage: Any, run: int, step: int) -> int:
        """Return which other run of the lineage has done the step, as ``done_in_lineage``; 0: none."""
        for number in self.lineages.get(lineage, ()):
            if number != run:
                for (done, _), status in self.runs[number].ledger.items():
                    if done == step and status == DONE:
                        return number
        return 0

    def outcomes(self, row: Run, pipelines: int, order: Any) -> int:
        """Return what the lineage has done up to that run, as ``recording.ended_runs._outcomes``."""
        done = 0
        runs = self.lineage(row.lineage)
        for run in runs:
            if run.sent_from is not None:
                for step in order(run.sent_from):
                    done &= ~(1 << step)
            if run.result >= 0:
                done = done & ~run.other | run.result
            if run is row:
                break
        done &= ~pipelines
        for run in runs:
            for (step, _), status in run.ledger.items():
                if status == DONE and step < ITEM:
                    done |= 1 << step
        return done

    def supersede(self, lineage: Any, run: int, rounds: dict[int, int]) -> None:
        """Let outputs hold no longer, as ``supersede_executions``; a map's items go with it."""
        for number in self.lineages.get(lineage, ()):
            ledger = self.runs[number].ledger
            for (step, again), status in ledger.items():
                of = step if step < ITEM else step // ITEM - 1
                if status == DONE and of in rounds and (number != run or again <= rounds[of]):
                    ledger[step, again] = SENT_BACK
                    self.sent_back.add((number, step, again))
        for (of_lineage, step), (number, again) in list(self.valid.items()):
            of = step if step < ITEM else step // ITEM - 1
            if of_lineage == lineage and of in rounds and (number != run or again <= rounds[of]):
                del self.valid[of_lineage, step]
