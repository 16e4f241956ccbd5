"""What people do, and who closes orphaned runs: as ``resume_run``, ``reconcile``, ``payloads``, ``orphaned_runs``."""

from typing import TYPE_CHECKING, Any

from ops.chaos.plans import PLANS, goes_on
from ops.chaos.simulated.begun import Options
from ops.chaos.simulated.claims import (
    RetryError,
    Steps,
    claim_of,
    close_orphaned_run,
    closed_as,
    exclusive,
    write_orphaned_end,
)
from ops.chaos.simulated.driver import DECISION, SIGNAL
from ops.chaos.simulated.store import RUNNING, Run, Store
from ops.chaos.simulated.temporal import Execution

if TYPE_CHECKING:
    from ops.chaos.simulated.world import World

#: How long a request to resume holds, in steps of the clock.
PATIENCE = 10_000
#: Rounds of a gate that are asked for.
_ROUNDS = 3


def resume(world: "World", place: int, wid: Any, start_from: int | None) -> Steps:
    """Go on from the newest run of an id, as ``checked_options`` and ``resume_run``."""
    row = world.store.latest_run(wid)
    if row is None or not _fits(world, row, start_from):
        return
    yield None
    newest = world.temporal.newest(place, wid)
    if newest is not None and newest.is_open:
        return
    yield None
    request = world.number()
    if not _request(world, row.id, request, start_from):
        return
    yield None  # between the request and the reset
    world.mended += 1
    if newest is not None and newest.deleted:
        _withdraw(world, row.id, request)
        return
    point = None if newest is None else world.temporal.reset_point(newest)
    yield None
    if newest is None or point is None:
        done = _started(world, place, row, Options(row.id, start_from, request))
    else:
        done = not newest.deleted
        if done:
            reset = world.resumed_from(newest, point, request)
    if not done:
        yield None
        _withdraw(world, row.id, request)
        return
    if newest is not None and point is not None:
        yield None
        world.arrives(reset, (SIGNAL, 0, 0, 0, False, None))


def _fits(world: "World", row: Run, start_from: int | None) -> bool:
    plan = PLANS[row.plan]
    done = world.store.outcomes(row, plan.pipelines, plan.from_step)
    return goes_on(row.plan, done, start_from, row.status) is not None


def _request(world: "World", run: int, request: int, start_from: int | None) -> bool:
    """Say that the run is being resumed, where nobody else does so: ``request_resume``."""
    row = world.store.runs.get(run)
    if row is None:
        return False
    now = world.clock + world.drift
    held = row.request is not None and (row.request[2] != 0 or is_being_resumed(world, row, now))
    if held and world.guards.request:
        return False
    if held:
        world.fails(f"run {run} is resumed twice at once, and both are told so")
    row.request = (request, now + PATIENCE, 0, start_from)
    return True


def is_being_resumed(world: "World", row: Run, now: int) -> bool:
    """Return whether somebody has said that he resumes a run, which nobody does yet, and may still do so then."""
    request = row.request
    return request is not None and not request[2] and (request[1] >= now or not world.guards.expires)


def _withdraw(world: "World", run: int, request: int) -> None:
    row = world.store.runs.get(run)
    if row is not None and row.request is not None and row.request[0] == request and not row.request[2]:
        row.request = None


def _started(world: "World", place: int, row: Run, options: Options) -> bool:
    """Start a new run of the id, as Temporal has no history to go on from; False where one is open."""
    newest = world.temporal.newest(place, row.wid)
    if newest is not None and newest.is_open:
        return False
    execution = Execution(world.number(), place, row.wid, row.plan, row.partition, world.clock)
    execution.resume = options
    execution.asked.add(options.request)
    world.start(execution)
    return True


def start(
    world: "World", place: int, wid: Any, plan: int, *, force: bool = False, from_step: int | None = None
) -> None:
    """Start a run, or join the one of the same id that is open, as ``SpineClient.start``."""
    newest = world.temporal.newest(place, wid)
    if newest is not None and newest.is_open:
        return
    world.mended += 1
    execution = Execution(world.number(), place, wid, plan, plan, world.clock)
    execution.force, execution.from_step = force, from_step
    world.start(execution)


def decide(world: "World", execution: Execution, step: int, action: int, start_from: int, who: int) -> None:
    """Decide of a held gate; the workflow refuses what is decided already, as ``decision_of``."""
    driver = execution.driver
    node = driver.node
    if node is None or not execution.is_open or not any(cmd.step == step and cmd.kind == 2 for cmd in node.commands):
        return
    again = node.round_of(step)
    if start_from >= 0 and (again >= _ROUNDS or start_from not in node.targets or step in node.plan.beside):
        start_from = -1
    if action == 1 and again >= _ROUNDS:
        action = 0
    world.arrives(execution, (DECISION, step, 0, 0, False, (action, start_from, who)))


