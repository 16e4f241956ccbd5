"""The machine's second driver: a workflow in this process, at once, with no Temporal. For unit tests and dry runs."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, assert_never
from uuid import uuid4

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.json_values import MAX_OUTPUT_BYTES, JsonValueError, clean_text, require_size, to_json
from spine_temporal.definition.outcome import WorkflowResult
from spine_temporal.definition.params import partition_of, resolve_params
from spine_temporal.definition.pipeline import PipelineResult, PipelineStatus
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.evaluate import describe, evaluate
from spine_temporal.machine.machine import advance, start
from spine_temporal.machine.plan import PlannedPipeline, plan_of
from spine_temporal.machine.state import Evaluate, Finish, Run, RunPipeline, State, StepEnded, Wait
from spine_temporal.machine.step_outcome import StepOutcome

#: Stands for a pipeline: its params in, its metrics out.
Work = Callable[[Mapping[str, Any]], Any]


def run_in_process(
    workflow: Workflow,
    params: Mapping[str, Any] | None = None,
    pipelines: Mapping[str, Work | Mapping[str, Any]] | None = None,
    *,
    dry_run: bool = False,
) -> WorkflowResult:
    """Run a workflow to its end; ``pipelines`` gives each pipeline as a function of its params, or its metrics.

    Attempts follow the step's retry policy, without waiting between them; a wait step takes no time.
    Raises ``ParamsError``, as a start does,
    and ``KeyError`` for a pipeline that is not given.
    """
    resolved = resolve_params(workflow, params)
    run = Run(
        run_id=str(uuid4()),
        started_at=datetime.now(UTC),
        params=resolved,
        partition=partition_of(workflow, resolved),
        is_dry_run=dry_run,
    )
    state, commands = start(plan_of(workflow), run)
    while True:
        command = commands[0]
        match command:
            case Finish():
                return state.result
            case RunPipeline():
                outcome = _run(state, command.step, pipelines or {})
            case Evaluate():
                outcome = evaluate(workflow, command.step, state.context)
            case Wait():
                outcome = StepOutcome(step=command.step.name)
            case _:
                assert_never(command)
        state, commands = advance(state, StepEnded(outcome=outcome, at=datetime.now(UTC)))


def _run(state: State, step: PlannedPipeline, pipelines: Mapping[str, Work | Mapping[str, Any]]) -> StepOutcome:
    if state.run.is_dry_run:
        return StepOutcome(step=step.name)
    work = pipelines[step.pipeline]
    for attempt in range(1, step.retry.max_attempts + 1):
        try:
            answer = work({**state.run.params, **step.params}) if callable(work) else work
            return StepOutcome(step=step.name, output=_metrics(step, answer), attempt=attempt)
        except JsonValueError as error:
            failure = SpineError(str(error), ErrorCategory.CONFIGURATION)
        except SpineError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - as in the pipeline's activity
            failure = SpineError(describe(error), ErrorCategory.INTERNAL)
        if not (failure.category.retryable or failure.category is ErrorCategory.INTERNAL):
            break
    return StepOutcome(step=step.name, error=clean_text(str(failure)), category=failure.category.value, attempt=attempt)


def _metrics(step: PlannedPipeline, answer: Any) -> dict[str, Any]:
    if isinstance(answer, PipelineResult):
        if answer.status is PipelineStatus.FAILED:
            raise SpineError(answer.error or "the pipeline failed", answer.category)
        answer = answer.metrics
    if answer is not None and not isinstance(answer, Mapping):
        raise SpineError(
            f"pipeline {step.pipeline!r} returned a {type(answer).__name__}: return a PipelineResult or a dict",
            ErrorCategory.CONFIGURATION,
        )
    where = f"output of step {step.name!r}"
    output: dict[str, Any] = to_json(dict(answer or {}), where)
    require_size(output, where, MAX_OUTPUT_BYTES, "keep rows in Postgres and return counts and ids")
    return output
