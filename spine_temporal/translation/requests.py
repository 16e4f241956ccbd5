"""From the machine's words to the activities' messages. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from spine_temporal.definition.json_values import json_size
from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.run_result import OMITTED, Decision, WorkflowResult
from spine_temporal.machine.door import end_after
from spine_temporal.machine.fan import item_name, own_params, shared_params, tolerated_of
from spine_temporal.machine.manifest_row import StageReached, metrics_of, row_count_of
from spine_temporal.machine.plan import PlannedMap, PlannedPipeline
from spine_temporal.machine.state import Hold, Run, State
from spine_temporal.machine.step_outcome import Completed
from spine_temporal.translation.gate_messages import HoldRequest
from spine_temporal.translation.map_messages import BatchRequest, ItemAsked, ItemsRequest
from spine_temporal.translation.messages import Begun, EndRequest
from spine_temporal.translation.payloads import Unreadable
from spine_temporal.translation.pipeline_messages import Ending, PipelineRequest

#: Bytes of all outputs, and of all tracebacks, that a result carries through Temporal, whose UI and CLI show it whole;
#: beyond it the large ones are left in Postgres.
MAX_RESULT_BYTES = 128 * 1024
#: Bytes below which an output stays in a result that is too large.
SMALL_OUTPUT_BYTES = 4096


def run_of(begun: Begun) -> Run:
    """Return what the machine knows of the run."""
    return Run(
        run_id=begun.run_id,
        started_at=begun.started_at,
        params=begun.params,
        partition=begun.partition,
        is_dry_run=begun.is_dry_run,
        holds_gates=begun.holds_gates,
    )


def rank_of(begun: Begun, step: str) -> int:
    """Return a step's rank in the manifest: STARTED is 0, the steps follow."""
    return 1 + list(begun.plan.places).index(step)


def pipeline_request(
    step: PlannedPipeline, begun: Begun, key: RunKey, params: Mapping[str, Any], *, round_: int
) -> PipelineRequest:
    """Return what the pipeline's activity is given; its own params win over the run's."""
    forced = {"force": True} if begun.force else {}
    return PipelineRequest(
        **_bounds(step),
        key=key,
        step=step.name,
        pipeline=step.pipeline,
        stage=step.stage,
        stage_rank=rank_of(begun, step.name),
        params={**begun.params, **forced, **params},
        retry=step.retry,
        on_error=step.on_error,
        timeout=step.timeout,
        heartbeat_timeout=step.heartbeat_timeout,
        round=round_,
    )


def item_request(request: BatchRequest, index: int, pipeline: PlannedPipeline) -> PipelineRequest:
    """Return what the activity of one item of a map is given."""
    step = request.step
    own = own_params(step, request.items[index])
    return _of_items(request, pipeline, item_name(step.name, request.first + index), own)


def items_request(request: BatchRequest, group: Sequence[int], pipeline: PlannedPipeline) -> ItemsRequest:
    """Return what the activity of items that go together is given."""
    name = request.step.name
    items = (
        ItemAsked(
            index=index,
            step=item_name(name, request.first + index),
            params=own_params(request.step, request.items[index]),
        )
        for index in group
    )
    return ItemsRequest(
        key=request.key,
        step=f"{name}[{request.first + group[0]}-{request.first + group[-1]}]",
        common=_of_items(request, pipeline, name).model_copy(update={"is_brief": True}),
        items=tuple(items),
    )


def _of_items(
    request: BatchRequest, pipeline: PlannedPipeline, name: str, own: Mapping[str, Any] | None = None
) -> PipelineRequest:
    """Return the request of one item with params of its ``own``, or what the requests of all have in common."""
    forced = {"force": True} if request.begun.force else {}
    return PipelineRequest(
        **_bounds(pipeline),
        key=request.key,
        step=name,
        pipeline=pipeline.pipeline,
        stage="",
        stage_rank=0,
        params={**shared_params(request.step, {**request.begun.params, **forced}), **(own or {})},
        retry=pipeline.retry,
        on_error=pipeline.on_error,
        timeout=pipeline.timeout,
        heartbeat_timeout=pipeline.heartbeat_timeout,
        round=request.round,
        is_item=True,
    )


def _bounds(step: PlannedPipeline) -> dict[str, Any]:
    """Return what bounds the step's attempts as fields of a request; no field for what it does not bound."""
    given = {"memory": step.memory, "limit": step.limit}
    return {name: value for name, value in given.items() if value is not None}


def sub_options(begun: Begun, name: str) -> dict[str, Any]:
    """Return the run options of a sub-workflow: those of its parent, and the lineage that it belongs to."""
    given = {
        "force": begun.force,
        "dry_run": begun.is_dry_run,
        "on_gate_failure": "hold" if begun.holds_gates else None,
        "lineage": None if begun.is_dry_run else f"{begun.lineage or begun.run_id}/{name}",
    }
    return {name: value for name, value in given.items() if value}