def look(world: "World", place: int) -> Steps:
    """Close the books of runs that Temporal has closed, as ``orphaned_runs.look``."""
    for row in [row for row in world.store.runs.values() if row.status == RUNNING and row.place == place]:
        yield None
        where = (row.id, row.wid, row.first, row.place)
        truly = world.temporal.truly_open(where, 0)
        if world.temporal.standing(place, where, 0):
            continue
        yield None
        yield from _left_behind(world, row, truly)


def _left_behind(world: "World", row: Run, truly_open: bool) -> Steps:
    while True:
        try:
            return (yield from close_orphaned_run(world, row.id, closed_as(world, row.id), truly_open))
        except RetryError:
            yield None


def release(world: "World", place: int, wid: Any) -> Steps:
    """Free a partition whose run cannot exist any more, as ``release_partition``."""
    row = world.store.latest_run(wid)
    yield None
    newest = world.temporal.newest(place, wid)
    if newest is not None and newest.is_open and row is not None and newest.first == row.first:
        return
    yield None
    held = next((one for one in world.store.partitions.values() if one.holder and _is_of(world, one.holder, wid)), None)
    if held is None:
        return
    tx = world.store.begin(world.current)
    partition = world.store.partition(held.number)
    while other := exclusive(tx, partition):
        yield other
    yield None
    if tx.aborted:
        return
    holder = claim_of(world.store, partition)[0]
    if row is not None and row.id in world.store.runs and row.partition == partition.number:
        write_orphaned_end(world.store, partition, world.store.runs[row.id], world.clock)
    if holder and partition.holder == holder:
        partition.holder = partition.execution = 0
    world.store.close(tx)


def reconcile(world: "World", place: int, wid: Any) -> Steps:
    """Bring both sides of an id together, as ``client.reconcile``."""
    row = world.store.latest_run(wid)
    was_running = row is not None and row.status == RUNNING
    yield None
    newest = world.temporal.newest(place, wid)
    running = newest if newest is not None and newest.is_open else None
    if row is not None and was_running:
        yield None
        where = (row.id, row.wid, row.first, row.place)
        is_open, truly = world.temporal.standing(place, where, 0), world.temporal.truly_open(where, 0)
        yield None
        if not is_open:
            yield from _left_behind(world, row, truly)
            return
        if _holds(world.store, row):
            return
    if running is None:
        return
    yield None
    if running.is_open:
        world.close(running, "terminated")
    if row is not None:
        yield from _left_behind(world, row, truly_open=False)


def _holds(store: Store, row: Run) -> bool:
    partition = store.partition(row.partition)
    return partition.holder == row.id and partition.epoch == row.epoch


def _is_of(world: "World", run: int, wid: Any) -> bool:
    row = world.store.runs.get(run)
    return row is not None and row.wid == wid


def prune(world: "World", age: int) -> None:
    """Delete payloads that were stored longer ago than Temporal's retention, as ``prune_payloads``."""
    guards, runs, until = world.guards, world.store.runs.values(), world.clock - age
    wanted = [row for row in runs if _can_ask(row, until, open_ones=guards.prune_open, ended=guards.prune_ended)]
    lineages = {row.lineage for row in wanted}
    chains = {row.first for row in wanted if guards.prune_chain}
    for row in runs if guards.prune_lineage else wanted:
        if row.lineage in lineages or row.first in chains:
            until = min(until, row.started)
    _require_payloads(world, until, world.clock - age)


def _can_ask(row: Run, since: int, *, open_ones: bool = True, ended: bool = True) -> bool:
    """Return whether a run, or who resumes it, may ask for its payloads: it is open, or ended since then."""
    return open_ones if row.status == RUNNING else ended and row.ended > since


def _require_payloads(world: "World", until: int, since: int) -> None:
    """Check that what was stored before ``until`` is in no history that can be asked for.

    How old the params are of a start that was refused, and then reset, no row says.
    """
    runs = world.store.runs
    for execution in world.temporal.executions.values():
        begun = execution.driver.begun
        is_known = begun is not None and execution.first in runs and not execution.deleted
        row = runs.get(begun.run) if begun is not None and is_known else None
        if row is not None and _can_ask(row, since) and execution.oldest < until:
            world.fails(f"the payloads of run {row.id} are pruned, which its execution {execution.id} can ask for")
