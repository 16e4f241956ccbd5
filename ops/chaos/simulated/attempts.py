"""What a run's activities do: pipelines, holds, decisions, questions. As ``runtime.attempt`` and ``run_activities``."""

from typing import TYPE_CHECKING

from ops.chaos.plans import PLANS
from ops.chaos.simulated.begun import Begun
from ops.chaos.simulated.claims import (
    Key,
    LostError,
    RefusedError,
    RetryError,
    Steps,
    alone,
    fenced,
    may_write,
    shared,
    writes,
)
from ops.chaos.simulated.driver import ASKED, DECIDED, HELD, STEP
from ops.chaos.simulated.endings import end_run
from ops.chaos.simulated.nodes import CANCELLED, FAILED, LOST, OK, RESUME
from ops.chaos.simulated.run_starter import requested
from ops.chaos.simulated.store import DONE, SENT_BACK, Partition, Store, Tx
from ops.chaos.simulated.temporal import Execution, Pending

if TYPE_CHECKING:
    from ops.chaos.simulated.acting import Actor
    from ops.chaos.simulated.world import World


def pipeline(world: "World", actor: "Actor", pending: Pending) -> Steps:
    """Run a pipeline's activity, as ``pipeline_activity``; return its record."""
    step, execution, told = pending.cmd.step, actor.execution, pending.verdicts
    if FAILED in told and world.guards.door:  # ``_refused``
        yield None
        return (STEP, step, FAILED, 0, False, (told, False))
    key = pending.key
    if key.execution != key.run and not pending.cmd.item:
        try:
            wanted = yield from requested(world, execution)
        except RefusedError:
            return (STEP, step, FAILED, 0, False, ())
        if wanted is not None:
            return (STEP, step, RESUME, 0, False, (wanted,))
    try:
        (code, kept, is_end), epoch = yield from fenced(world, key, lambda key: _attempt(world, actor, pending, key))
    except (LostError, RefusedError):
        return (STEP, step, LOST, 0, False, ())
    return (STEP, step, code, epoch, kept, (told, is_end) if told or is_end else ())


def _attempt(world: "World", actor: "Actor", pending: Pending, key: Key) -> Steps:
    """Do it in one transaction, as ``Attempt._within``.

    Return how it ended, whose it was that is kept or 0, and whether it is the run's end.
    """
    yield None
    guards, cmd = world.guards, pending.cmd
    tx = world.store.begin(actor)
    tx.idle = False
    if guards.lineage and (key.lineage != key.run or (key.execution != key.run and guards.reset_lineage)):
        done = world.store.done_in_lineage(key.lineage, key.run, cmd.step)
        yield None
        if tx.aborted:
            raise RetryError
        if done:
            world.store.close(tx)
            yield None
            return OK, done, False
    tx.turn = (key.run, cmd.step, cmd.round)
    while other := _opened(world, tx):
        yield other
    store, execution = world.store, tx.turn
    run = store.runs.get(key.run)
    status = 0 if run is None else run.ledger.get(execution[1:], 0)
    if status == DONE and guards.ledger:
        store.close(tx)
        yield None
        return OK, 0, False
    partition = store.partition(key.partition)
    if not may_write(world, store, partition, key, pending.acknowledged):
        store.close(tx)
        raise LostError
    yield None
    if PLANS[pending.plan].fails(cmd.step, world.mended):
        world.store.close(tx)
        yield None
        return FAILED, 0, False
    return (yield from _completed(world, actor, tx, pending, key, execution))


def _opened(world: "World", tx: Tx) -> Tx | None:
    """Take the execution's turn, of the first round that was not sent back: ``_opened`` and ``open_execution``.

    Return the transaction that has it and is waited for; None: it is taken.
    """
    store, guards = world.store, world.guards
    while not tx.aborted:
        assert tx.turn is not None
        holder = store.turns.get(tx.turn) if guards.lock else None
        if holder is not None and not holder.actor.given_up:
            return holder
        if holder is not None:  # its session is ended, as ``_end_older`` does
            store.close(holder)
        run, step, again = tx.turn
        row = store.runs.get(run)
        if row is None or row.ledger.get((step, again)) != SENT_BACK or not guards.superseded:
            store.turns[tx.turn], tx.run = tx, run
            return None
        tx.turn = (run, step, again + 1)
    raise RetryError


def _completed(
    world: "World", actor: "Actor", tx: Tx, pending: Pending, key: Key, execution: tuple[int, int, int]
) -> Steps:
    """Complete the ledger's row as the last statement, and commit, as ``complete_execution``."""
    partition = world.store.partition(key.partition)
    while other := shared(tx, partition):
        yield other
    ending = pending.cmd.ending
    _require_fence(world, tx, partition, pending, key)
    if actor.abandoned:
        world.store.close(tx)
        return CANCELLED, 0, False
    tx.idle = world.guards.idle
    yield None
    if tx.aborted:
        raise RetryError
    if actor.expired and world.guards.late_end:
        ending = None
    if ending is not None:
        while other := alone(tx, partition):
            yield other
    store = world.store
    writes(world, partition, key.epoch, actor.execution.id)
    if FAILED in pending.verdicts:
        world.fails(f"step {execution[1]} of run {key.run} is done behind a gate that has failed")
    _write_rows(world, store, key, execution)
    if ending is not None:
        end_run(world, partition, store.runs[key.run], ending, key)
    store.close(tx)
    yield None
    return OK, 0, ending is not None


