"""What has changed from one version of a workflow to another: steps added, removed, moved, and fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from spine_temporal.drawing.version import Version
from spine_temporal.drawing.words import kind_of, masked
from spine_temporal.machine.plan import AnyPlanned, Place, Plan, PlannedChoice, PlannedParallel

#: What is a place in the plan, and told as a name instead.
_PLACES = {"name", "following", "then", "otherwise", "steps"}


class ChangeKind(StrEnum):
    """What has become of a step; the values are what JSON says."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    #: It runs at another place among the others.
    MOVED = "moved"


@dataclass(frozen=True, kw_only=True)
class FieldChange:
    """A field that has another value; None: it is absent there."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True)
class StepChange:
    """A step that has changed."""

    kind: ChangeKind
    step: str
    #: A pipeline, a gate, ...
    what: str
    #: Behind which step it stands now; for one that was removed, stood. Empty: it is the first.
    behind: str = ""
    fields: Sequence[FieldChange] = ()


@dataclass(frozen=True, kw_only=True)
class PlanDiff:
    """Everything that has changed."""

    fields: Sequence[FieldChange] = ()
    steps: Sequence[StepChange] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing has."""
        return not self.fields and not self.steps

    def named(self, *kinds: ChangeKind) -> list[str]:
        """Return the steps of these kinds of change."""
        return [change.step for change in self.steps if change.kind in kinds]


def difference(before: Version, after: Version) -> PlanDiff:
    """Return what has changed. What is not known of one of them, as of a run's code, is not compared."""
    old, new = before.plan.places, after.plan.places
    moved = _moved(list(old), list(new))
    changes: list[StepChange] = []
    for name, place in new.items():
        behind = _behind(list(new), name)
        if name not in old:
            changes.append(StepChange(kind=ChangeKind.ADDED, step=name, what=_what(after.plan, place), behind=behind))
            continue
        fields = _step_fields(before, after, name)
        if fields or name in moved:
            kind = ChangeKind.CHANGED if fields else ChangeKind.MOVED
            now = behind if name in moved else ""
            changes.append(StepChange(kind=kind, step=name, what=_what(after.plan, place), behind=now, fields=fields))
    for name, place in old.items():
        if name not in new:
            behind = _behind(list(old), name)
            changes.append(
                StepChange(kind=ChangeKind.REMOVED, step=name, what=_what(before.plan, place), behind=behind)
            )
    return PlanDiff(fields=_workflow_fields(before, after), steps=changes)


def _what(plan: Plan, place: Place) -> str:
    kind = kind_of(place.step)
    if place.parallel is not None:
        return f"{kind} in {place.parallel.name}"
    return kind if place.position is not None else f"{kind} {_hook_of(plan, place.step.name)}"


def _hook_of(plan: Plan, name: str) -> str:
    return "on failure" if name in {hook.name for hook in plan.on_failure} else "on cancel"


def _behind(names: Sequence[str], name: str) -> str:
    position = names.index(name)
    return names[position - 1] if position else ""


def _moved(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """Return the steps of both that do not stand in the same order: as few as possible."""
    kept = [name for name in old if name in new]
    now = [name for name in new if name in old]
    blocks = SequenceMatcher(None, kept, now, autojunk=False).get_matching_blocks()
    still = {name for block in blocks for name in now[block.b : block.b + block.size]}
    return set(now) - still


def _workflow_fields(before: Version, after: Version) -> list[FieldChange]:
    old, new = before.plan, after.plan
    own = _changes(
        {"name": old.workflow, "domain": old.domain, "version": old.version},
        {"name": new.workflow, "domain": new.domain, "version": new.version},
    )
    if before.settings is None or after.settings is None:
        return own
    return own + _changes(_flat(before.settings), _flat(after.settings))


def _step_fields(before: Version, after: Version, name: str) -> list[FieldChange]:
    old, new = before.plan.places[name], after.plan.places[name]
    fields = _changes(_fields(before.plan, old), _fields(after.plan, new))
    if before.code is None or after.code is None:
        return fields
    for key in sorted({*before.code, *after.code}):
        step, _, what = key.rpartition(".")
        if step == name and key in before.code and key in after.code and before.code[key] != after.code[key]:
            fields.append(FieldChange(field=f"{what} (code)", before=before.code[key], after=after.code[key]))
    return fields


def _fields(plan: Plan, place: Place) -> dict[str, Any]:
    """Return a step's fields, those of nested ones by their path; places in the plan as the steps' names."""
    step: AnyPlanned = place.step
    given = {name: value for name, value in step.model_dump(mode="json").items() if name not in _PLACES}
    fields = _flat({"kind": kind_of(step), **{name: value for name, value in given.items() if name != "kind"}})
    fields["runs"] = _hook_of(plan, step.name) if place.position is None else "in order"
    if place.parallel is not None:
        fields["runs"] = f"in {place.parallel.name}"
    if isinstance(step, PlannedChoice):
        fields |= {"then_step": _name(plan, step.then), "else_step": _name(plan, step.otherwise)}
    if isinstance(step, PlannedParallel):
        fields["steps"] = [inner.name for inner in step.steps]
    return {name: value for name, value in fields.items() if name not in {"pipeline.following", "pipeline.name"}}


def _name(plan: Plan, position: int) -> str:
    return plan.steps[position].name if position < len(plan.steps) else "the end"


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{above}{name}.")
        else:
            flat[f"{above}{name}"] = value
    return flat


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    names = [*before, *(name for name in after if name not in before)]
    return [
        FieldChange(field=name, before=masked(name, before.get(name)), after=masked(name, after.get(name)))
        for name in names
        if before.get(name) != after.get(name)
    ]
