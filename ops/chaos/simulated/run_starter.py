"""How a run begins: as ``runtime.run_starter``, ``runtime.resume_starter`` and ``recording.resume_requests``."""

from typing import TYPE_CHECKING

from ops.chaos.plans import PLANS, goes_on
from ops.chaos.simulated.begun import Begun, Options
from ops.chaos.simulated.claims import (
    Claim,
    RefusedError,
    RetryError,
    Steps,
    claim_of,
    exclusive,
    next_epoch,
    settle,
    write_orphaned_end,
)
from ops.chaos.simulated.driver import BEGIN, RESUMED
from ops.chaos.simulated.nodes import OK
from ops.chaos.simulated.store import COMPLETED, RUNNING, Partition, Run, Store
from ops.chaos.simulated.temporal import Execution

if TYPE_CHECKING:
    from ops.chaos.simulated.world import World


def requested(world: "World", execution: Execution) -> Steps:
    """Return how a person wants a reset run to go on, or None, as ``ResumeStarter.requested``."""
    if not execution.reason and world.guards.reason:
        return None
    yield None
    for row in world.store.runs.values():
        request = row.request
        if request is None or row.wid != execution.wid:
            continue
        if request[0] == execution.reason or (not world.guards.reason and not request[2]):
            return Options(row.id, request[3], request[0])
    if not execution.reason:
        return None
    raise RefusedError


class _Beginning:
    """A run that is about to begin."""

    __slots__ = ("begun", "execution", "now", "options", "started")

    def __init__(self, execution: Execution, begun: Begun, options: Options | None, started: int) -> None:
        self.now = 0
        self.execution, self.begun, self.options, self.started = execution, begun, options, started


def begin(world: "World", execution: Execution) -> Steps:
    """Begin a run that was started, as ``RunStarter.begin``; return the record of it."""
    if execution.resume is not None:
        return BEGIN, 0, OK, 0, False, (yield from go_on(world, execution, execution.resume, execution.started))
    wanted = (yield from requested(world, execution)) if execution.first != execution.id else None
    begun = Begun(execution.plan, execution.id, execution.partition)
    if wanted is not None:
        begun.resume = wanted
    else:
        begun = yield from _claimed_by(world, _Beginning(execution, begun, None, execution.started))
    return BEGIN, 0, OK, 0, False, begun


def resume(world: "World", execution: Execution, options: Options) -> Steps:
    """Begin the run that goes on for one that was reset, as ``ResumeStarter.resume``; return the record of it."""
    wanted = yield from requested(world, execution)
    return RESUMED, 0, OK, 0, False, (yield from go_on(world, execution, wanted or options, world.clock))


def go_on(world: "World", execution: Execution, options: Options, started: int) -> Steps:
    """Keep what the ended run has done, and claim, as ``ResumeStarter.go_on``."""
    yield None
    known = world.store.runs.get(execution.id)
    if known is not None and known.status != RUNNING and world.guards.recorded:
        return _of_ended(world, known, Begun(execution.plan, execution.id, execution.partition))
    row = world.store.runs.get(options.run)
    if row is None:
        raise RefusedError
    kept = _kept_of(world.store, row, options.start_from)
    begun = Begun(execution.plan, execution.id, execution.partition).under(0, row.lineage, kept)
    return (yield from _claimed_by(world, _Beginning(execution, begun, options, started)))


def _claimed_by(world: "World", beginning: _Beginning) -> Steps:
    execution = beginning.execution
    lineage = execution.lineage if beginning.options is None else None
    return settle(world, lambda: _claim(world, beginning), execution.id, execution.place, lineage=lineage)


def _claim(world: "World", beginning: _Beginning) -> Steps:
    """Write the beginning in one transaction, as ``RunOpener._claim``."""
    yield None
    actor = world.current
    tx = world.store.begin(actor)
    partition = world.store.partition(beginning.begun.partition)
    while other := exclusive(tx, partition):
        yield other
    yield None
    if tx.aborted:
        raise RetryError
    try:
        return _claimed(world, world.store, partition, beginning, expired=actor.expired)
    finally:
        world.store.close(tx)


def _claimed(
    world: "World", store: Store, partition: Partition, beginning: _Beginning, *, expired: bool
) -> Begun | Claim:
    """Claim, and write the run's row: ``run_opener._claimed``; whatever is raised has written nothing."""
    begun, execution = beginning.begun, beginning.execution
    is_new = partition.epoch == 0 or not world.guards.looks
    known = None if is_new else store.runs.get(begun.run)
    if known is not None and known.status != RUNNING and world.guards.running:
        return _of_ended(world, known, begun)
    if partition.holder not in {0, begun.run}:
        return claim_of(store, partition)
    before = _before(store, beginning) if beginning.options is None else _resumed(world, store, beginning)
    if before is not None and execution.from_step is not None and beginning.options is None:
        _kept_of(store, before, execution.from_step)
    beginning.now = world.clock
    if expired:
        if world.guards.late:
            raise RetryError
        if not execution.is_open and execution.closed_at < partition.claimed_at:
            world.fails(f"execution {execution.id} began past its time, and {partition.claimed_by} had claimed since")
    epoch = partition.epoch
    if partition.holder != begun.run:
        epoch = partition.epoch = next_epoch(world, partition, execution.id)
    partition.holder, partition.execution = begun.run, execution.id
    if beginning.options is not None and before is not None:
        return _gone_on(store, partition, beginning, before)
    if before is not None and execution.from_step is not None:
        return _started_from(store, beginning, before, epoch)
    is_done = known is None and not is_new and _is_completed(store, partition, begun.run)
    return _started(store, partition, beginning, before, epoch, is_done=is_done)


