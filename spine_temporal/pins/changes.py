"""What has changed since a workflow was pinned, and what that means for runs in flight."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from spine_temporal.machine.paths import command_paths, work_of
from spine_temporal.machine.plan import (
    AnyPlanned,
    Plan,
    PlannedChoice,
    PlannedGate,
    PlannedMap,
    PlannedPipeline,
    PlannedWorkflow,
)
from spine_temporal.pins.pin import Pin

_PLANNED = "runs in flight finish on the plan that they began with; new runs and resumed ones take this one"

_DIVERGES = (
    "runs in flight may leave their history, and fail: `spine-temporal replay` says which; keep workers of the old "
    "version until those have ended"
)


class Effect(StrEnum):
    """What a change means for runs in flight."""

    #: They go on as they began.
    NONE = "NONE"
    #: Those that have not passed the step wait until a worker has what they ask for.
    WAITS = "WAITS"
    #: Those that have not passed the step fail at it.
    FAILS = "FAILS"
    #: They leave their history.
    DIVERGES = "DIVERGES"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that has changed."""

    #: None: it is the whole workflow.
    step: str | None
    what: str
    effect: Effect
    #: What it means, in a sentence.
    meaning: str

    def __str__(self) -> str:
        """Say both in a line."""
        return f"{self.what}: {self.meaning}"


@dataclass(frozen=True, kw_only=True)
class Names:
    """What the code has, by name."""

    pipelines: Collection[str]
    workflows: Collection[str]


def changes_of(pinned: Pin, now: Pin, names: Names) -> list[Change]:
    """Return what differs between a pin and the workflow as it is now; none where both ask for the same."""
    return [*_machine(pinned), *_steps(pinned.plan, now.plan, names), *_order(pinned, now)]


def gone(workflow: str) -> Change:
    """Return the change of a workflow that is pinned and that the code has no more."""
    return Change(
        step=None,
        what=f"the workflow {workflow!r} is gone",
        effect=Effect.WAITS,
        meaning="its runs in flight wait until a worker has it again; delete the pin when none is open",
    )


def _machine(pinned: Pin) -> Iterator[Change]:
    """Walk the pinned plan with the machine as it is now: runs in flight have that plan."""
    paths = command_paths(pinned.plan)
    for name in {**pinned.paths, **paths}:
        if paths.get(name) != pinned.paths.get(name):
            had, has = _first_difference(pinned.paths.get(name, ()), paths.get(name, ()))
            yield Change(
                step=(had or has or "").partition(":")[0] or None,
                what=f"of the same plan spine-temporal itself asks {has!r} in place of {had!r} on the path {name!r}",
                effect=Effect.DIVERGES,
                meaning=_DIVERGES,
            )


def _first_difference(had: tuple[str, ...], has: tuple[str, ...]) -> tuple[str | None, str | None]:
    length = max(len(had), len(has))
    pairs = zip((*had, *[None] * (length - len(had))), (*has, *[None] * (length - len(has))), strict=True)
    return next((pair for pair in pairs if pair[0] != pair[1]), (None, None))


def _steps(old: Plan, new: Plan, names: Names) -> Iterator[Change]:
    before, after = _by_name(old), _by_name(new)
    for name, step in before.items():
        other = after.get(name)
        if other is None:
            yield _change(step, f"step {name!r} ({work_of(step)}) is gone", other, names)
        elif work_of(step) != work_of(other):
            yield _change(step, f"step {name!r} was {work_of(step)} and is {work_of(other)}", other, names)
    for name, step in after.items():
        if name not in before:
            yield Change(
                step=name, what=f"step {name!r} ({work_of(step)}) is new", effect=Effect.NONE, meaning=_PLANNED
            )


def _change(step: AnyPlanned, what: str, other: AnyPlanned | None, names: Names) -> Change:
    effect, meaning = Effect.NONE, _PLANNED
    missing = _missing(step, names)
    if missing is not None:
        effect, meaning = missing
    elif _asks_code(step) and not (other is not None and _asks_code(other) == _asks_code(step)):
        effect = Effect.WAITS
        meaning = (
            f"runs in flight that have not passed {step.name!r} ask for its code, and wait until a worker has it again"
        )
    return Change(step=step.name, what=what, effect=effect, meaning=meaning)


def _asks_code(step: AnyPlanned) -> str | None:
    """Return which code of the definition the step asks, by the step's name, when it is done; None for none."""
    if isinstance(step, PlannedGate | PlannedChoice):
        return step.kind
    if not getattr(step, "computed", False):
        return None
    return "params" if isinstance(step, PlannedPipeline | PlannedWorkflow) else step.kind


def _missing(step: AnyPlanned, names: Names) -> tuple[Effect, str] | None:
    """Return what becomes of a run at a step that names what the code has no more; None where the code has it."""
    pipeline = step.pipeline if isinstance(step, PlannedMap) else step
    if isinstance(pipeline, PlannedPipeline):
        if pipeline.pipeline in names.pipelines:
            return None
        return Effect.WAITS, (
            f"runs in flight that have not passed {step.name!r} wait for the pipeline {pipeline.pipeline!r}, which no "
            "module registers any more: keep it registered until they have ended"
        )
    if isinstance(step, PlannedMap | PlannedWorkflow) and step.workflow not in names.workflows:
        return Effect.FAILS, (
            f"runs in flight that have not passed {step.name!r} fail there, as no module defines the workflow "
            f"{step.workflow!r} any more: keep it until they have ended"
        )
    return None


def _order(pinned: Pin, now: Pin) -> Iterator[Change]:
    """Tell of paths that differ though each step does what it did."""
    before, after = _by_name(pinned.plan), _by_name(now.plan)
    if {name: work_of(step) for name, step in before.items()} != {name: work_of(step) for name, step in after.items()}:
        return
    moved = _moved(pinned.paths, now.paths)
    if moved is not None:
        path, had, has = moved
        yield Change(
            step=(has or had or "").partition(":")[0] or None,
            what=f"on the path {path!r} {has!r} comes in place of {had!r}",
            effect=Effect.NONE,
            meaning=_PLANNED,
        )


def _moved(
    before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]
) -> tuple[str, str | None, str | None] | None:
    for path in {**before, **after}:
        if before.get(path) != after.get(path):
            return path, *_first_difference(before.get(path, ()), after.get(path, ()))
    return None


def _by_name(plan: Plan) -> dict[str, AnyPlanned]:
    return {name: place.step for name, place in plan.places.items()}
