"""The same plan in no time: what it would wait for the clock, it does not."""

from typing import Any

from spine_temporal.machine.plan import Plan, PlannedParallel, PlannedPipeline

#: Seconds that a pause takes, where there must be one.
_INSTANT = 0.01


def without_waits(plan: Plan) -> Plan:
    """Return the plan with waits, deadlines of held gates, and pauses between attempts and looks that take no time.

    Limits stay: how long an attempt may take, and how long partitions are waited for.
    """
    hooks = {name: tuple(map(_quick, getattr(plan, name))) for name in ("on_failure", "on_cancel")}
    return plan.model_copy(update={"steps": tuple(map(_quick, plan.steps)), **hooks})


def _quick(step: Any) -> Any:
    changes: dict[str, Any] = {}
    if isinstance(step, PlannedParallel):
        changes["steps"] = tuple(map(_quick, step.steps))
    if getattr(step, "retry", None) is not None:
        changes["retry"] = step.retry.model_copy(update={"initial_interval": _INSTANT, "max_interval": _INSTANT})
    if step.kind == "wait":
        changes |= {"seconds": 0.0, "until": None}
    if step.kind == "wait_for":
        changes["poll_interval"] = _INSTANT
    if getattr(step, "deadline", None) is not None:
        changes["deadline"] = _INSTANT
    if isinstance(getattr(step, "pipeline", None), PlannedPipeline):
        changes["pipeline"] = _quick(step.pipeline)
    return step.model_copy(update=changes)
