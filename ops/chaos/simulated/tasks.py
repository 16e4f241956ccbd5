"""A workflow task: the run goes on from its history as far as it can, as ``Driver.drive``."""

from typing import TYPE_CHECKING

from ops.chaos.simulated.attempts import pipeline, verdict
from ops.chaos.simulated.claims import RefusedError, RetryError, Steps
from ops.chaos.simulated.driver import BEGIN, CLOSED_AS, DECIDING, HOLDING, RESUMED, Driver, Record
from ops.chaos.simulated.endings import end, found_end
from ops.chaos.simulated.nodes import FAILED, LOST, PIPELINE, RESUME, VERDICT, Cmd
from ops.chaos.simulated.run_starter import begin, resume
from ops.chaos.simulated.temporal import Execution, Pending

if TYPE_CHECKING:
    from ops.chaos.simulated.acting import Actor
    from ops.chaos.simulated.world import World

#: Tries of a local activity after which it waits as an ordinary one.
_QUICK = 3


def task(world: "World", actor: "Actor") -> Steps:
    """Do what needs no answer from elsewhere, and tell Temporal all of it at once."""
    execution: Execution = actor.execution
    driver, begins = execution.driver, len(execution.history)
    if actor.given_up:  # it wakes up late, beside another that leads the driver on
        driver = driver.copy()
    pending = tuple(driver.pending.values())
    records: list[Record] = []
    yield None
    tries = 0
    while not (closed := _closed(world, driver)) and (steps := _local(world, actor, driver)) is not None:
        actor.expired = actor.frozen and actor.given_up
        try:
            record = yield from steps
        except RefusedError:
            record = (BEGIN if driver.options is None else RESUMED, 0, FAILED, 0, False, None)
        except RetryError:
            if actor.given_up:
                raise
            tries += 1
            if tries >= _QUICK:  # it waits for another run
                world.park(actor)
            yield None
            continue
        if not records:
            driver = driver.copy()  # nobody sees what is done now before the task is completed
        records.append(record)
        driver.take(record)
        tries = 0
    yield None
    world.completes(actor, driver, records, (begins, pending), closed)


def _closed(world: "World", driver: Driver) -> str:
    """Return how the run is to be closed in Temporal now; empty: it goes on."""
    if driver.is_ended and not (driver.closed or driver.goal or driver.is_lost or driver.options or driver.asking):
        assert driver.node is not None
        return CLOSED_AS.get(driver.node.status, "completed")
    if driver.cancelled and driver.begun is None and not world.guards.heard:
        return "canceled"
    return driver.closed


def _local(world: "World", actor: "Actor", driver: Driver) -> Steps | None:
    """Return what is to be done within the task now; None where it waits."""
    if driver.options is not None:
        return resume(world, actor.execution, driver.options)
    if driver.begun is None:
        return begin(world, actor.execution)
    return None if driver.goal else _of_node(world, actor, driver)


def _of_node(world: "World", actor: "Actor", driver: Driver) -> Steps | None:
    node = driver.node
    assert node is not None
    if driver.is_lost:
        return found_end(world, actor, driver)
    if driver.asking is not None:
        return _verdict(world, actor, driver, driver.asking.gate)
    if node.status:
        hangs = node.ended_before and not world.guards.finished
        return None if hangs else end(world, actor, driver)
    return None if node.local is None else _of_command(world, actor, driver, node.local)


def _of_command(world: "World", actor: "Actor", driver: Driver, cmd: Cmd) -> Steps:
    if cmd.kind == VERDICT:
        return _verdict(world, actor, driver, cmd.step)
    pending = Pending(cmd.step, PIPELINE, cmd, actor.execution, driver)
    pending.verdicts = world.verdicts(pending.plan, cmd)
    return _locally(world, actor, driver, pending)


def _verdict(world: "World", actor: "Actor", driver: Driver, step: int) -> Steps:
    assert driver.begun is not None
    return verdict(world, actor.execution, driver.begun, tuple(driver.pending), step)


def _locally(world: "World", actor: "Actor", driver: Driver, pending: Pending) -> Steps:
    kind, step, code, epoch, kept, given = yield from pipeline(world, actor, pending)
    names = tuple(driver.pending)
    if code == RESUME:
        given = (given[0], names)
    elif code == LOST:
        given = names
    return (kind, step, code, epoch, kept, given)


def waiting(driver: Driver, cmd: Cmd) -> int | None:
    """Return the name of what a held gate has to wait for next; None where it waits for a person."""
    if cmd.step not in driver.held:
        return HOLDING + cmd.step
    return DECIDING + cmd.step if cmd.step in driver.decisions else None
