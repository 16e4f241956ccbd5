"""How a simulation ends, and what must be true then."""

from ops.chaos.plans import ITEM, ITEMS, PLANS
from ops.chaos.simulated import operators
from ops.chaos.simulated.acting import WORKER, Actor
from ops.chaos.simulated.driver import CANCEL, DECIDED, DECISION, RESUMED
from ops.chaos.simulated.events import held
from ops.chaos.simulated.nodes import OK
from ops.chaos.simulated.store import COMPLETED, FAILED, PARTIAL, RUNNING, Run
from ops.chaos.simulated.temporal import Execution
from ops.chaos.simulated.world import World

_ROUNDS = 12
#: Steps of the clock, whatever the database's clock says, after which a request to resume has expired.
_LONG = 1_000_000
_COMPLETED = {COMPLETED, PARTIAL}
#: Records after which a decision that was accepted counts no more.
_FORGETTING = {RESUMED, CANCEL}


def finish(world: World) -> None:
    """Let everything that lives come to its end, and check what is left."""
    world.finishing = True
    world.go()
    for execution in list(world.temporal.executions.values()):
        if execution.is_open and execution.paused:
            world.unpause(execution)
    for _ in range(_ROUNDS):
        _settle(world)
        waiting = held(world)
        _check_waiting(world, waiting)
        if world.violation or not waiting:
            break
        _waive(world, waiting)
    if not world.violation:
        _check(world)


def _settle(world: World) -> None:
    """Let time pass: what was frozen wakes up last, and the orphan closer looks after it."""
    world.go()
    for _ in range(_ROUNDS):
        passed = _time_passes(world)
        world.go()
        if any(run.status == RUNNING for run in world.store.runs.values()):
            for place in {one.place for one in world.temporal.executions.values()}:
                world.act(Actor(WORKER), operators.look(world, place))
                world.go()
        if world.violation or not (passed or world.parked):
            break


def _time_passes(world: World) -> bool:
    """Let timers fire, what waits for others look again, and one after the other what was frozen go on."""
    fired = [world.fire_timers(one) for one in list(world.temporal.executions.values()) if one.is_open]
    if any(fired):
        return True
    if world.parked:
        world.unpark()
        return True
    woken = bool(world.late)
    while world.late and not world.violation:
        actor = world.late[0]
        actor.expired = True
        world.switch(actor)
        world.go()
    return woken


def _waive(world: World, gates: list[tuple[Execution, int]]) -> None:
    """Let a person decide of each gate that is still held."""
    for execution, step in gates:
        operators.decide(world, execution, step, 0, -1, 99)


def _check_waiting(world: World, gates: list[tuple[Execution, int]]) -> None:
    """What is open waits for a person, or for one that does; and the database knows it."""
    if not gates:
        return
    store, waiting = world.store, {execution.id for execution, _ in gates}
    for execution in world.temporal.executions.values():
        if execution.id in waiting and execution.driver.begun is not None and not execution.driver.pending:
            run = execution.driver.begun.run
            if run != execution.id:
                continue  # its hold may have been recorded, and decided, before it was reset
            if not world.restored and not any(one[0] == run for one in store.holds) and _holds(world, run):
                world.fails(f"run {run} is held, and no anomaly says so")


def _holds(world: World, run: int) -> bool:
    row = world.store.runs.get(run)
    return row is not None and row.status == RUNNING and world.store.partitions[row.partition].holder == run


def _check(world: World) -> None:
    store = world.store
    _check_executions(world)
    for partition in store.partitions.values():
        if partition.holder:
            world.fails(f"partition {partition.number} is held by run {partition.holder}")
    if store.rows != world.committed:
        world.fails("rows were lost")
    for run in store.runs.values():
        _check_run(world, run)
        if operators.is_being_resumed(world, run, world.clock + _LONG):
            world.fails(f"run {run.id} can be resumed by nobody any more")
    for number, at in world.ends.items():
        if world.restored < at and store.runs[number].status not in _COMPLETED:
            world.fails(f"run {number} is {store.runs[number].status}, and its last pipeline had ended it")


def _check_executions(world: World) -> None:
    executions = world.temporal.executions.values()
    is_decided = any(execution.accepted for execution in executions)
    for execution in executions:
        if execution.is_open:
            world.fails(f"execution {execution.id} is open, and nothing is pending")
        if is_decided:
            _check_decisions(world, execution)


def _check_run(world: World, run: Run) -> None:
    if run.status == RUNNING:
        world.fails(f"run {run.id} is RUNNING, and nobody works for it")
        return
    completed = run.status in _COMPLETED
    if completed:
        _check_rows(world, run)
    worked = world.temporal.executions[run.execution]
    begun = worked.driver.begun
    if begun is not None and begun.run != run.id:
        return  # it goes on for another run by now
    if worked.started <= world.restored or 0 < worked.closed_at < run.began:
        return  # the database lost what it knew of it, or a worker that was given up has begun it within its time
    if (worked.closed == "completed") is not completed and not (completed and worked.closed == "terminated"):
        world.fails(f"run {run.id} is {run.status}, and its execution {worked.id} {worked.closed} in Temporal")
    if run.status == FAILED and worked.closed == "canceled":
        world.fails(f"run {run.id} is {run.status}, and its execution {worked.id} {worked.closed} in Temporal")


def _check_rows(world: World, run: Run) -> None:
    """A completed run has the rows of all its steps, done by it or by one before it."""
    plan, store = PLANS[run.plan], world.store
    mine = set(store.lineages[run.lineage])
    done = {step for number, step, _ in store.rows if number in mine}
    for step in range(len(plan.names)):
        if not run.result >> step & 1:
            continue
        wanted = [(step + 1) * ITEM + index for index in range(ITEMS)] if step in plan.maps else [step]
        if (plan.pipelines >> step & 1 or step in plan.maps) and not done.issuperset(wanted):
            world.fails(f"run {run.id} is {run.status}, and the rows of step {plan.names[step]} are not there")
        if step in plan.children and not _has_child(world, plan.children[step]):
            world.fails(f"run {run.id} is {run.status}, and its sub-workflow {plan.names[step]} is not completed")


def _has_child(world: World, number: int) -> bool:
    """Return whether the sub-workflow's partition was completed, by whichever run: what is completed is reused."""
    return any(run.partition == number and run.status in _COMPLETED for run in world.store.runs.values())


def _check_decisions(world: World, execution: Execution) -> None:
    """What was recorded of a held gate is the decision that was accepted first."""
    accepted: dict[int, tuple[int, int]] = {}
    for kind, step, code, _, _, given in execution.history:
        if kind == DECISION:
            accepted.setdefault(step, given[:2])
        elif kind == DECIDED and code == OK and accepted.pop(step, given) != given:
            world.fails(f"gate {step} of execution {execution.id}: another decision is recorded than was accepted")
        elif kind in _FORGETTING:
            accepted.clear()
