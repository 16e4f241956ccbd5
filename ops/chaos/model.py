"""A model of Postgres and of the activities: what each attempt does between two boundaries at which it may die."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from spine_temporal.definition.outcome import WorkflowStatus
from spine_temporal.machine.plan import Plan, PlannedPipeline
from spine_temporal.machine.state import State
from spine_temporal.machine.step_outcome import StepOutcome

#: An attempt pauses, with the name of the boundary, wherever it may die.
Attempt = Iterator[str]

ROWS = 3


class AbortedError(Exception):
    """Raised in an attempt whose transaction the database has rolled back."""


@dataclass(frozen=True)
class Guards:
    """What keeps attempts from doing harm; a test takes one away and must be caught."""

    lock: bool = True
    ledger: bool = True
    claim: bool = True
    late: bool = True


@dataclass
class Lease:
    """Until when an attempt may commit: its worker knows the time limit that Temporal has given it."""

    expired: bool = False


@dataclass
class Transaction:
    """What one attempt has written and not committed."""

    writes: list[tuple[str, ...]] = field(default_factory=list)
    lock: str | None = None
    aborted: bool = False


@dataclass
class Store:
    """The committed rows, and who holds which lock."""

    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    ledger: dict[tuple[str, str], str] = field(default_factory=dict)
    manifest: dict[str, str] = field(default_factory=dict)
    anomalies: dict[str, tuple[int, str]] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    claim: str | None = None
    #: Runs whose pipelines wrote rows, in the order of their commits.
    order: list[str] = field(default_factory=list)
    locks: dict[str, Transaction] = field(default_factory=dict)
    open: list[Transaction] = field(default_factory=list)

    def begin(self) -> Transaction:
        """Open a transaction."""
        transaction = Transaction()
        self.open.append(transaction)
        return transaction

    def acquire(self, transaction: Transaction, lock: str) -> None:
        """Take a lock; whoever holds it is an older attempt, and loses its session."""
        holder = self.locks.get(lock)
        if holder is not None and holder is not transaction:
            self.abort(holder)
        self.locks[lock] = transaction
        transaction.lock = lock

    def commit(self, transaction: Transaction) -> None:
        """Make the writes lasting, all at once."""
        if transaction.aborted:
            raise AbortedError
        for kind, *values in transaction.writes:
            getattr(self, f"_{kind}")(*values)
        self._close(transaction)

    def abort(self, transaction: Transaction) -> None:
        """Forget the writes."""
        transaction.aborted = True
        self._close(transaction)

    def restart(self) -> None:
        """Roll back whatever is open, as a restart does."""
        for transaction in list(self.open):
            self.abort(transaction)

    def _close(self, transaction: Transaction) -> None:
        if transaction in self.open:
            self.open.remove(transaction)
        if transaction.lock is not None and self.locks.get(transaction.lock) is transaction:
            del self.locks[transaction.lock]

    def end_attempts(self, run: str) -> None:
        """Roll back what the pipelines of a run have not committed."""
        for lock, holder in list(self.locks.items()):
            if lock.startswith(f"{run}/"):
                self.abort(holder)

    def _row(self, run: str, step: str) -> None:
        self.rows[run, step] += 1
        self.order.append(run)

    def _complete(self, run: str, step: str) -> None:
        self.ledger[run, step] = "COMPLETED"

    def _fail(self, run: str, step: str) -> None:
        if self.ledger.get((run, step)) != "COMPLETED":
            self.ledger[run, step] = "FAILED"

    def _stage(self, stage: str, run: str) -> None:
        self.manifest[stage] = run

    def _forget(self, stage: str) -> None:
        self.manifest.pop(stage, None)

    def _anomaly(self, fault: str, run: str) -> None:
        count, last = self.anomalies.get(fault, (0, ""))
        self.anomalies[fault] = (count if last == run else count + 1, run)

    def _run(self, run: str, status: str) -> None:
        self.runs[run] = status

    def _take(self, run: str) -> None:
        self.claim = run

    def _release(self, run: str) -> None:
        if self.claim == run:
            self.claim = None


def begin(store: Store, guards: Guards, run: str, lease: Lease) -> Attempt:
    """Claim the partition and write the run's row; of one that has ended, only read its plan."""
    yield "before begin"
    transaction = store.begin()
    store.acquire(transaction, "claim")
    if guards.late and store.runs.get(run, "RUNNING") != "RUNNING":
        store.abort(transaction)
        return
    if store.claim not in {None, run}:  # of a run that Temporal has closed
        transaction.writes.append(("run", str(store.claim), "CANCELLED"))
        store.end_attempts(str(store.claim))
    transaction.writes += [("take", run), ("run", run, "RUNNING"), ("stage", "STARTED", run)]
    yield "begun, not committed"
    if guards.late and lease.expired:
        store.abort(transaction)
        raise AbortedError
    store.commit(transaction)
    yield "begun, not answered"


def pipeline(
    store: Store,
    guards: Guards,
    run: str,
    step: PlannedPipeline,
    outcome: StepOutcome,
    stages: tuple[str, ...],
    lease: Lease,
) -> Attempt:
    """Run a pipeline in its transaction; what fails counts in another one."""
    yield "before the transaction"
    if store.claim is None and not lease.expired:  # given back by a late end of this run, which is open
        store.claim = run
    transaction = store.begin()
    if guards.lock:
        store.acquire(transaction, f"{run}/{step.name}")
    done = store.ledger.get((run, step.name)) == "COMPLETED"
    if guards.ledger and done:
        store.abort(transaction)
        return
    yield "turn taken"
    transaction.writes += [("row", run, step.name)] * ROWS
    yield "rows written"
    if outcome.failed:
        store.abort(transaction)
        yield "rolled back"
        counted = store.begin()
        counted.writes.append(("fail", run, step.name))
        store.commit(counted)
        yield "counted, not answered"
        return
    if transaction.aborted or (guards.claim and store.claim != run):
        store.abort(transaction)
        raise AbortedError
    reached = [*stages, step.stage] if step.stage else stages  # an item of a map reaches none
    transaction.writes += [("complete", run, step.name), *(("stage", stage, run) for stage in reached)]
    yield "complete, not committed"
    if guards.claim and store.claim != run:
        store.abort(transaction)
        raise AbortedError
    store.commit(transaction)
    yield "committed, not answered"


def end(store: Store, guards: Guards, run: str, state: State, stages: tuple[str, ...], lease: Lease) -> Attempt:
    """Record how the run ended, and give the partition back; how late it is does not matter."""
    del lease
    yield "before the end"
    transaction = store.begin()
    store.acquire(transaction, "claim")
    if guards.late and store.runs.get(run, "RUNNING") != "RUNNING":
        store.abort(transaction)
        return
    finals = {status.value for status in WorkflowStatus} - {"RUNNING", state.status.value}
    transaction.writes += [("forget", stage) for stage in sorted(finals)]
    transaction.writes += [("stage", stage, run) for stage in (*stages, state.status.value)]
    transaction.writes += [("anomaly", name, run) for name in state.result.failed_steps]
    transaction.writes += [("run", run, state.status.value), ("release", run)]
    yield "ended, not committed"
    store.commit(transaction)
    yield "ended, not answered"


def stages_of(plan: Plan, state: State) -> tuple[str, ...]:
    """Return the stages of gates and choices that have passed; a row is written again without harm."""
    done = {name for name, step in state.executions.items() if step.status == "COMPLETED"}
    every = [place.step for place in plan.places.values()]
    return tuple(step.stage for step in every if step.name in done and not isinstance(step, PlannedPipeline))
