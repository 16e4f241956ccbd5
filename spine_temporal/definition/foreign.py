"""Workflows that were made with a real Spine's own classes, as ours. Here alone their shape is known.

A real Spine has one class ``Step`` with a ``step_type`` and the fields of every kind; its choices, retries and gates'
answers have names of their own. What a run could not keep is refused, and never left out in silence.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from spine_temporal.definition.composite_steps import AnyStep
from spine_temporal.definition.errors import DefinitionError, ErrorCategory, SpineError
from spine_temporal.definition.policies import RetryPolicy
from spine_temporal.definition.step import Step
from spine_temporal.definition.step_result import QualityMetrics, StepResult
from spine_temporal.definition.workflow import Workflow

#: Where a foreign workflow keeps ours, so that each has one, which lives as long as it does.
_OURS = "_spine_temporal_workflow"

_COUNTS = ("record_count", "valid_count", "invalid_count", "null_count", "passed", "custom_metrics")


def native(value: Any) -> Workflow | None:
    """Return a workflow as ours: itself, or the one that a foreign workflow is; None for anything else.

    Raises ``DefinitionError`` for a foreign workflow that has what ours cannot do.
    """
    if isinstance(value, Workflow):
        return value
    if not _is_foreign(value):
        return None
    kept: dict[str, Any] = vars(value)
    if _OURS not in kept:
        kept[_OURS] = _workflow(value)
    return kept[_OURS]  # type: ignore[no-any-return]  # put there by the line above


def is_known_as(value: Any, workflow: Workflow) -> bool:
    """Return whether a value is this workflow, or the foreign one that it was made of; makes none, and never raises."""
    if value is workflow:
        return True
    return type(value).__name__ == "Workflow" and getattr(value, "__dict__", {}).get(_OURS) is workflow


def as_workflow(value: Any, taker: str) -> Workflow:
    """Return a workflow as ours; raise ``DefinitionError`` where it is none, naming who takes one."""
    workflow = native(value)
    if workflow is None:
        raise DefinitionError(f"{taker} takes a Workflow, not {value!r}")
    return workflow


def _is_foreign(value: Any) -> bool:
    if type(value).__name__ != "Workflow" or isinstance(value, type) or not hasattr(value, "__dict__"):
        return False
    steps = vars(value).get("steps")
    if not isinstance(steps, list | tuple) or not steps or not isinstance(vars(value).get("name"), str):
        return False
    return all(hasattr(step, "step_type") and hasattr(step, "name") for step in steps)


def _workflow(foreign: Any) -> Workflow:
    return Workflow(
        name=foreign.name,
        steps=[_step(foreign.name, step) for step in foreign.steps],
        domain=getattr(foreign, "domain", ""),
        description=getattr(foreign, "description", ""),
        version=getattr(foreign, "version", 1),
        defaults=getattr(foreign, "defaults", {}),
        tags=getattr(foreign, "tags", ()),
    )


def _step(workflow: str, foreign: Any) -> AnyStep:
    kind = str(_value(foreign.step_type)).lower()
    maker = _MAKERS.get(kind)
    if maker is None:
        raise DefinitionError(
            f"step {foreign.name!r} of Spine's workflow {workflow!r} is of the kind {kind!r}: of Spine's own kinds, "
            f"{', '.join(_MAKERS)} can be run; make the step with spine_temporal.Step"
        )
    if getattr(foreign, "depends_on", None):
        raise DefinitionError(
            f"step {foreign.name!r} of Spine's workflow {workflow!r} has depends_on: steps run in the order of the "
            "list; put it behind what it depends on, or use spine_temporal.Step.parallel"
        )
    return maker(foreign)


def _pipeline(foreign: Any) -> AnyStep:
    return Step.pipeline(
        foreign.name,
        getattr(foreign, "pipeline_name", None) or getattr(foreign, "operation_name", None) or "",
        _config(foreign),
        on_error=_policy(foreign),
        retry=_retry(getattr(foreign, "retry_policy", None)),
    )


def _gate(foreign: Any) -> AnyStep:
    handler = foreign.handler
    return Step.lambda_(
        foreign.name, _answering(handler) if callable(handler) else handler, _config(foreign), on_error=_policy(foreign)
    )


def _choice(foreign: Any) -> AnyStep:
    return Step.choice(foreign.name, foreign.condition, foreign.then_step, foreign.else_step)


def _wait(foreign: Any) -> AnyStep:
    if getattr(foreign, "then_step", None):
        raise DefinitionError(
            f"wait {foreign.name!r} has next_step={foreign.then_step!r}: a wait goes on with the step behind it; put "
            "that step there, or route with a choice"
        )
    return Step.wait(foreign.name, foreign.duration_seconds)


def _map(foreign: Any) -> AnyStep:
    inner: Any = native(foreign.iterator_workflow)
    return Step.map(
        foreign.name,
        foreign.items_path,
        inner if inner is not None else foreign.iterator_workflow,
        getattr(foreign, "max_concurrency", 4),
        _config(foreign).get("item_param", "item"),
        on_error=_policy(foreign),
    )


#: By the value of ``step_type``; newer Spines call a pipeline an operation.
_MAKERS: Mapping[str, Callable[[Any], AnyStep]] = {
    "pipeline": _pipeline,
    "operation": _pipeline,
    "lambda": _gate,
    "choice": _choice,
    "wait": _wait,
    "map": _map,
}


def _config(foreign: Any) -> Mapping[str, Any]:
    return getattr(foreign, "config", None) or {}


def _policy(foreign: Any) -> str:
    return str(_value(getattr(foreign, "on_error", "stop"))).upper()


def _value(member: Any) -> Any:
    """Return the value of an enum's member; anything else is one."""
    return getattr(member, "value", member)


def _retry(foreign: Any) -> RetryPolicy | None:
    if foreign is None:
        return None
    return RetryPolicy(
        max_attempts=foreign.max_attempts,
        initial_interval=foreign.initial_delay_seconds,
        backoff=foreign.backoff_multiplier,
        max_interval=foreign.max_delay_seconds,
    )


def _answering(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Return the gate with its answers as ours."""

    @wraps(handler)
    def ask(context: Any, config: Any) -> Any:
        return _answer(handler(context, config))

    return ask


def _answer(given: Any) -> Any:
    """Return a foreign ``StepResult`` as ours; what is none is left to be told as the wrong answer that it is."""
    if isinstance(given, StepResult) or type(given).__name__ != "StepResult" or not hasattr(given, "success"):
        return given
    if getattr(given, "context_updates", None):
        raise SpineError(
            f"the gate sets context_updates ({', '.join(map(str, given.context_updates))}): params do not change in a "
            "run; put them into the output, which later steps read with ctx.get_output",
            ErrorCategory.CONFIGURATION,
        )
    category = _value(getattr(given, "error_category", None))
    return StepResult(
        success=bool(given.success),
        output=given.output or {},
        error=given.error,
        category=None if category is None else str(category),
        next_step=getattr(given, "next_step", None),
        quality=_quality(getattr(given, "quality", None)),
    )


def _quality(foreign: Any) -> QualityMetrics | None:
    if foreign is None or isinstance(foreign, QualityMetrics):
        return foreign
    return QualityMetrics(**{name: getattr(foreign, name) for name in _COUNTS if hasattr(foreign, name)})
