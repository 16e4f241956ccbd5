"""How a run ends, in the transaction of its last pipeline or by itself: as ``attempt`` and ``run_activities``."""

from typing import TYPE_CHECKING

from ops.chaos.simulated.claims import (
    Key,
    LostError,
    RefusedError,
    RetryError,
    Steps,
    exclusive,
    fenced,
    may_write,
    record_end,
    writes,
)
from ops.chaos.simulated.driver import END, Driver
from ops.chaos.simulated.nodes import FAILED, LOST, OK, RESUME, Node
from ops.chaos.simulated.run_starter import requested
from ops.chaos.simulated.store import CANCELLED, RUNNING, Partition, Run

if TYPE_CHECKING:
    from ops.chaos.simulated.acting import Actor
    from ops.chaos.simulated.world import World

#: What an execution has not recorded itself, or only when it was cancelled.
_OTHERS = {RUNNING, CANCELLED}


def end_run(world: "World", partition: Partition, run: Run, ending: Node, key: Key) -> None:
    """End the run in the transaction of its last pipeline, as ``Attempt._ended``."""
    record_end(partition, run, world.clock, ending.status, ending.done, ending.other, _ends_as(world, key))
    world.ends[run.id] = world.clock


def _ends_as(world: "World", key: Key) -> int:
    return key.execution if world.guards.whose else 0


def end(world: "World", actor: "Actor", driver: Driver) -> Steps:
    """Record how the run ended, as ``RunActivities.end``."""
    execution, begun = actor.execution, driver.begun
    assert begun is not None
    if begun.run != execution.id:
        try:
            wanted = yield from requested(world, execution)
        except RefusedError:
            return (END, 0, FAILED, 0, False, None)
        if wanted is not None:
            return (END, 0, RESUME, 0, False, wanted)
    try:
        status, _ = yield from fenced(
            world, execution.key(driver), lambda key: _end(world, actor, driver, key), ends=True
        )
    except (LostError, RefusedError):
        return (END, 0, LOST, 0, False, None)
    return (END, 0, OK, 0, False, status)


def found_end(world: "World", actor: "Actor", driver: Driver) -> Steps:
    """Find the end that a transaction of this execution has recorded, as ``RunActivities._found_end``."""
    yield None
    begun = driver.begun
    assert begun is not None
    run = world.store.runs.get(begun.run)
    yield None
    is_own = run is not None and run.execution == actor.execution.id
    if world.guards.found and run is not None and is_own and run.status not in _OTHERS:
        return (END, 0, OK, 0, False, run.status)
    return (END, 0, LOST, 0, False, None)


def _end(world: "World", actor: "Actor", driver: Driver, key: Key) -> Steps:
    """Write the end in one transaction, as ``RunActivities._end``."""
    yield None
    tx = world.store.begin(actor)
    partition = world.store.partition(key.partition)
    while other := exclusive(tx, partition):
        yield other
    yield None
    if tx.aborted:
        raise RetryError
    store, node = world.store, driver.node
    assert node is not None
    run = store.runs.get(key.run)
    try:
        if run is not None and run.status != RUNNING and run.execution == key.execution:
            same = run.status == node.status
            if same or (run.status != CANCELLED and world.guards.recorded):
                return run.status
        if run is None or not may_write(world, store, partition, key, driver.known()):
            raise LostError
        if actor.expired and world.guards.late:
            raise RetryError
        writes(world, partition, key.epoch, actor.execution.id)
        record_end(partition, run, world.clock, node.status, node.done, node.other, _ends_as(world, key))
    finally:
        store.close(tx)
    yield None
    return node.status
