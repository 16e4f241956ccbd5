"""Who may work on a partition: as ``recording.fence``, ``partitions``, ``runtime.claims`` and ``orphaned_runs``."""

from collections import Counter
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

from ops.chaos.plans import PLANS
from ops.chaos.simulated.store import CANCELLED, FAILED, RUNNING, SENT_BACK, Partition, Run, Store, Tx

if TYPE_CHECKING:
    from ops.chaos.simulated.world import World

#: What acts: at each boundary it yields None, or the transaction that it waits for.
Steps = Generator[Tx | None, None, Any]
Answer = TypeVar("Answer")

_TRIES = 3


class RetryError(Exception):
    """Raised in an attempt that Temporal tries again: Postgres rolled it back, or the partition is changing hands."""


class WaitsError(RetryError):
    """Raised in an attempt that waits for another run, which has not ended yet."""


class EndedError(RetryError):
    """Raised in an attempt of an execution whose end is recorded."""


class RefusedError(Exception):
    """Raised in a start or a resume that is refused for good."""


class LostError(Exception):
    """Raised in a run's transaction that may write nothing."""


class Key:
    """A run's identity: ``RunKey``."""

    __slots__ = ("epoch", "execution", "lineage", "partition", "place", "run", "wid")

    def __init__(
        self, place: int, wid: Any, run: int, epoch: int, lineage: Any, partition: int, execution: int
    ) -> None:
        self.place, self.wid, self.run, self.epoch = place, wid, run, epoch
        self.lineage, self.partition, self.execution = lineage, partition, execution


#: A claim that another has: its run, that run's row in Temporal's terms, whether it is running, its lineage.
Claim = tuple[int, tuple[int, Any, int, int], bool, Any, int]


def exclusive(tx: Tx, partition: Partition) -> Tx | None:
    """Lock a partition for a change: FOR UPDATE. Return the transaction that is waited for; None: it is locked."""
    if tx.aborted:
        raise RetryError
    other = partition.lock or (partition.shared[0] if partition.shared else None)
    if other is None:
        partition.lock, tx.partition = tx, partition
    return other


def shared(tx: Tx, partition: Partition) -> Tx | None:
    """Keep a partition as it is: FOR SHARE. Return the transaction that is waited for; None: it is kept."""
    if tx.aborted:
        raise RetryError
    if partition.lock is None:
        partition.shared.append(tx)
        tx.partition = partition
    return partition.lock


def alone(tx: Tx, partition: Partition) -> Tx | None:
    """Return another transaction that keeps the partition as it is, for which a change of it waits; None: none does."""
    if tx.aborted:
        raise RetryError
    return next((one for one in partition.shared if one is not tx), None)


#: What history holds of a run: executions, of them sent back, sub-runs, and what it has taken from other runs.
Known = tuple[int, int, tuple[int, ...], frozenset[tuple[int, int, int]]]


def _knows(world: "World", store: Store, run: Run, known: Known) -> bool:
    """Return whether the database knows as much of a run as its history does, or was restored."""
    guards, (done, sent_back, subs, kept) = world.guards, known
    if guards.acknowledged and done:
        has = run.done
        if sent_back and guards.sent_back:
            done += sent_back
            has += sum(one == SENT_BACK for one in run.ledger.values())
        if has < done:
            return False
    if kept and guards.kept and not _has_done(store, kept):
        return False
    return not subs or not guards.children or all(not sub or _has_ended(store, sub) for sub in subs)


def _has_done(store: Store, kept: frozenset[tuple[int, int, int]]) -> bool:
    """Return whether each run that something was taken from has done as much."""
    wanted = Counter(run for run, _, _ in kept)
    return all(run in store.runs and store.runs[run].done >= count for run, count in wanted.items())


def _has_ended(store: Store, run: int) -> bool:
    row = store.runs.get(run)
    return row is not None and row.result >= 0


