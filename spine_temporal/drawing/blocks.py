"""From a plan to what a picture is made of: chains, forks and blocks with others inside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spine_temporal.machine.plan import (
    AnyPlanned,
    Plan,
    PlannedChoice,
    PlannedMap,
    PlannedParallel,
    PlannedWorkflow,
)

#: On a line that no step leads to: a gate routes there.
BY_ROUTE = "where a gate routes to it"


@dataclass(frozen=True)
class One:
    """A step by itself."""

    step: AnyPlanned


@dataclass(frozen=True)
class Chain:
    """One after the other."""

    items: "tuple[Block, ...]" = ()


@dataclass(frozen=True)
class Branch:
    """A way that a run may take."""

    label: str
    chain: Chain
    dashed: bool = False


@dataclass(frozen=True)
class Fork:
    """A choice and its branches, which meet behind it; no choice: a gate's route."""

    step: PlannedChoice | None
    branches: tuple[Branch, ...]


@dataclass(frozen=True)
class Beside:
    """A parallel step and what runs side by side in it."""

    step: PlannedParallel
    members: "tuple[Block, ...]"


@dataclass(frozen=True)
class Within:
    """A step that runs another workflow, with that workflow's steps."""

    step: PlannedMap | PlannedWorkflow
    chain: Chain


Block = One | Fork | Beside | Within


def next_of(plan: Plan, position: int) -> tuple[tuple[str, int], ...]:
    """Return where a run goes from a position, each way with its label; the number of steps is the end."""
    step = plan.steps[position]
    if isinstance(step, PlannedChoice):
        return ("yes", step.then), ("no", step.otherwise)
    return (("", step.following),)


def blocks_of(plan: Plan, inner: Mapping[str, Plan] | None = None) -> Chain:
    """Return the plan's steps as blocks; ``inner``: plans of workflows that are drawn where a step runs them."""
    builder = _Builder(plan, inner or {})
    main = builder.chain(0, len(plan.steps))
    return builder.with_routes(main)


def steps_of(block: "Block | Chain") -> list[AnyPlanned]:
    """Return the steps of a block, in order."""
    match block:
        case One():
            return [block.step]
        case Chain():
            return [step for item in block.items for step in steps_of(item)]
        case Fork():
            branches = [step for branch in block.branches for step in steps_of(branch.chain)]
            return [*([block.step] if block.step else []), *branches]
        case Beside():
            return [block.step, *(step for member in block.members for step in steps_of(member))]
        case Within():
            return [block.step]


class _Builder:
    """Walks a plan. Choices are nested, as a definition with others is refused."""

    def __init__(self, plan: Plan, inner: Mapping[str, Plan]) -> None:
        self._plan = plan
        self._inner = inner
        self._walked: set[int] = set()

    def chain(self, position: int, until: int) -> Chain:
        items: list[Block] = []
        while position < until:
            self._walked.add(position)
            step = self._plan.steps[position]
            if isinstance(step, PlannedChoice):
                join = self._join(step)
                items.append(self._fork(step, join))
                position = join
            else:
                items.append(self._block(step))
                position = step.following
        return Chain(tuple(items))

    def with_routes(self, main: Chain) -> Chain:
        """Put in what no step leads to, each before the first step behind it."""
        items = list(main.items)
        lost = [position for position in range(len(self._plan.steps)) if position not in self._walked]
        for position in reversed(lost):
            place = self._place(items, position)
            side = Chain((self._block(self._plan.steps[position]),))
            label = self._route(position, items[place:])
            items.insert(place, Fork(None, (Branch("", Chain()), Branch(label, side, dashed=True))))
        return Chain(tuple(items))

    def _route(self, position: int, behind: Sequence[Block]) -> str:
        """Return what stands on the way to a step that no step leads to, with where it goes on if not behind itself."""
        following = self._plan.steps[position].following
        drawn = self._position(behind[0]) if behind else len(self._plan.steps)
        if following == drawn:
            return BY_ROUTE
        ends = following == len(self._plan.steps)
        return f"{BY_ROUTE}; then {'the end' if ends else self._plan.steps[following].name}"

    def _place(self, items: Sequence[Block], position: int) -> int:
        before = [index for index, item in enumerate(items) if self._position(item) < position]
        return before[-1] + 1 if before else 0

    def _position(self, item: Block) -> int:
        return self._plan.places[steps_of(item)[0].name].position or 0

    def _block(self, step: AnyPlanned) -> Block:
        if isinstance(step, PlannedParallel):
            return Beside(step, tuple(self._block(member) for member in step.steps))
        if isinstance(step, PlannedMap | PlannedWorkflow) and step.workflow in self._inner:
            deeper = {name: plan for name, plan in self._inner.items() if name != step.workflow}
            return Within(step, blocks_of(self._inner[step.workflow], deeper))
        return One(step)

    def _fork(self, step: PlannedChoice, join: int) -> Fork:
        ways = (("yes", step.then), ("no", step.otherwise))
        return Fork(step, tuple(Branch(label, self.chain(target, join)) for label, target in ways))

    def _join(self, step: PlannedChoice) -> int:
        """Return the first position to which both branches lead."""
        return min(self._reached(step.then) & self._reached(step.otherwise))

    def _reached(self, position: int) -> set[int]:
        found, left = {position}, [position]
        while left:
            at = left.pop()
            if at < len(self._plan.steps):
                ways = {target for _, target in next_of(self._plan, at)} - found
                found |= ways
                left += ways
        return found
