"""The real machine and a model of the protocol under random schedules of crashes, operators and time.

A schedule is a list of numbers, each an event and how many boundaries after the last one it happens: see
``simulated/events.py``. ``simulated/checker.py`` says what must be true at the end.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import blake2b
from struct import Struct

from ops.chaos.plans import MAIN, PLANS
from ops.chaos.simulated import operators
from ops.chaos.simulated.checker import finish
from ops.chaos.simulated.events import EVENTS
from ops.chaos.simulated.guards import ALL, Guards
from ops.chaos.simulated.world import World

#: Most events of a schedule, and a number is the event's place, its argument and the boundaries before it.
LENGTH = 12
_KIND, _ARGUMENT = 32, 8
_UNIT = _KIND * _ARGUMENT
_GAPS = (0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 12, 20, 60)
_DRAWN = Struct(f"<{LENGTH + 1}I")
#: Schedules that a process tries before it is given others.
_CHUNK = 5_000


def _table(about: int) -> list[int]:
    """Return 1024 events, each as often as it is likely."""
    weights = [weights[about] for _, _, weights in EVENTS]
    total = sum(weights)
    table = [kind for kind, weight in enumerate(weights) for _ in range(1024 * weight // total)]
    return [*table, *([0] * (1024 - len(table)))]


_TABLES = tuple(_table(about) for about in range(3))


def coded(gap: int, argument: int, kind: int) -> int:
    """Return the number of an event: ``kind`` is its place in ``EVENTS``, ``gap`` the boundaries before it."""
    return (gap * _ARGUMENT + argument) * _KIND + kind


#: What seven bits of what is drawn give of a number, beside the event; ten more give that.
_WHEN = tuple(coded(gap, argument, 0) for argument in range(_ARGUMENT) for gap in _GAPS)


def played(number: int, schedule: Sequence[int], guards: Guards = ALL) -> World:
    """Return what there is after a schedule, when all has come to its end or something is wrong."""
    world = World(guards)
    operators.start(world, 0, "id", number)
    for code in schedule:
        world.go(code // _UNIT)
        if world.violation:
            return world
        EVENTS[code % _KIND][0](world, code // _KIND % _ARGUMENT)
    finish(world)
    return world


def simulate(number: int, schedule: Sequence[int], guards: Guards = ALL) -> str:
    """Return what is wrong after a schedule; empty: nothing."""
    world = played(number, schedule, guards)
    for execution in world.temporal.executions.values():
        execution.points.clear()  # they lead back to it: see ``Actor.let_go``
    return world.violation


def random_schedule(seed: int) -> tuple[int, list[int]]:
    """Return a plan's number and a schedule."""
    length, *drawn = _DRAWN.unpack(blake2b(b"%d" % seed, digest_size=_DRAWN.size).digest())
    table = _TABLES[seed // MAIN % len(_TABLES)]
    return seed % MAIN, [_WHEN[bits & 127] + table[bits >> 7 & 1023] for bits in drawn[: length % LENGTH + 1]]


def failing(first: int, count: int, guards: Guards = ALL) -> tuple[int, list[int]] | None:
    """Try that many schedules; return the smallest that fails, None where none does."""
    for seed in range(first, first + count):
        number, schedule = random_schedule(seed)
        if simulate(number, schedule, guards):
            return number, _smallest(number, schedule, guards)
    return None


def described(number: int, schedule: Sequence[int], guards: Guards = ALL) -> str:
    """Return a schedule in words, with what is wrong after it."""
    steps = ", ".join(f"{step.name} ({step.kind})" for step in PLANS[number].plan.steps)
    events = [
        f"{code // _UNIT} boundaries later {EVENTS[code % _KIND][1]} ({code // _KIND % _ARGUMENT})" for code in schedule
    ]
    return f"plan {number} ({steps}), {list(schedule)}: {'; '.join(events)}: {simulate(number, schedule, guards)}"


def _smallest(number: int, schedule: list[int], guards: Guards) -> list[int]:
    """Take away whatever the failure does not need."""
    shrunk = True
    while shrunk:
        shrunk = False
        for shorter in _shorter(schedule):
            if simulate(number, shorter, guards):
                schedule, shrunk = shorter, True
                break
    return schedule


def _shorter(schedule: list[int]) -> list[list[int]]:
    """Return schedules with an event less, or one that happens sooner."""
    shorter = []
    for position, code in enumerate(schedule):
        before, after = schedule[:position], schedule[position + 1 :]
        shorter.append(before + after)
        if after:
            shorter.append([*before, after[0] + code // _UNIT * _UNIT, *after[1:]])
        if code >= _UNIT:
            shorter += [[*before, code % _UNIT, *after], [*before, code - _UNIT, *after]]
    return shorter


def main(count: int = 1_000_000) -> int:
    """Try the schedules on two processors; print the failures, and return how many there are."""
    firsts = range(0, count, _CHUNK)
    with ProcessPoolExecutor(2) as pool:
        tried = pool.map(failing, firsts, [min(_CHUNK, count - first) for first in firsts])
        found = [failure for failure in tried if failure is not None]
    for number, schedule in found:
        print(f"FAILURE {described(number, schedule)}")
    print(f"simulation: {count} schedules, {len(found)} failures")
    return len(found)