def batch_of(step: PlannedMap, begun: Begun, key: RunKey, items: tuple[Any, ...], round_: int) -> BatchRequest:
    """Return a whole map as one part, with what its items need to know of the run: neither its plan nor its items."""
    plan = begun.plan.model_copy(update={"steps": (), "on_failure": (), "on_cancel": ()})
    params = {name: value for name, value in begun.params.items() if name != step.items_param}
    return BatchRequest(
        step=step if step.items is None else step.model_copy(update={"items": ()}),
        begun=begun.model_copy(update={"plan": plan, "kept": {}, "params": params}),
        key=key,
        first=0,
        items=items,
        tolerated=tolerated_of(step, len(items)),
        round=round_,
    )


def hold_request(key: RunKey, command: Hold) -> HoldRequest:
    """Return what is recorded of a held gate."""
    approval = command.step.approval
    request = HoldRequest(
        key=key,
        step=command.step.name,
        round=command.round,
        error=command.outcome.error,
        category=command.outcome.category,
    )
    return request if approval is None else request.model_copy(update={"asks": approval.told})


def sent_back(state: State, gate: str, decision: Decision) -> dict[str, int]:
    """Return the steps whose outputs a decision takes back, each with its last round."""
    if decision.start_from is None:
        return {}
    return {name: state.rounds.get(name, 0) for name in state.plan.span(decision.start_from, gate)}


def execution_name(step: str, round_: int) -> str:
    """Return how a run names a completed execution of its own."""
    return f"{step}#{round_}"


def step_of(execution: str) -> str:
    """Return the step that the execution is of; an item is of its map."""
    return execution.rpartition("#")[0].partition("[")[0]


def reset_of(begun: Begun, run_id: str) -> str | None:
    """Return the run in whose history a step of a run stands that was reset; a verdict then asks for a reason."""
    return None if begun.run_id == run_id else begun.run_id


def stage_of(begun: Begun, outcome: Completed) -> StageReached | None:
    """Return a completed step's manifest row; None for a pipeline, which writes its own, and in a dry run."""
    planned = begun.plan.places[outcome.step].step
    if begun.is_dry_run or isinstance(planned, PlannedPipeline):
        return None
    metrics, row_count = metrics_of(outcome.output), None
    if outcome.items is not None:
        metrics, row_count = outcome.items.model_dump(), row_count_of(outcome.output)
    return StageReached(
        stage=planned.stage,
        stage_rank=rank_of(begun, outcome.step),
        row_count=row_count,
        metrics=metrics,
        execution_id=outcome.kept_from or begun.run_id,
    )


def ending_of(begun: Begun, state: State, step: PlannedPipeline, at: datetime) -> Ending | None:
    """Return how the run ends with a pipeline; None where it does not, or has too much to tell.

    A result that may have to be cut is recorded by itself, as nobody knows yet how large the pipeline's output is.
    """
    result = end_after(state, step, at)
    if result is None or sum(map(json_size, result.outputs.values())) > MAX_RESULT_BYTES // 2:
        return None
    return Ending(stage_rank=len(begun.plan.places) + 1, result=result)


def end_request(begun: Begun, key: RunKey, result: WorkflowResult) -> EndRequest:
    """Return how the run ended, for its last transaction."""
    return EndRequest(key=key, stage_rank=len(begun.plan.places) + 1, result=result)


def carried(result: WorkflowResult) -> WorkflowResult:
    """Return the result without the outputs that are too large in sum for Temporal; Postgres and the history have them.

    The large outputs are left out first; where there are too many small ones, those as well.
    """
    result = _with_few_tracebacks(result)
    sizes = {step: json_size(output) for step, output in result.outputs.items()}
    if sum(sizes.values()) <= MAX_RESULT_BYTES:
        return result
    small = {step for step, size in sizes.items() if size < SMALL_OUTPUT_BYTES}
    if sum(sizes[step] for step in small) > MAX_RESULT_BYTES:
        small = set()
    outputs = {
        step: output if step in small else {OMITTED: f"{sizes[step]:,} bytes: see core_executions"}
        for step, output in result.outputs.items()
    }
    return result.model_copy(update={"outputs": outputs})


def unreadable_start(workflow: str, params: Any, options: Any, extra: tuple[Any, ...]) -> str:
    """Return why a start cannot be read as params and run options; empty where it can."""
    if extra:
        return f"{workflow!r} takes two arguments, params and run options, and was given {2 + len(extra)}"
    for name, given in (("params", params), ("run options", options)):
        if isinstance(given, Unreadable):
            return given.reason
        if isinstance(given, bytes):
            return f"{name} of {workflow!r} must be a JSON object, not {len(given)} bytes"
    return ""


def _with_few_tracebacks(result: WorkflowResult) -> WorkflowResult:
    """Return the result with its first tracebacks; those of later steps are left to the worker's log."""
    left, steps = MAX_RESULT_BYTES, []
    for step in result.step_executions:
        left -= len((step.traceback or "").encode())
        steps.append(step if left >= 0 or step.traceback is None else step.model_copy(update={"traceback": None}))
    return result if left >= 0 else result.model_copy(update={"step_executions": steps})
