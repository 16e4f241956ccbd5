"""What a schedule can let happen at a boundary: to processes, to time, by people."""

from collections.abc import Callable
from typing import Any

from ops.chaos.plans import PLANS
from ops.chaos.simulated import operators
from ops.chaos.simulated.acting import PERSON, WORKER, Actor
from ops.chaos.simulated.nodes import HOLD
from ops.chaos.simulated.operators import PATIENCE
from ops.chaos.simulated.temporal import Execution
from ops.chaos.simulated.world import World

#: By how much the database's clock jumps.
_JUMP = 3_000
#: Steps of the clock, eighths of the longest retention that is pruned by.
_SHORT = 12


def _acting(world: World) -> Actor | None:
    if world.current is not None and not world.current.dead:
        return world.current  # type: ignore[no-any-return]
    return world.ready[-1] if world.ready else None


def _crash(world: World, _: int) -> None:
    """Let the worker die with all that it does."""
    live = [one for one in (world.current, *world.ready, *world.parked) if one is not None and not one.dead]
    for actor in live:
        if actor.kind != PERSON and not actor.given_up:
            world.kill(actor)
            world.again(actor)
    for actor in live:
        if actor.dead:
            actor.let_go()


def _lose(world: World, argument: int) -> None:
    """Let Temporal give an attempt up; it lives on, within its time or past it."""
    actor = _acting(world)
    if actor is not None and actor.kind < PERSON and not actor.given_up:
        world.give_up(actor, expired=argument % 4 != 0)
        world.again(actor)


def _stir(world: World, argument: int) -> None:
    """Let one that was given up go on."""
    if world.late:
        world.switch(world.late[argument % len(world.late)])


def _switch(world: World, argument: int) -> None:
    """Let another one act first."""
    if world.ready:
        world.switch(world.ready[argument % len(world.ready)])


def _restart(world: World, _: int) -> None:
    """Let Postgres restart."""
    world.store.restart()


def _target(world: World, argument: int) -> tuple[int, Any]:
    known = [key for key in _IDS if key in world.temporal.current]
    return known[argument % len(known)]


_IDS = ((0, "id"), (0, "other"), (1, "id"))


def _person(world: World, steps: Any) -> None:
    world.act(Actor(PERSON), steps)
    world.switch(world.ready[-1])


def _main(world: World) -> int:
    return world.temporal.executions[1].plan


def _step_of(world: World, argument: int) -> int | None:
    """Return a step to start from, for some arguments."""
    plan = PLANS[_main(world)]
    tops = [step for step, position in enumerate(plan.positions) if position is not None and step not in plan.beside]
    return None if argument < 5 else tops[argument % len(tops)]


def _resume(world: World, argument: int) -> None:
    place, wid = _target(world, argument >> 2)
    _person(world, operators.resume(world, place, wid, _step_of(world, argument)))


def _two_resumes(world: World, argument: int) -> None:
    place, wid = _target(world, 0)
    for again in (0, argument):
        world.act(Actor(PERSON), operators.resume(world, place, wid, _step_of(world, again)))
    _switch(world, len(world.ready) - 1)


def _reset(world: World, argument: int) -> None:
    """Reset a run to its first workflow task, or to whichever the clock makes it, as somebody does in the Web UI."""
    place, wid = _target(world, argument >> 2)
    known = [one for one in world.temporal.executions.values() if (one.place, one.wid) == (place, wid)]
    base = known[0] if argument % 4 == 3 else known[-1]
    if not base.deleted and base.points:
        world.resumed_from(base, (argument + world.clock) % len(base.points) if argument % 4 else 0, 0)


def _running(world: World, argument: int) -> Execution | None:
    found = [one for one in world.temporal.executions.values() if one.is_open]
    return found[argument % len(found)] if found else None


def _cancel(world: World, argument: int) -> None:
    found = _running(world, argument)
    if found is not None:
        world.cancel(found)


def _terminate(world: World, argument: int) -> None:
    found = _running(world, argument)
    if found is not None:
        world.close(found, "terminated")


def _pause(world: World, argument: int) -> None:
    found = _running(world, argument)
    if found is None:
        return
    if found.paused:
        world.unpause(found)
        return
    found.paused = True


def held(world: World) -> list[tuple[Execution, int]]:
    """Return the gates that wait for a person."""
    return [
        (one, cmd.step)
        for one in world.temporal.executions.values()
        if one.is_open and one.driver.node is not None
        for cmd in one.driver.node.commands
        if cmd.kind == HOLD
    ]


def _decide(world: World, argument: int) -> None:
    """Decide of a held gate: waive it, retry it (from an earlier step), abort it."""
    waiting = held(world)
    if waiting:
        execution, step = waiting[argument % len(waiting)]
        action = (0, 1, 1, 1, 2, 0, 1, 1)[argument]
        operators.decide(world, execution, step, action, (-1, -1, 0, 1, -1, -1, 0, 2)[argument], argument)


