"""Going on from a run that has ended: what is kept of it, and what a person has corrected. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.json_values import clean_text
from spine_temporal.definition.names import did_you_mean, nearest
from spine_temporal.definition.params import ResumeOptions, known_params, partition_of, refuse_options, resolve_params
from spine_temporal.definition.run_result import WorkflowStatus
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.machine import start
from spine_temporal.machine.plan import (
    AnyPlanned,
    Plan,
    PlannedChoice,
    PlannedGate,
    PlannedParallel,
    PlannedPipeline,
    PlannedStep,
)
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.state import Finish, Run, Stop
from spine_temporal.machine.step_outcome import Kept, Skipped

#: A walk over kept steps takes no time.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class EndedRun:
    """A run that has ended, as far as another can go on from it: what its whole lineage has done."""

    run_id: str
    status: str
    params: Mapping[str, Any]
    partition: Mapping[str, Any]
    plan: Plan
    #: How each step ended that was completed, or that a person left out.
    outcomes: Mapping[str, Kept]


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """What the run works with that goes on, before it has an id, a claim and an epoch (``Begun`` has them)."""

    plan: Plan
    params: Mapping[str, Any]
    kept: Mapping[str, Kept]
    #: What is kept, and what a person changed, each with its difference.
    correction: Mapping[str, Any] = field(default_factory=dict)


def resumed(workflow: Workflow, ended: EndedRun, options: ResumeOptions) -> Resumed:
    """Plan anew from the definition as it is now, and keep what the ended run has completed of it.

    Steps are matched by name and kind. Raises ``ParamsError`` where a correction does not fit, or where a step before
    ``start_from`` has no output to keep.
    """
    plan = plan_of(workflow)
    params, param_changes = _changed_params(workflow, ended, plan, options.changes)
    plan, config_changes = _changed_config(plan, options.changes)
    skipped = _skipped(plan, options)
    kept = kept_of(plan, ended, options.start_from) | skipped
    if not options.start_from and ended.status == WorkflowStatus.COMPLETED:
        raise ParamsError(
            f"run {ended.run_id} of {workflow.name!r} is COMPLETED, so there is nothing to resume: "
            "name the step to run again from (--start-from)"
        )
    _require_path(plan, params, ended, kept, options.start_from)
    told = {
        "by": clean_text(options.by, 200),
        "start_from": options.start_from,
        "params": param_changes,
        "config": config_changes,
        "skip": {name: clean_text(reason) for name, reason in options.skip.items()},
        "kept": [name for name in kept if name not in skipped],
    }
    return Resumed(plan=plan, params=params, kept=kept, correction={key: value for key, value in told.items() if value})


def _changed_params(
    workflow: Workflow, ended: EndedRun, plan: Plan, changes: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    given = {name: value for name, value in changes.items() if _gate_and_key(plan, name) is None}
    refuse_options(workflow, given)
    _refuse_lost_names(workflow, ended, plan, given)
    params = resolve_params(workflow, {**ended.params, **given}, inherited=True)
    if (partition_of(workflow, params) or dict(ended.partition)) != dict(ended.partition):
        raise ParamsError(
            f"the change of {', '.join(given)} makes it another partition of {workflow.name!r}: start that one instead"
        )
    return params, _differences(ended.params, params)


def _refuse_lost_names(workflow: Workflow, ended: EndedRun, plan: Plan, given: Mapping[str, Any]) -> None:
    """Refuse what would become a param that nothing reads: a misspelled name, a step or its key.

    A workflow without a params model takes any param, so a name that is new is taken where it is like none it has.
    """
    known = {*ended.params, *workflow.defaults, *(known_params(workflow) or ())}
    for name in given:
        if name in known:
            continue
        _refuse_step_names(plan, name)
        close = nearest(name, known) if known_params(workflow) is None else None
        if close is not None:
            raise ParamsError(
                f"--set {name}: run {ended.run_id} has no param of that name; did you mean {close!r}? A param that is "
                "new to the run is taken only where its name is not so like one that the run has"
            )


def _refuse_step_names(plan: Plan, name: str) -> None:
    step, dot, _ = name.rpartition(".")
    place = plan.places.get(step if dot else name)
    if place is not None and place.parallel is not None and isinstance(place.step, PlannedGate):
        raise ParamsError(
            f"--set {name}: gate {place.step.name!r} is part of the parallel step {place.parallel.name!r}, so its "
            "config cannot be set: change it in the definition"
        )
    if place is not None and isinstance(place.step, PlannedGate):
        raise ParamsError(f"--set {name} names a gate: give a key of its config, {name}.KEY")
    if place is not None:
        raise ParamsError(f"--set {name}: step {place.step.name!r} is no gate, so it has no config to set")
    if dot:
        steps = [each.name for each in plan.steps]
        raise ParamsError(
            f"--set {name}: {step!r} is no step of {plan.workflow!r}, which has {', '.join(steps)}"
            f"{did_you_mean(step, steps)}"
        )


def _changed_config(plan: Plan, changes: Mapping[str, Any]) -> tuple[Plan, dict[str, Any]]:
    differences: dict[str, Any] = {}
    steps = list(plan.steps)
    for name, value in changes.items():
        found = _gate_and_key(plan, name)
        if found is None:
            continue
        position, key = found
        gate = steps[position]
        assert isinstance(gate, PlannedGate)  # noqa: S101 - _gate_and_key finds no other
        if key not in gate.config:
            known = ", ".join(gate.config) or "none"
            raise ParamsError(f"--set {name}: the config of gate {gate.name!r} has no {key!r}; it has {known}")
        differences[name] = {"from": gate.config[key], "to": value}
        steps[position] = gate.model_copy(update={"config": {**gate.config, key: value}})
    return plan.model_copy(update={"steps": tuple(steps)}), differences


def _gate_and_key(plan: Plan, name: str) -> tuple[int, str] | None:
    """Return the gate that ``gate.key`` names, and the key; gates' names may have dots themselves."""
    for position, step in enumerate(plan.steps):
        if isinstance(step, PlannedGate) and name.startswith(f"{step.name}."):
            return position, name[len(step.name) + 1 :]
    return None


