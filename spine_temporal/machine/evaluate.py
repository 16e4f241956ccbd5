"""Ask a gate or a condition, and turn its answer or its exception into an outcome. Shared by both drivers."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict

from spine_temporal.definition.composite_steps import MapStep, WaitForStep, WorkflowStep, partitions_of
from spine_temporal.definition.context import WorkflowContext
from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.faults import fault_of
from spine_temporal.definition.items import found_items, items_path
from spine_temporal.definition.json_values import (
    MAX_VERDICT_BYTES,
    JsonValueError,
    clean_text,
    require_size,
    to_json,
)
from spine_temporal.definition.simple_steps import ChoiceStep, LambdaStep, PipelineStep
from spine_temporal.definition.step_result import QualityCheck, QualityMetrics, StepResult
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.plan import (
    AnyPlanned,
    Plan,
    PlannedChoice,
    PlannedGate,
    PlannedMap,
    PlannedPipeline,
    PlannedStep,
    PlannedWaitFor,
    PlannedWorkflow,
)
from spine_temporal.machine.step_outcome import CONDITION, Answered, Completed, Failed

#: Key of a computed value in the outcome that records it.
VALUE = "value"

Computing = PlannedPipeline | PlannedMap | PlannedWorkflow | PlannedWaitFor

_CONFIGURATION = ErrorCategory.CONFIGURATION.value
_TOO_LARGE = "a gate's output is for small facts; keep rows in Postgres and give counts and ids"


class Asked(StrEnum):
    """What code is asked for."""

    VERDICT = "verdict"
    #: What a step works with: its params, items or partitions.
    VALUE = "value"


class Question(BaseModel):
    """A question to the code of a step, as data: it may be answered in another process."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    asked: Asked
    step: PlannedStep
    context: WorkflowContext


def answer_to(question: Question, workflow: Workflow) -> Answered | None:
    """Return what the code that the workflow has under the step's name says, as ``evaluate`` or ``compute``."""
    step: Any = question.step
    ask = evaluate if question.asked is Asked.VERDICT else compute
    return ask(workflow, step, question.context)


def evaluate(workflow: Workflow, step: PlannedGate | PlannedChoice, context: WorkflowContext) -> Answered | None:
    """Return the verdict of the code that the workflow has under the step's name.

    Never raises for what the user's code does: an exception is a failed step. None where the code has no such step
    any more.
    """
    code = workflow.step(step.name)
    if isinstance(step, PlannedGate) and isinstance(code, LambdaStep):
        return _asked(step.name, partial(_ask_gate, step, code, context))
    if isinstance(step, PlannedChoice) and isinstance(code, ChoiceStep):
        return _asked(step.name, partial(_ask_choice, step, code, context))
    return None


def compute(workflow: Workflow, step: Computing, context: WorkflowContext) -> Answered | None:
    """Return what the code gives for a step before it begins: params, items or partitions, under ``VALUE``.

    Never raises for what the user's code does; None as for a verdict.
    """
    code = workflow.step(step.name)
    if (
        isinstance(code, PipelineStep | WorkflowStep)
        and step.kind in {"pipeline", "workflow"}
        and callable(code.params)
    ):
        return _asked(step.name, partial(_computed, step, "params", code.params, context))
    if isinstance(code, MapStep) and isinstance(step, PlannedMap) and callable(code.items):
        return _asked(step.name, partial(_computed, step, "items", code.items, context))
    if isinstance(code, WaitForStep) and isinstance(step, PlannedWaitFor) and callable(code.partition):
        return _asked(step.name, partial(_computed, step, "partition", code.partition, context))
    return None


def planned_items(plan: Plan, step: PlannedMap, context: WorkflowContext) -> Answered:
    """Return the items that a plan names, under ``VALUE``; a path that leads to no list fails the step."""
    if step.items is not None:
        return Completed(step=step.name, output={VALUE: list(step.items)})
    path = items_path(step.path or "", plan.places)
    if path is None:
        return Failed(step=step.name, error=f"items {step.path!r} names no step", category=_CONFIGURATION)
    try:
        return Completed(step=step.name, output={VALUE: found_items(path, context.params, context.outputs)})
    except ValueError as error:
        return Failed(step=step.name, error=f"map {step.name!r}: {error}", category=_CONFIGURATION)


def there(step: PlannedWaitFor, partitions: Sequence[Mapping[str, Any]]) -> Completed:
    """Return what a step gives that waited for partitions, now that they are there."""
    return Completed(step=step.name, output={"reached": step.reached, "partitions": len(partitions)})