def may_write(world: "World", store: Store, partition: Partition, key: Key, known: Known) -> bool:
    """Return whether a run may write, as ``Fence.lost``."""
    guards, run = world.guards, store.runs.get(key.run)
    if run is None or not _knows(world, store, run, known):
        return False
    if partition.holder != key.run or (guards.epoch and partition.epoch != key.epoch):
        return False
    return not guards.running or run.status == RUNNING


def writes(world: "World", partition: Partition, epoch: int, execution: int) -> None:
    """Check a commit: nothing of an older epoch, nothing of an execution that was closed before another claimed."""
    if epoch < partition.epoch:
        world.fails(f"epoch {epoch} of partition {partition.number} wrote after epoch {partition.epoch} was taken")
    _require_alive(world, partition, execution)


def _require_alive(world: "World", partition: Partition, execution: int) -> None:
    found = world.temporal.executions[execution]
    if not found.is_open and found.closed_at < partition.claimed_at and partition.claimed_by != execution:
        world.fails(f"execution {execution} wrote after it was closed and {partition.claimed_by} had claimed")


def next_epoch(world: "World", partition: Partition, execution: int) -> int:
    """Take the next epoch, as ``_NEXT_EPOCH``; the checker requires that it was never given before."""
    guards, clock = world.guards, world.clock + world.drift
    epoch = max(partition.epoch + 1, clock) if guards.clock else partition.epoch + 1
    if not guards.grows:
        epoch = clock
    given = world.given.get(partition.number, 0)
    if epoch <= given and not (world.restored and world.is_set_back):
        world.fails(f"epoch {epoch} of partition {partition.number} after epoch {given}")
    world.given[partition.number] = max(epoch, given)
    partition.claimed_at, partition.claimed_by = world.clock, execution
    return epoch


def settle(world: "World", attempt: Callable[[], Steps], asked_by: int, place: int, lineage: Any = None) -> Steps:
    """Return what an attempt comes to; a closed holder is cleared away first, as ``Claims.settle``."""
    for _ in range(_TRIES):
        answer = yield from attempt()
        if not isinstance(answer, tuple):
            return answer
        yield None
        _, row, running, of, _ = answer
        is_open = running and world.temporal.standing(place, row, asked_by)
        truly = running and world.temporal.truly_open(row, asked_by)
        if is_open:
            raise WaitsError if lineage is not None and lineage == of else RefusedError
        yield from clear(world, answer, truly)
    raise RetryError


def clear(world: "World", claim: Claim, truly_open: bool) -> Steps:
    """Close the books of a holder and free its partition, in two transactions, as ``Claims._clear``."""
    yield from close_orphaned_run(world, claim[0], closed_as(world, claim[0]), truly_open)
    yield None
    tx = world.store.begin(world.current)
    partition = world.store.partition(claim[4])
    while other := exclusive(tx, partition):
        yield other
    if partition.holder == claim[0]:
        partition.holder = partition.execution = 0
    world.store.close(tx)


def closed_as(world: "World", run: int) -> str:
    """Return how a run counts whose books somebody else closes: ``_end_request`` of ``orphaned_runs``."""
    row = world.store.runs.get(run)
    found = None if row is None else world.temporal.executions.get(row.execution)
    return FAILED if found is not None and found.closed == "failed" else CANCELLED


def close_orphaned_run(world: "World", run: int, status: str, truly_open: bool) -> Steps:
    """Record how a run ended that could not do so itself, as ``orphaned_runs.write_orphaned_end``."""
    yield None
    row = world.store.runs.get(run)
    if row is None:
        return
    tx = world.store.begin(world.current)
    partition = world.store.partition(row.partition)
    while other := exclusive(tx, partition):
        yield other
    yield None
    if tx.aborted:
        raise RetryError
    row = world.store.runs[run]
    if row.status == RUNNING:
        if truly_open:
            world.fails(f"the books of run {run} were closed, which is open in Temporal")
        write_orphaned_end(world.store, partition, row, world.clock, status)
    world.store.close(tx)