def _two_decisions(world: World, argument: int) -> None:
    _decide(world, argument)
    _decide(world, (argument + 4) % 8)


def _start(world: World, argument: int) -> None:
    step = _step_of(world, argument)
    operators.start(world, 0, "id", _main(world), force=argument % 2 == 1, from_step=step)


def _start_other(world: World, argument: int) -> None:
    operators.start(world, 0, "other", _main(world), force=argument % 2 == 1)


def _start_elsewhere(world: World, argument: int) -> None:
    operators.start(world, 1, "id", _main(world), force=argument % 2 == 1)


def _release(world: World, argument: int) -> None:
    place, wid = _target(world, argument)
    _person(world, operators.release(world, place, wid))


def _reconcile(world: World, argument: int) -> None:
    place, wid = _target(world, argument)
    _person(world, operators.reconcile(world, place, wid))


def _look(world: World, argument: int) -> None:
    world.act(Actor(WORKER), operators.look(world, argument & 1))
    world.switch(world.ready[-1])


def _delete(world: World, argument: int) -> None:
    """Let retention delete a closed execution, the oldest or the newest."""
    closed = [one for one in world.temporal.executions.values() if not one.is_open and not one.deleted]
    if closed:
        closed[0 if argument & 1 else -1].deleted = True


def _expire(world: World, _: int) -> None:
    """Let so much time pass that requests to resume expire, and what was given up is past its time."""
    world.clock += PATIENCE + 1
    world.latest += PATIENCE + 1
    for actor in world.late:
        actor.expired = True


def _jump(world: World, argument: int) -> None:
    """Let the database's clock jump, back or forward, also past the end of a request to resume."""
    by = (-_JUMP, _JUMP, -_JUMP, PATIENCE + 1)[argument % 4]
    world.drift += by
    world.is_set_back |= by < 0


def _save(world: World, _: int) -> None:
    """Back Postgres up."""
    world.saved = (len(world.committed), world.store.snapshot())


def _restore(world: World, _: int) -> None:
    """Restore Postgres to its backup."""
    if world.saved is None:
        return
    world.store.restart()
    length, saved = world.saved
    world.store, world.restored = saved.snapshot(), world.clock
    del world.committed[length:]


def _kill_person(world: World, _: int) -> None:
    """Kill somebody's command."""
    people = [one for one in (world.current, *world.ready) if one is not None and one.kind == PERSON]
    if people:
        world.kill(people[0])
        people[0].let_go()


def _prune(world: World, argument: int) -> None:
    """Delete payloads that are older than Temporal's retention: a short one, as a schedule takes no long time."""
    operators.prune(world, argument * _SHORT)


def _time(world: World, _: int) -> None:
    """Let the time come that runs wait for, and Postgres end what has frozen in a transaction."""
    for execution in list(world.temporal.executions.values()):
        if execution.is_open and not execution.paused:
            world.fire_timers(execution)
    for tx in [tx for tx in world.store.open if tx.idle and tx.actor.given_up]:
        world.store.close(tx)


#: Each with its name, and how often it is drawn where a schedule is about processes, about people, about time.
EVENTS: tuple[tuple[Callable[[World, int], None], str, tuple[int, int, int]], ...] = (
    (_crash, "the worker dies", (24, 4, 4)),
    (_lose, "Temporal gives an attempt up", (24, 5, 8)),
    (_stir, "what was given up goes on", (22, 10, 12)),
    (_switch, "another one goes on first", (6, 8, 4)),
    (_restart, "Postgres restarts", (8, 1, 2)),
    (_resume, "somebody resumes", (3, 14, 10)),
    (_two_resumes, "two resume at once", (1, 4, 3)),
    (_reset, "somebody resets", (3, 12, 8)),
    (_cancel, "somebody cancels", (2, 5, 2)),
    (_terminate, "somebody terminates", (5, 6, 4)),
    (_pause, "somebody pauses, or lets go on", (1, 4, 2)),
    (_decide, "somebody decides", (4, 8, 4)),
    (_two_decisions, "two decide at once", (1, 3, 1)),
    (_start, "somebody starts it again", (5, 8, 5)),
    (_start_other, "somebody starts it under another id", (3, 5, 3)),
    (_start_elsewhere, "it is started in another Temporal", (1, 3, 3)),
    (_release, "somebody releases the partition", (1, 4, 3)),
    (_look, "the orphan closer looks", (3, 4, 5)),
    (_delete, "retention deletes", (1, 3, 8)),
    (_expire, "a minute passes", (2, 3, 6)),
    (_jump, "the database's clock jumps", (1, 1, 5)),
    (_save, "Postgres is backed up", (1, 1, 8)),
    (_restore, "Postgres is restored", (1, 1, 8)),
    (_kill_person, "somebody's command is killed", (1, 3, 1)),
    (_time, "timers fire", (3, 3, 4)),
    (_prune, "somebody prunes", (1, 3, 5)),
    (_reconcile, "somebody reconciles", (1, 3, 3)),
)