def _of_ended(world: "World", known: Run, begun: Begun) -> Begun:
    """Return what a run is given whose end is recorded: how it ended."""
    ended = begun.under(known.epoch, begun.lineage, begun.kept)
    ended.earlier = known.status if world.guards.recorded else ""
    return ended


def _resumed(world: "World", store: Store, beginning: _Beginning) -> Run:
    """Return the run that is gone on from, where its request is this one's: ``take_resume``."""
    options, execution = beginning.options, beginning.execution
    assert options is not None
    row = store.runs.get(options.run)
    if row is None:
        raise RefusedError
    request = row.request
    if request is None or request[0] != options.request:
        raise RefusedError
    taken = store.runs.get(request[2])
    if request[2] not in {0, execution.id} and (taken is None or taken.first != execution.first):
        raise RefusedError
    if request[0] not in execution.asked:
        world.fails(f"execution {execution.id} took the resume {request[0]} that nobody had asked of it")
    return row


def _gone_on(store: Store, partition: Partition, beginning: _Beginning, row: Run) -> Begun:
    """Close the run before, take its request and write this one: the rest of ``_resumed``."""
    options, begun = beginning.options, beginning.begun
    assert options is not None
    assert row.request is not None
    write_orphaned_end(store, partition, row, beginning.now)
    row.request = (row.request[0], row.request[1], begun.run, row.request[3])
    if options.start_from is not None:
        _send_back(store, row, begun.run, options.start_from)
    begun = begun.under(partition.epoch, begun.lineage, begun.kept)
    _write(store, beginning, begun, sent_from=options.start_from)
    return begun


def _send_back(store: Store, row: Run, run: int, start_from: int) -> None:
    """Let the lineage's outputs from that step on hold no longer, but the run's own."""
    store.supersede(row.lineage, run, dict.fromkeys(PLANS[row.plan].from_step(start_from), -1))


def _kept_of(store: Store, row: Run, start_from: int | None) -> int:
    plan = PLANS[row.plan]
    kept = goes_on(row.plan, store.outcomes(row, plan.pipelines, plan.from_step), start_from, row.status)
    if kept is None:
        raise RefusedError
    return kept


def _started_from(store: Store, beginning: _Beginning, row: Run, epoch: int) -> Begun:
    """Keep what the partition's last run has of the steps before, as ``_started_from``."""
    from_step = beginning.execution.from_step
    assert from_step is not None
    begun = beginning.begun.under(epoch, row.lineage, _kept_of(store, row, from_step))
    _send_back(store, row, begun.run, from_step)
    _write(store, beginning, begun, sent_from=from_step)
    return begun


def _before(store: Store, beginning: _Beginning) -> Run | None:
    """Return the run that this one goes on from without a person's saying so, or with ``start_from``."""
    execution, me = beginning.execution, beginning.begun.run
    if execution.first == execution.id and execution.from_step is None and execution.lineage is None:
        return None
    others = [run for run in store.runs.values() if run.id != me]
    if execution.from_step is not None:
        found = store.newest([run for run in others if run.partition == execution.partition])
        if found is None:
            raise RefusedError
        return found
    if execution.lineage is not None:
        return store.newest([run for run in others if run.lineage == execution.lineage])
    chain = (execution.wid, execution.first, execution.place)
    return store.newest([run for run in others if (run.wid, run.first, run.place) == chain])


def _started(
    store: Store, partition: Partition, beginning: _Beginning, before: Run | None, epoch: int, *, is_done: bool
) -> Begun:
    """Write a run that was started, or find that nothing is left to do: ``_started``, ``_continued``."""
    execution, begun = beginning.execution, beginning.begun
    if before is not None:
        write_orphaned_end(store, partition, before, beginning.now)
        if before.status == COMPLETED and (execution.lineage is not None or not execution.force):
            return _already_completed(partition, begun)
        if before.status != COMPLETED:
            begun = begun.under(epoch, before.lineage, _kept_of(store, before, None))
            _write(store, beginning, begun, sent_from=None)
            return begun
    elif is_done and not execution.force:
        return _already_completed(partition, begun)
    begun = begun.under(epoch, execution.lineage or begun.run, 0)
    _write(store, beginning, begun, sent_from=None)
    return begun


def _is_completed(store: Store, partition: Partition, run: int) -> bool:
    """Return whether an earlier run has completed the partition, as ``known_runs``."""
    row = store.runs.get(partition.completed)
    return row is not None and row.id != run and row.status == COMPLETED


def _already_completed(partition: Partition, begun: Begun) -> Begun:
    """Give the partition back: an earlier run's result is this one's."""
    partition.holder = partition.execution = 0
    reused = begun.under(partition.epoch, begun.lineage, 0)
    reused.earlier = COMPLETED
    return reused


def _write(store: Store, beginning: _Beginning, begun: Begun, *, sent_from: int | None) -> None:
    """Write the run's row, as ``open_run``: a second time it changes only where the run resumes another."""
    execution = beginning.execution
    row = store.runs.get(begun.run)
    if row is not None:
        if beginning.options is not None or sent_from is not None:
            row.sent_from = sent_from
        return
    row = store.runs[begun.run] = Run()
    row.began = beginning.now
    row.id, row.place, row.wid, row.plan = begun.run, execution.place, execution.wid, begun.plan
    row.partition, row.started, row.epoch = begun.partition, beginning.started, begun.epoch
    row.first, row.execution, row.lineage, row.sent_from = execution.first, begun.run, begun.lineage, sent_from
    store.lineages.setdefault(begun.lineage, []).append(begun.run)