def write_orphaned_end(store: Store, partition: Partition, row: Run, at: int, status: str = CANCELLED) -> None:
    """Write the end of a run in the caller's transaction, which has locked its partition; ``at``: the time."""
    if row.status != RUNNING:
        return
    store.end_attempts_of(row.id)
    plan = PLANS[row.plan]
    record_end(partition, row, at, status, store.outcomes(row, plan.pipelines, plan.from_step), 0)


def record_end(partition: Partition, row: Run, at: int, status: str, done: int, other: int, execution: int = 0) -> None:
    """Write how a run ended and give its partition back, as ``ending.record_end`` and ``close_run``.

    ``execution``: which one has ended; 0: the one that is known.
    """
    if partition.holder == row.id:
        partition.completed = row.id if status == "COMPLETED" else 0
        partition.holder = partition.execution = 0
    row.status, row.ended, row.result, row.other = status, at, done, other
    if execution:
        row.execution = execution


def claim_of(store: Store, partition: Partition) -> Claim:
    """Return who holds a partition, as ``partitions.claim_of``."""
    run = store.runs.get(partition.holder)
    if run is None:
        return partition.holder, (partition.holder, 0, partition.holder, 0), False, None, partition.number
    row = (run.id, run.wid, run.first, run.place)
    return run.id, row, run.status == RUNNING, run.lineage, partition.number


def fenced(world: "World", key: Key, write: Callable[[Key], Steps], *, ends: bool = False) -> Steps:
    """Write for a run; one that was reset takes its partition again where it has lost it, as ``claims.fenced``.

    Return the answer, and the newer epoch or 0.
    """
    try:
        return (yield from write(key)), 0
    except LostError:
        if key.execution == key.run:
            raise
    try:
        epoch = yield from take_over(world, key)
    except EndedError:
        if ends or not world.guards.found:
            raise
        raise LostError from None
    taken = Key(key.place, key.wid, key.run, epoch, key.lineage, key.partition, key.execution)
    return (yield from write(taken)), epoch


def take_over(world: "World", key: Key) -> Steps:
    """Claim a partition again for a run that was reset, as ``Claims.take_over``; return the epoch."""
    yield None
    partition = world.store.partitions.get(key.partition)
    seen = None if partition is None else (partition.holder, partition.execution, partition.epoch)
    yield None
    if world.guards.working and not world.temporal.is_working(key.place, key.wid, key.execution):
        raise LostError
    return (yield from settle(world, lambda: _taken(world, key, seen), key.execution, key.place))


def _taken(world: "World", key: Key, seen: tuple[int, int, int] | None) -> Steps:
    """Take it from the state that was seen before Temporal was asked, as ``Claims._taken``."""
    yield None
    if seen is None:
        raise LostError
    if seen[:2] == (key.run, key.execution):
        return seen[2]
    tx = world.store.begin(world.current)
    partition = world.store.partition(key.partition)
    while other := exclusive(tx, partition):
        yield other
    yield None
    if tx.aborted:
        raise RetryError
    store = world.store
    run = store.runs.get(key.run)
    same = not world.guards.seen or partition.epoch == seen[2]
    try:
        if not same or partition.holder not in {0, key.run}:
            if partition.holder in {0, key.run}:
                raise RetryError
            return claim_of(store, partition)
        if run is None:
            raise LostError
        stands = run.status not in {RUNNING, CANCELLED} and run.execution == key.execution
        if stands and world.guards.stands:
            raise EndedError
        _require_alive(world, partition, key.execution)
        partition.epoch = next_epoch(world, partition, key.execution)
        partition.holder, partition.execution = key.run, key.execution
        world.ends.pop(key.run, None)
        run.status, run.execution, run.epoch = RUNNING, key.execution, partition.epoch
        return partition.epoch
    finally:
        store.close(tx)