def _require_fence(world: "World", tx: Tx, partition: Partition, pending: Pending, key: Key) -> None:
    """Refuse the transaction of a run that may not write."""
    if may_write(world, world.store, partition, key, pending.acknowledged):
        return
    run, ending = world.store.runs.get(key.run), pending.cmd.ending
    if ending is not None and run is not None and not world.guards.fenced_end:
        end_run(world, partition, run, ending, key)
    world.store.close(tx)
    raise LostError


def _write_rows(world: "World", store: Store, key: Key, execution: tuple[int, int, int]) -> None:
    """Write the pipeline's rows and the ledger's, and check that the step was not done in its lineage."""
    _, step, again = execution
    run = store.runs[key.run]
    if execution in store.sent_back:
        world.fails(f"step {step} of run {key.run}, round {again}, was sent back and is done again under its id")
    done = store.valid.get((run.lineage, step))
    if done is not None:
        world.fails(f"step {step} of lineage {run.lineage} is done by run {key.run} and by run {done[0]}")
    store.valid[run.lineage, step] = (key.run, again)
    if (step, again) not in run.ledger:
        run.done += 1
    run.ledger[step, again] = DONE
    store.rows.append(execution)
    world.committed.append(execution)


def hold(world: "World", actor: "Actor", pending: Pending) -> Steps:
    """Write the anomaly of a held gate, as ``record_hold``."""

    def write(key: Key) -> Steps:
        tx, partition = yield from _in_transaction(world, actor, pending, key)
        held = (key.run, pending.cmd.step, pending.cmd.round)
        if held not in world.store.decided:
            world.store.holds.add(held)
        writes(world, partition, key.epoch, actor.execution.id)
        world.store.close(tx)
        yield None

    return (yield from _recorded(world, actor, pending, HELD, write))


def decide(world: "World", actor: "Actor", pending: Pending) -> Steps:
    """Record what was decided of it, as ``record_decision``."""

    def write(key: Key) -> Steps:
        tx, partition = yield from _in_transaction(world, actor, pending, key)
        held = (key.run, pending.cmd.step, pending.cmd.round)
        assert pending.decision is not None
        store = world.store
        if pending.sent_back is not None:
            store.supersede(key.lineage, key.run, pending.sent_back)
        store.holds.discard(held)
        store.decided.setdefault(held, pending.decision)
        writes(world, partition, key.epoch, actor.execution.id)
        store.close(tx)
        yield None

    return (yield from _recorded(world, actor, pending, DECIDED, write))


def _in_transaction(world: "World", actor: "Actor", pending: Pending, key: Key) -> Steps:
    """Keep the partition, and require the fence and the time: ``RunActivities._recorded``."""
    yield None
    tx = world.store.begin(actor)
    partition = world.store.partition(key.partition)
    while other := shared(tx, partition):
        yield other
    if not may_write(world, world.store, partition, key, pending.acknowledged):
        world.store.close(tx)
        raise LostError
    yield None
    if tx.aborted:
        raise RetryError
    if world.guards.late and actor.expired:
        world.store.close(tx)
        raise RetryError
    return tx, partition


def _recorded(world: "World", actor: "Actor", pending: Pending, kind: int, write: object) -> Steps:
    step = pending.cmd.step
    try:
        _, epoch = yield from fenced(world, pending.key, write)  # type: ignore[arg-type]
    except (LostError, RefusedError):
        return (kind, step, LOST, 0, False, ())
    given = pending.decision[:2] if kind == DECIDED and pending.decision is not None else None
    return (kind, step, OK, epoch, False, given)


def ask(world: "World", actor: "Actor", pending: Pending) -> Steps:
    """Ask whether a person has reset the run to go on otherwise, as ``verdict`` of ``_asked_to_resume``."""
    try:
        wanted = yield from requested(world, actor.execution)
    except RefusedError:
        return (ASKED, 0, FAILED, 0, False, ())
    if wanted is None:
        return (ASKED, 0, OK, 0, False, ())
    return (ASKED, 0, RESUME, 0, False, (wanted,))


def verdict(world: "World", execution: Execution, begun: Begun, names: tuple[int, ...], step: int) -> Steps:
    """Record what a gate said, as ``RunActivities.verdict``; of a reset run it asks how to go on.

    ``names``: what else is pending.
    """
    if begun.run != execution.id:
        try:
            wanted = yield from requested(world, execution)
        except RefusedError:
            return (STEP, step, FAILED, 0, False, ())
        if wanted is not None:
            return (STEP, step, RESUME, 0, False, (wanted, names))
    code = FAILED if PLANS[begun.plan].fails(step, world.mended) else OK
    return (STEP, step, code, 0, False, ())
