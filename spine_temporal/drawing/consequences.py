"""What a change of a workflow means, in sentences: for runs in flight, and for runs that are resumed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spine_temporal.definition.run_result import WorkflowStatus
from spine_temporal.drawing.plan_diff import ChangeKind, PlanDiff
from spine_temporal.drawing.version import Version
from spine_temporal.machine.plan import (
    AnyPlanned,
    Plan,
    PlannedChoice,
    PlannedGate,
    PlannedMap,
    PlannedParallel,
    PlannedPipeline,
    PlannedWorkflow,
)
from spine_temporal.machine.resumed_run import EndedRun, is_same_step, kept_of

_FINISHES = (
    "A run in flight finishes on the plan that it began with: it does no step that was added, and every step that was "
    "removed or changed as it was."
)


@dataclass(frozen=True, kw_only=True)
class Consequences:
    """What follows from a change."""

    in_flight: Sequence[str]
    resumes: Sequence[str]
    #: Steps that a resume on the later version keeps where they were completed, and that it does.
    kept: Sequence[str]
    again: Sequence[str]


def consequences(before: Version, after: Version, diff: PlanDiff, ended: EndedRun | None = None) -> Consequences:
    """Return what follows for runs of ``before`` now that the workflow is as in ``after``.

    ``ended``: the run that ``before`` is, where it has ended: then what it has completed decides of its resume.
    """
    kept, again = _kept(before.plan, after.plan, ended)
    return Consequences(
        in_flight=_in_flight(before, after, diff),
        resumes=_resumes(diff, ended, kept, again),
        kept=kept,
        again=again,
    )


def _kept(before: Plan, after: Plan, ended: EndedRun | None) -> tuple[list[str], list[str]]:
    ours = {
        name: place.step
        for name, place in after.places.items()
        if place.position is not None and not isinstance(place.step, PlannedParallel)
    }
    if ended is not None:
        kept = [*kept_of(after, ended)]
    else:
        old = {name: place.step for name, place in before.places.items() if place.position is not None}
        kept = [name for name, step in ours.items() if is_same_step(step, old.get(name))]
    return kept, [name for name in ours if name not in kept]


def _in_flight(before: Version, after: Version, diff: PlanDiff) -> list[str]:
    told = [_FINISHES]
    missing = _without_code(before.plan, after.plan)
    if missing:
        told.append(
            f"The workers' code has no {_and(missing)} any more, which a run in flight still asks: one that reaches it "
            "waits for a worker that has it. Keep a worker of the earlier code until those runs have ended."
        )
    told += _not_registered(before, after)
    edited = [change.step for change in diff.steps if any(field.field.endswith("(code)") for field in change.fields)]
    if edited:
        told.append(
            f"The code of {_and(edited)} is edited: a run in flight asks the new code where it has not asked yet, with "
            "the config that it began with; verdicts that are recorded stand."
        )
    if any(field.field == "name" for field in diff.fields):
        told.append(
            f"The workflow has another name: runs of {before.plan.workflow!r} wait for a worker that has a workflow of "
            "that name."
        )
    if any(field.field.startswith("partition_by") for field in diff.fields):
        told.append(
            "Partitions are made of other params: what is completed is not known under the new ones, and a run in "
            "flight does not keep a new run from working on the same data."
        )
    return told


def _without_code(before: Plan, after: Plan) -> list[str]:
    """Return the steps of the earlier plan whose code is asked by name, and is not there any more."""
    return [
        name
        for name, place in before.places.items()
        if _asks_code(place.step) and (name not in after.places or after.places[name].step.kind != place.step.kind)
    ]


def _asks_code(step: AnyPlanned) -> bool:
    return isinstance(step, PlannedGate | PlannedChoice) or bool(getattr(step, "computed", False))


def _not_registered(before: Version, after: Version) -> list[str]:
    """Return what a run in flight calls and the later version's modules do not register."""
    steps = [place.step for place in before.plan.places.values()]
    pipelines = {step.pipeline for step in steps if isinstance(step, PlannedPipeline)}
    pipelines |= {step.pipeline.pipeline for step in steps if isinstance(step, PlannedMap) and step.pipeline}
    inner = {step.workflow for step in steps if isinstance(step, PlannedWorkflow)}
    inner |= {step.workflow for step in steps if isinstance(step, PlannedMap) and step.pipeline is None}
    told = []
    for what, called, there in (("pipeline", pipelines, after.pipelines), ("workflow", inner, after.workflows)):
        gone = sorted(called - set(there)) if there is not None else []
        if gone:
            told.append(
                f"No module registers the {what} {_and(gone)} any more, which a run in flight still calls: it waits "
                "until a worker does."
            )
    return told


def _resumes(
    diff: PlanDiff,
    ended: EndedRun | None,
    kept: Sequence[str],
    again: Sequence[str],
) -> list[str]:
    if ended is not None and ended.status == WorkflowStatus.COMPLETED:
        told = [f"Run {ended.run_id} is COMPLETED: `resume` takes it up only with --start-from STEP."]
    else:
        told = ["A resume plans anew, from the definition as it is then; steps are matched by name and kind."]
    of = f"run {ended.run_id}" if ended is not None else "a run that has ended"
    done = "" if ended is not None else ", where it has completed them"
    told.append(f"Of {of}, it keeps {_and(kept)}{done}." if kept else f"Of {of}, it keeps nothing.")
    if again:
        told.append(f"It does {_and(again)}, where the way leads there.")
    changed = {change.step: [field.field for field in change.fields] for change in diff.steps}
    stale = [name for name in kept if _is_stale(changed.get(name, []))]
    if stale:
        how = "is kept all the same, as it was" if len(stale) == 1 else "are kept all the same, as they were"
        told.append(f"{_and(stale)} changed and {how} done: --start-from {stale[0]} does that again.")
    removed = diff.named(ChangeKind.REMOVED)
    if removed:
        told.append(f"What {_and(removed)} gave is forgotten: no step reads it any more.")
    return told


def _is_stale(fields: Iterable[str]) -> bool:
    """Return whether what has changed of a step would have given it another output."""
    ways = ("params", "config", "pipeline", "workflow", "items", "path", "item_param", "defaults")
    return any(field.endswith("(code)") or field.split(".")[0] in ways for field in fields)


def _and(names: Sequence[str]) -> str:
    """Return names as a part of a sentence."""
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
