"""A workflow task: the run goes on from its history as far as it can, as ``Driver.drive``."""

from typing import TYPE_CHECKING

from ops.chaos.simulated.attempts import end, found_end, pipeline, verdict
from ops.chaos.simulated.claims import RefusedError, RetryError, Steps
from ops.chaos.simulated.driver import BEGIN, CLOSED_AS, DECIDING, HOLDING, RESUMED, Driver, Options, Record
from ops.chaos.simulated.nodes import FAILED, LOST, OK, PIPELINE, RESUME, VERDICT, Cmd
from ops.chaos.simulated.run_starter import begin, resume
from ops.chaos.simulated.temporal import Execution, Pending

if TYPE_CHECKING:
    from ops.chaos.simulated.acting import Actor
    from ops.chaos.simulated.world import World

#: Tries of a local activity after which it waits as an ordinary one.
_QUICK = 3


def task(world: "World", actor: "Actor") -> Steps:
    """Do what needs no answer from elsewhere, and tell Temporal all of it at once."""
    execution = actor.execution
    driver, begins = execution.driver.copy(), len(execution.history)
    pending = tuple(driver.pending.values())
    records: list[Record] = []
    yield None
    tries = 0
    while not driver.closed and (steps := _local(world, actor, driver)) is not None:
        actor.expired = actor.frozen and actor.given_up
        try:
            record = yield from steps
        except RetryError:
            if actor.given_up:
                raise
            tries += 1
            if tries >= _QUICK:  # it waits for another run
                world.park(actor)
            yield None
            continue
        records.append(record)
        driver.take(record)
        tries = 0
    yield None
    world.completes(actor, driver, records, (begins, pending))


def _local(world: "World", actor: "Actor", driver: Driver) -> Steps | None:
    """Return what is to be done within the task now; None where it waits."""
    if driver.cancelled and driver.begun is None and not world.guards.heard:
        driver.closed = "canceled"
        return None
    options = driver.options
    if options is not None:
        return _resume(world, actor.execution, options)
    if driver.begun is None:
        return _begin(world, actor.execution)
    return None if driver.goal else _of_node(world, actor, driver)


def _of_node(world: "World", actor: "Actor", driver: Driver) -> Steps | None:
    node = driver.node
    assert node is not None
    if driver.is_lost:
        return found_end(world, actor, driver)
    if driver.asking is not None:
        return verdict(world, actor.execution, driver, driver.asking.gate)
    if driver.is_ended:
        driver.closed = CLOSED_AS.get(node.status, "completed")
        return None
    if node.status:
        hangs = node.ended_before and not world.guards.finished
        return None if hangs else end(world, actor, driver)
    return None if node.local is None else _of_command(world, actor, driver, node.local)


def _of_command(world: "World", actor: "Actor", driver: Driver, cmd: Cmd) -> Steps:
    if cmd.kind == VERDICT:
        return verdict(world, actor.execution, driver, cmd.step)
    assert driver.begun is not None
    pending = Pending(cmd.step, PIPELINE, cmd, driver.begun, actor.execution.id, driver)
    pending.verdicts = world.verdicts(driver.begun.plan, cmd)
    return _locally(world, actor, driver, pending)


def _locally(world: "World", actor: "Actor", driver: Driver, pending: Pending) -> Steps:
    kind, step, code, epoch, kept, given = yield from pipeline(world, actor, pending)
    names = tuple(driver.pending)
    if code == RESUME:
        given = (given[0], names)
    elif code == LOST:
        given = names
    return (kind, step, code, epoch, kept, given)


def _begin(world: "World", execution: Execution) -> Steps:
    try:
        return (BEGIN, 0, OK, 0, False, (yield from begin(world, execution)))
    except RefusedError:
        return (BEGIN, 0, FAILED, 0, False, None)


def _resume(world: "World", execution: Execution, options: Options) -> Steps:
    try:
        return (RESUMED, 0, OK, 0, False, (yield from resume(world, execution, options)))
    except RefusedError:
        return (RESUMED, 0, FAILED, 0, False, None)


def waiting(driver: Driver, cmd: Cmd) -> int | None:
    """Return the name of what a held gate has to wait for next; None where it waits for a person."""
    if cmd.step not in driver.held:
        return HOLDING + cmd.step
    return DECIDING + cmd.step if cmd.step in driver.decisions else None
