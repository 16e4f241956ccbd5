"""Where a run goes after each step: the branches of choices, worked out and checked once, at definition."""

from collections.abc import Sequence
from dataclasses import dataclass

from spine_temporal.definition.composite_steps import AnyStep
from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.simple_steps import ChoiceStep, LambdaStep


@dataclass(frozen=True, kw_only=True)
class Branching:
    """A choice as positions: the earlier branch is [low, high), the later [high, join)."""

    at: int
    then: int
    #: None where the condition's falsehood goes straight to the join.
    otherwise: int | None
    join: int

    @property
    def low(self) -> int:
        """Where the earlier branch begins."""
        return self.then if self.otherwise is None else min(self.then, self.otherwise)

    @property
    def high(self) -> int:
        """Where the later branch begins; the join where there is only one."""
        return self.join if self.otherwise is None else max(self.then, self.otherwise)


@dataclass(frozen=True, kw_only=True)
class Routes:
    """For every step, by position, where the run goes next; the number of steps is the end."""

    #: After a step that does not choose.
    following: tuple[int, ...]
    branchings: dict[int, Branching]

    def after(self, position: int, target: int) -> int:
        """Return where a move from ``position`` to ``target`` ends: past branches that are not its own."""
        moved = True
        while moved:
            moved = False
            for branching in self.branchings.values():
                if branching.low <= position < branching.high == target != branching.join:
                    target, moved = branching.join, True
        return target


def routes_of(steps: Sequence[AnyStep]) -> Routes:
    """Work out the routes; raise ``DefinitionError`` for a target that is unknown, backward or out of its branch."""
    positions = {step.name: index for index, step in enumerate(steps)}
    branchings = {
        index: _branching(step, index, positions) for index, step in enumerate(steps) if isinstance(step, ChoiceStep)
    }
    for inner in branchings.values():
        for outer in branchings.values():
            _check_nesting(steps, inner, outer)
    unfollowed = Routes(following=(), branchings=branchings)
    routes = Routes(
        following=tuple(unfollowed.after(index, index + 1) for index in range(len(steps))), branchings=branchings
    )
    _check_reachable(steps, routes)
    return routes


def _branching(step: ChoiceStep, at: int, positions: dict[str, int]) -> Branching:
    then = _target(step, at, positions, "then_step", step.then_step)
    otherwise = None if step.else_step is None else _target(step, at, positions, "else_step", step.else_step)
    if then == otherwise:
        raise DefinitionError(
            f"choice {step.name!r}: then_step and else_step are both {step.then_step!r}, so there is nothing to choose"
        )
    last = then if otherwise is None else max(then, otherwise)
    join = last + 1 if step.join is None else _target(step, at, positions, "join", step.join)
    if join <= last:
        raise DefinitionError(f"choice {step.name!r}: join {step.join!r} must come after both of its branches")
    return Branching(at=at, then=then, otherwise=otherwise, join=join)


def _target(step: ChoiceStep, at: int, positions: dict[str, int], what: str, name: str) -> int:
    target = positions.get(name)
    if target is None:
        raise DefinitionError(
            f"choice {step.name!r}: {what} {name!r} is no step of this workflow; it has {', '.join(positions)}"
        )
    if target <= at:
        raise DefinitionError(
            f"choice {step.name!r}: {what} {name!r} lies before it; a choice goes forward only, so move it behind"
        )
    return target


def _check_nesting(steps: Sequence[AnyStep], inner: Branching, outer: Branching) -> None:
    """Refuse a choice inside a branch whose own branches leave it."""
    for start, end in ((outer.low, outer.high), (outer.high, outer.join)):
        if start <= inner.at < end < inner.join:
            raise DefinitionError(
                f"choice {steps[inner.at].name!r} stands in a branch of choice {steps[outer.at].name!r} and leaves it: "
                f"its targets and join must come no later than where that branch ends"
            )


def _check_reachable(steps: Sequence[AnyStep], routes: Routes) -> None:
    reached = {0}
    for index, step in enumerate(steps):
        if index not in reached:
            raise DefinitionError(
                f"step {step.name!r} can never run: no step or branch leads to it; "
                "name it as a choice's then_step or else_step, or remove it"
            )
        if isinstance(step, LambdaStep):
            return  # a gate may route to any later step
        branching = routes.branchings.get(index)
        if branching is None:
            reached.add(routes.following[index])
        else:
            otherwise = branching.join if branching.otherwise is None else branching.otherwise
            reached |= {branching.then, routes.after(index, otherwise)}