def quality_values(quality: QualityMetrics | None, where: str) -> dict[str, Any] | None:
    """Return quality metrics as JSON; raise ``JsonValueError`` where one is not."""
    if quality is None:
        return None
    given: object = quality
    if not isinstance(given, QualityMetrics):
        raise JsonValueError(f"{where} must be QualityMetrics, not {type(given).__name__}")
    checks: list[object] = list(given.checks)
    strange = next((check for check in checks if not isinstance(check, QualityCheck)), None)
    if strange is not None:
        raise JsonValueError(f"{where}: each of its checks must be a QualityCheck, not {type(strange).__name__}")
    values: dict[str, Any] = to_json({**vars(given), "checks": [vars(check) for check in checks]}, where)
    return values


def _computed(
    step: AnyPlanned, what: str, code: Callable[[WorkflowContext], Any], context: WorkflowContext
) -> Answered:
    answer: Any = code(context)
    where = f"{what} of step {step.name!r}"
    if inspect.iscoroutine(answer):
        answer.close()
        return _wrong(step.name, f"computes its {what} in a coroutine: write it as a plain def")
    if what == "partition":
        try:
            answer = partitions_of(answer)
        except JsonValueError:
            raise
        except ValueError as error:
            return _wrong(step.name, f"computes a wrong {what}: {error}")
    elif not isinstance(answer, Mapping if what == "params" else list | tuple):
        return _wrong(
            step.name, f"computes a {type(answer).__name__} as {what}: give a {'dict' if what == 'params' else 'list'}"
        )
    value = to_json(dict(answer) if what == "params" else list(answer), where)
    require_size({VALUE: value}, where, MAX_VERDICT_BYTES, _TOO_LARGE)
    return Completed(step=step.name, output={VALUE: value})


def _ask_gate(step: PlannedGate, code: LambdaStep, context: WorkflowContext) -> Answered:
    return _gate_outcome(step.name, code.handler(context, dict(step.config)))


def _ask_choice(step: PlannedChoice, code: ChoiceStep, context: WorkflowContext) -> Answered:
    return _choice_outcome(step.name, code.condition(context))


def _asked(step: str, ask: Callable[[], Answered]) -> Answered:
    try:
        return ask()
    except JsonValueError as error:
        return Failed(step=step, error=str(error), category=_CONFIGURATION)
    except BaseException as error:  # noqa: BLE001 - a gate is the user's code: whatever it raises, it raises in its step
        return _raised(step, error)


def _raised(step: str, error: BaseException) -> Answered:
    """Return the failed step: CONFIGURATION if the sandbox refused a call, INTERNAL for an unclassified exception."""
    fault = fault_of(error)
    refused = type(error).__name__ == "RestrictedWorkflowAccessError"
    category = _CONFIGURATION if refused else fault.category.value
    return Failed(step=step, error=clean_text(str(fault)), category=category, traceback=fault.traceback)


def _gate_outcome(step: str, answer: Any) -> Answered:
    if inspect.iscoroutine(answer):
        answer.close()
        return _wrong(step, "returned a coroutine: write it as a plain def, gates do no I/O")
    if not isinstance(answer, StepResult):
        given = "None" if answer is None else f"a {type(answer).__name__}"
        return _wrong(step, f"returned {given}: return StepResult.ok(...) or StepResult.fail(...)")
    # What a user's gate put into the result is anything, whatever its annotations say.
    given_next: Any = answer.next_step
    given_output: Any = answer.output
    if given_next is not None and not isinstance(given_next, str):
        return _wrong(step, f"gave next_step={given_next!r}: name a later step")
    to_json(given_next, f"next_step of step {step!r}")
    where = f"output of step {step!r}"
    if not isinstance(given_output, Mapping):
        return _wrong(step, f"gave a {type(given_output).__name__} as output: give a dict")
    output = to_json(given_output, where)
    require_size(output, where, MAX_VERDICT_BYTES, _TOO_LARGE)
    quality = quality_values(answer.quality, f"quality of step {step!r}")
    if answer.success:
        return Completed(step=step, output=output, next_step=answer.next_step, quality=quality)
    return Failed(
        step=step,
        error=clean_text(str(answer.error or f"gate {step!r} failed without a message")),
        category=clean_text(str(answer.category or ErrorCategory.QUALITY_GATE.value), 100),
        output=output,
        next_step=answer.next_step,
        quality=quality,
    )


def _choice_outcome(step: str, answer: Any) -> Answered:
    if inspect.iscoroutine(answer):
        answer.close()
        return _wrong(step, "returned a coroutine: write it as a plain def, conditions do no I/O")
    return Completed(step=step, output={CONDITION: bool(answer)})


def _wrong(step: str, what: str) -> Answered:
    return Failed(step=step, error=f"gate {step!r} {what}", category=_CONFIGURATION)
