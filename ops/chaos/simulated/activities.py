"""The activities of runs, each with its answer."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ops.chaos.simulated.attempts import ask, decide, hold, pipeline, verdict
from ops.chaos.simulated.claims import Steps
from ops.chaos.simulated.driver import HOLDING
from ops.chaos.simulated.nodes import PIPELINE
from ops.chaos.simulated.temporal import Pending

if TYPE_CHECKING:
    from ops.chaos.simulated.acting import Actor
    from ops.chaos.simulated.world import World


def activity(world: "World", actor: "Actor", pending: Pending) -> Steps:
    """Return what an actor does of what is pending."""
    return _answering(world, actor, pending, _of(world, actor, pending))


def _of(world: "World", actor: "Actor", pending: Pending) -> Steps:
    if pending.name >= HOLDING:
        return _ACTIVITIES[pending.name // HOLDING](world, actor, pending)
    if pending.kind == PIPELINE:
        return pipeline(world, actor, pending)
    driver = actor.execution.driver
    assert driver.begun is not None
    return verdict(world, actor.execution, driver.begun, tuple(driver.pending), pending.cmd.step)


def _answering(world: "World", actor: "Actor", pending: Pending, steps: Steps) -> Steps:
    """Do an activity, and let its answer come into its run's history, where Temporal still waits for it."""
    answer = yield from steps
    actor.dead = True
    if not actor.given_up:
        world.answered(actor.execution, pending, answer)


_ACTIVITIES: dict[int, Callable[["World", "Actor", Pending], Steps]] = {1: hold, 2: decide, 3: ask}
