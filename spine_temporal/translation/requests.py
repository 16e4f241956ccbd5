"""From the machine's words to the activities' messages, and back from failures to outcomes. Pure."""

from collections.abc import Mapping
from typing import Any

from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    TimeoutType,
    is_cancelled_exception,
)
from temporalio.exceptions import TimeoutError as TemporalTimeoutError

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.json_values import clean_text, json_size
from spine_temporal.definition.outcome import OMITTED, Decision, WorkflowResult
from spine_temporal.machine.fan import item_name, item_params, tolerated_of
from spine_temporal.machine.machine import steps_again
from spine_temporal.machine.plan import PlannedMap, PlannedPipeline
from spine_temporal.machine.state import Hold
from spine_temporal.machine.step_outcome import StepOutcome
from spine_temporal.translation.messages import (
    BatchRequest,
    Begun,
    EndRequest,
    HoldRequest,
    PipelineRequest,
    StageReached,
)

#: Category of a step whose activity or run somebody else has cancelled.
CANCELLED = "CANCELLED"
#: Bytes of all outputs that a result carries through Temporal, whose UI and CLI show it whole; beyond it the large
#: ones are left in Postgres.
MAX_RESULT_BYTES = 128 * 1024


def recording_domain(begun: Begun) -> str:
    """Return the domain of the run's manifest rows."""
    return f"workflow.{begun.plan.workflow}"


def rank_of(begun: Begun, step: str) -> int:
    """Return a step's rank in the manifest: STARTED is 0, the steps follow."""
    return 1 + list(begun.plan.places).index(step)


def pipeline_request(
    step: PlannedPipeline, begun: Begun, params: Mapping[str, Any], *, repeated: int
) -> PipelineRequest:
    """Return what the pipeline's activity is given; its own params win over the run's."""
    forced = {"force": True} if begun.force else {}
    return PipelineRequest(
        workflow=begun.plan.workflow,
        domain=begun.plan.domain,
        run_id=begun.run_id,
        step=step.name,
        pipeline=step.pipeline,
        stage=step.stage,
        stage_rank=rank_of(begun, step.name),
        params={**begun.params, **forced, **params},
        partition=begun.partition,
        retry=step.retry,
        on_error=step.on_error,
        timeout=step.timeout,
        heartbeat_timeout=step.heartbeat_timeout,
        round=repeated,
    )


def item_request(request: BatchRequest, index: int, pipeline: PlannedPipeline) -> PipelineRequest:
    """Return what the activity of one item of a map is given."""
    begun, step = request.begun, request.step
    forced = {"force": True} if begun.force else {}
    return PipelineRequest(
        workflow=begun.plan.workflow,
        domain=begun.plan.domain,
        run_id=begun.run_id,
        step=item_name(step.name, request.first + index),
        pipeline=pipeline.pipeline,
        stage="",
        stage_rank=0,
        params={**item_params(step, {**begun.params, **forced}, request.items[index])},
        partition=begun.partition,
        retry=pipeline.retry,
        on_error=pipeline.on_error,
        timeout=pipeline.timeout,
        heartbeat_timeout=pipeline.heartbeat_timeout,
        round=request.round,
        part_of=request.workflow_id,
        earlier=begun.items_of,
    )


def sub_options(begun: Begun) -> dict[str, Any]:
    """Return the run options that a sub-workflow takes over."""
    given = {
        "force": begun.force,
        "dry_run": begun.is_dry_run,
        "on_gate_failure": "hold" if begun.holds_gates else None,
    }
    return {name: value for name, value in given.items() if value}


def batch_of(step: PlannedMap, begun: Begun, workflow_id: str, items: tuple[Any, ...], again: int) -> BatchRequest:
    """Return a whole map as one part, with what its items need to know of the run: neither its plan nor its items."""
    plan = begun.plan.model_copy(update={"steps": (), "on_failure": (), "on_cancel": ()})
    params = {name: value for name, value in begun.params.items() if name != step.items_param}
    return BatchRequest(
        step=step if step.items is None else step.model_copy(update={"items": ()}),
        begun=begun.model_copy(update={"plan": plan, "kept": {}, "params": params}),
        workflow_id=workflow_id,
        first=0,
        items=items,
        tolerated=tolerated_of(step, len(items)),
        round=again,
    )