def _skipped(plan: Plan, options: ResumeOptions) -> dict[str, Kept]:
    skipped: dict[str, Kept] = {}
    for name, reason in options.skip.items():
        place = plan.places.get(name)
        if place is None or place.position is None:
            _position(plan, name, "--skip")
        step = plan.places[name].step
        if isinstance(step, PlannedChoice):
            raise ParamsError(f"--skip {name}: a choice cannot be left out, as nothing else says which branch to take")
        if not reason.strip():
            raise ParamsError(f"--skip {name} needs a reason: it is kept on the record")
        skipped[name] = Skipped(step=name, skip_reason=clean_text(reason), attempt=0)
    return skipped


def kept_of(plan: Plan, ended: EndedRun, start_from: str | None = None) -> dict[str, Kept]:
    """Return what a run on the plan keeps of an ended one, before ``start_from`` where that is given."""
    until = len(plan.steps) if start_from is None else _position(plan, start_from, "start_from")
    before = {name: place.step for name, place in ended.plan.places.items()}
    return {
        name: _marked(ended.outcomes[name], ended.run_id)
        for name, place in plan.places.items()
        if place.position is not None and place.position < until and not isinstance(place.step, PlannedParallel)
        if name in ended.outcomes and is_same_step(place.step, before.get(name))
    }


def _marked(outcome: Kept, run_id: str) -> Kept:
    return outcome if outcome.kept_from else outcome.model_copy(update={"kept_from": run_id})


def is_same_step(now: AnyPlanned, before: AnyPlanned | None) -> bool:
    """Return whether what a step has done counts for the step that has its name now."""
    if before is None or now.kind != before.kind:
        return False
    if isinstance(now, PlannedPipeline) and isinstance(before, PlannedPipeline):
        return now.pipeline == before.pipeline
    return True


def _require_path(
    plan: Plan,
    params: Mapping[str, Any],
    ended: EndedRun,
    kept: Mapping[str, Kept],
    start_from: str | None,
) -> None:
    """Refuse ``start_from`` where the kept steps do not lead to it."""
    if start_from is None:
        return
    names = _names(plan.steps)
    _, commands = start(plan, Run(run_id="", started_at=_NEVER, params=params, partition=ended.partition), kept)
    first = commands[0]
    reached = None if isinstance(first, Finish | Stop) else first.step.name
    place = plan.places[reached] if reached is not None else None
    if place is not None and place.parallel is not None:
        reached = place.parallel.name
    elif place is not None and place.position is None:  # a hook: the kept steps end the run
        reached = None
    if reached is None or names.index(reached) > names.index(start_from):
        raise ParamsError(f"start_from {start_from!r} is not on the way that the kept steps take: they skip it")
    if reached != start_from:
        raise ParamsError(
            f"start_from {start_from!r} needs the output of {reached!r}, which run {ended.run_id} has not completed: "
            f"start from {reached!r} or from an earlier step"
        )


def _position(plan: Plan, name: str, what: str) -> int:
    names = _names(plan.steps)
    if name not in names:
        raise ParamsError(f"{what} {name[:100]!r} is no step of {plan.workflow!r}; it has {', '.join(names)}")
    return names.index(name)


def _names(steps: Sequence[PlannedStep]) -> list[str]:
    return [step.name for step in steps]


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"from": before.get(name), "to": after.get(name)}
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }
