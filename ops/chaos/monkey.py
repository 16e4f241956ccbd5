"""The monkey: what dies when, decided by the seed alone."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ops.chaos.world import WORKERS, World

#: How often each thing happens, and for how many seconds it lasts.
_EVENTS = {
    "kill worker": (5, (0.0, 2.0)),
    "pause worker": (3, (4.0, 14.0)),
    "kill postgres": (2, (0.0, 3.0)),
    "kill temporal": (2, (0.0, 3.0)),
    "cut sessions": (4, (0.0, 0.0)),
    "cut network": (3, (0.5, 6.0)),
    "fill disk": (1, (2.0, 5.0)),
}
#: Seconds between two events.
_PAUSE = (0.3, 4.0)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happens: after a pause, to whom, for how long. Seconds."""

    pause: float
    kind: str
    worker: int
    lasts: float


def schedule(seed: int, *, disk: bool) -> Iterator[Event]:
    """Yield events for ever, the same ones for the same seed; each kind once before any comes again."""
    draw = random.Random(f"monkey/{seed}")
    kinds = [kind for kind in _EVENTS if disk or kind != "fill disk"]
    first = draw.sample(kinds, len(kinds))
    while True:
        kind = first.pop() if first else draw.choices(kinds, weights=[_EVENTS[name][0] for name in kinds])[0]
        yield Event(
            pause=draw.uniform(*_PAUSE),
            kind=kind,
            worker=draw.randrange(WORKERS),
            lasts=draw.uniform(*_EVENTS[kind][1]),
        )


async def disturb(world: World, seed: int, seconds: float) -> Counter[str]:
    """Let the monkey loose for that long; return how often each thing happened. At the end everything is back."""
    done: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    asleep: set[asyncio.Task[None]] = set()
    for event in schedule(seed, disk=world.disk):
        if loop.time() + event.pause >= until:
            break
        await asyncio.sleep(event.pause)
        print(f"  {seconds - (until - loop.time()):6.1f} s  {event.kind:<14} {event.lasts:.1f} s", flush=True)
        if event.kind == "pause worker":
            asleep.add(asyncio.create_task(_pause(world, event)))
        else:
            await _do(world, event)
        await asyncio.to_thread(world.tend_workers)
        done[event.kind] += 1
    await asyncio.gather(*asleep)
    return done


async def _pause(world: World, event: Event) -> None:
    """Stop a worker in its tracks, long enough for its steps to be given to the other, and wake it."""
    world.signal_worker(event.worker, signal.SIGSTOP)
    await asyncio.sleep(event.lasts)
    world.signal_worker(event.worker, signal.SIGCONT)


async def _do(world: World, event: Event) -> None:
    match event.kind:
        case "kill worker":
            await asyncio.to_thread(world.kill_worker, event.worker)
            await asyncio.sleep(event.lasts)
        case "kill postgres":
            world.kill_postgres()
            await asyncio.sleep(event.lasts)
            await asyncio.to_thread(world.start_postgres)
        case "kill temporal":
            await asyncio.to_thread(world.kill_temporal)
            await asyncio.sleep(event.lasts)
            await asyncio.to_thread(world.start_temporal)
        case "cut sessions":
            await asyncio.to_thread(world.cut_sessions)
        case "cut network":
            world.proxy.cut()
            await asyncio.sleep(event.lasts)
            world.proxy.mend()
        case "fill disk":
            await asyncio.to_thread(world.fill_disk)
            await asyncio.sleep(event.lasts)
            await asyncio.to_thread(world.empty_disk)