def hold_request(begun: Begun, workflow_id: str, command: Hold, decision: Decision | None = None) -> HoldRequest:
    """Return what is recorded of a held gate, and of the decision."""
    return HoldRequest(
        workflow=begun.plan.workflow,
        workflow_domain=begun.plan.domain,
        workflow_id=workflow_id,
        run_id=begun.run_id,
        partition=begun.partition,
        step=command.step.name,
        round=command.round,
        error=command.outcome.error or "",
        category=command.outcome.category or ErrorCategory.INTERNAL.value,
        decision=decision,
        sent_back=_sent_back(begun, command.step.name, decision),
    )


def _sent_back(begun: Begun, gate: str, decision: Decision | None) -> tuple[str, ...]:
    """Return the steps whose outputs a decision takes back."""
    if decision is None or decision.start_from is None:
        return ()
    return steps_again(begun.plan, gate, decision.start_from)


def asked_of_reset(verdict: StepOutcome, begun: Begun | None, run_id: str) -> StepOutcome:
    """Return the verdict as it is recorded; one of a run that was reset also asks whether a person had a reason."""
    if begun is None or begun.run_id == run_id:
        return verdict
    return verdict.model_copy(update={"reset_of": begun.run_id})


def stage_of(begun: Begun, outcome: StepOutcome) -> StageReached | None:
    """Return the manifest row of a step that has completed; None for a pipeline, which writes its own, and dry."""
    planned = begun.plan.places[outcome.step].step
    if begun.is_dry_run or isinstance(planned, PlannedPipeline):
        return None
    metrics = outcome.output if json_size(outcome.output) <= 4096 else {}
    row_count = None
    if outcome.items is not None:
        metrics, row_count = outcome.items.model_dump(), outcome.output.get("row_count")
    return StageReached(
        stage=planned.stage,
        stage_rank=rank_of(begun, outcome.step),
        row_count=row_count,
        metrics=metrics,
        execution_id=begun.run_id,
    )


def end_request(begun: Begun, result: WorkflowResult, workflow_id: str) -> EndRequest:
    """Return how the run ended, for its last transaction."""
    return EndRequest(
        domain=recording_domain(begun),
        workflow_domain=begun.plan.domain,
        workflow_id=workflow_id,
        stage_rank=len(begun.plan.places) + 1,
        result=result,
    )


def carried(result: WorkflowResult) -> WorkflowResult:
    """Return the result as it can pass through Temporal: outputs that are too large in sum stay in the ledger."""
    if json_size(dict(result.outputs)) <= MAX_RESULT_BYTES:
        return result
    outputs = {
        step: output if json_size(output) < 4096 else {OMITTED: f"{json_size(output):,} bytes: see core_executions"}
        for step, output in result.outputs.items()
    }
    return result.model_copy(update={"outputs": outputs})


def refused(message: str) -> ApplicationError:
    """Return the failure of a run that was started wrongly."""
    return ApplicationError(message, type=ErrorCategory.CONFIGURATION.value, non_retryable=True)


def failure_of(error: FailureError) -> ApplicationError:
    """Return an activity's failure as the run's own, so that its type and message are what a person reads first."""
    category, message, _ = _described(error)
    return ApplicationError(message, type=category, non_retryable=True)


def failed_outcome(step: str, error: FailureError) -> StepOutcome:
    """Return the outcome of a pipeline whose activity has failed for good."""
    category, message, attempt = _described(error)
    return StepOutcome(step=step, error=message, category=category, attempt=attempt)


def cause_of(error: FailureError) -> BaseException | None:
    """Return what an activity failed of: a local activity raises it as it is, others wrap it."""
    return error.cause if isinstance(error, ActivityError | ChildWorkflowError) else error


def _described(error: FailureError) -> tuple[str, str, int]:
    """Return category, message and counted attempts of an activity's failure."""
    cause = cause_of(error)
    if isinstance(cause, ApplicationError):
        known = cause.type in ErrorCategory.__members__
        own = isinstance(error, ChildWorkflowError)  # a gate's own category comes through a sub-workflow as it is
        category = cause.type if cause.type and (known or own) else ErrorCategory.INTERNAL.value
        if cause.type == "PayloadsTooLarge":
            category = ErrorCategory.CONFIGURATION.value
        attempt = cause.details[0] if cause.details and isinstance(cause.details[0], int) else 1
        return category, clean_text(cause.message), attempt
    if isinstance(cause, TemporalTimeoutError):
        what = TimeoutType(cause.type).name.lower() if cause.type is not None else "its"
        return ErrorCategory.TIMEOUT.value, f"the activity passed its {what} timeout", 1
    if is_cancelled_exception(error):
        return CANCELLED, "it was cancelled in Temporal, and not by this run", 1
    return ErrorCategory.INTERNAL.value, clean_text(str(cause or error)), 1
