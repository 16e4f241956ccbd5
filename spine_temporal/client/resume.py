"""Go on from a run that has ended: in its own history where Temporal has it, else as a new run of its workflow id."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflow.v1 import PostResetOperation, VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.definition.errors import ParamsError, PartitionBusyError
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.resume import resumed
from spine_temporal.recording.database import Database
from spine_temporal.recording.ended_runs import ended_run
from spine_temporal.recording.runs import RunRow, latest_run, request_resume

#: Nothing that came to the run after the point of its reset is repeated.
_NOTHING_AGAIN = (
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST,
)
_CANCEL_REQUESTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
_TASK_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED


async def resume_run(
    client: Client, database: Database, task_queue: str, row: RunRow, options: ResumeOptions
) -> WorkflowHandle[Any, Any]:
    """Resume the run, whose options have been checked; return the run that goes on."""
    description = await _described(client, row.workflow_id)
    if description is not None:
        if description.status is WorkflowExecutionStatus.RUNNING:
            raise PartitionBusyError(
                f"{row.workflow_id} is running (run {description.run_id}): a run is resumed when it has ended"
            )
        point = await _reset_point(client, row.workflow_id, description.run_id)
        if point is not None:
            await asyncio.to_thread(_request, database, row.run_id, options)
            try:
                return await _reset(client, description, point, options)
            except RPCError:
                await asyncio.to_thread(_request, database, row.run_id, None)
                raise
    return await client.start_workflow(
        row.workflow,
        args=[dict(row.params), {"resume": options.model_dump(exclude_defaults=True)}],
        id=row.workflow_id,
        task_queue=task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )


def checked_options(
    database: Database,
    workflow_id: str,
    workflows: Mapping[str, Workflow],
    *,
    start_from: str | None,
    changes: Mapping[str, Any],
    skip: Mapping[str, str],
    by: str,
) -> tuple[RunRow, ResumeOptions]:
    """Return the newest run of the id and how to go on from it; raise ``ParamsError`` for what does not fit."""
    with database.begin() as connection:
        row = latest_run(connection, workflow_id)
        if row is None:
            raise ParamsError(
                f"no run with workflow id {workflow_id!r} has begun, so there is nothing to resume: start it"
            )
        ended = ended_run(connection, row)
    workflow = workflows.get(row.workflow)
    if workflow is None:
        raise ParamsError(f"workflow {row.workflow!r} of {workflow_id!r} is in none of the loaded modules")
    options = ResumeOptions(run_id=row.run_id, start_from=start_from, changes=dict(changes), skip=dict(skip), by=by)
    resumed(workflow, ended, options)
    return row, options


async def _described(client: Client, workflow_id: str) -> WorkflowExecutionDescription | None:
    """Return the newest run of the id; None where Temporal knows none any more."""
    try:
        return await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _reset_point(client: Client, workflow_id: str, run_id: str) -> int | None:
    """Return the last completed workflow task before the run was cancelled; None where it had none."""
    point = None
    async for event in client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history_events():
        if event.event_type == _CANCEL_REQUESTED:
            break
        if event.event_type == _TASK_COMPLETED:
            point = event.event_id
    return point


async def _reset(
    client: Client, description: WorkflowExecutionDescription, point: int, options: ResumeOptions
) -> WorkflowHandle[Any, Any]:
    """Reset the run to that task; what it does next asks Postgres how it is to go on."""
    answer = await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=description.id, run_id=description.run_id),
            workflow_task_finish_event_id=point,
            request_id=uuid4().hex,
            reason=_reason(options),
            reset_reapply_exclude_types=_NOTHING_AGAIN,
            post_reset_operations=_to_the_current_build(description),
            identity=client.identity,
        )
    )
    handle = client.get_workflow_handle(description.id, run_id=answer.run_id)
    try:
        await handle.signal("resume")  # it may be waiting: for a time, for a person
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    return handle


def _to_the_current_build(description: WorkflowExecutionDescription) -> list[PostResetOperation]:
    """Let a run that is pinned to a build go on with the current one, which is where its cause was mended."""
    if not description.raw_description.workflow_execution_info.versioning_info.behavior:
        return []
    options = WorkflowExecutionOptions(versioning_override=VersioningOverride(auto_upgrade=True))
    mask = FieldMask(paths=["versioning_override"])
    update = PostResetOperation.UpdateWorkflowOptions(workflow_execution_options=options, update_mask=mask)
    return [PostResetOperation(update_workflow_options=update)]


def _request(database: Database, run_id: str, options: ResumeOptions | None) -> None:
    with database.begin() as connection:
        request_resume(connection, run_id, None if options is None else options.model_dump(mode="json"))


def _reason(options: ResumeOptions) -> str:
    told = [f"spine-temporal resume of run {options.run_id}"]
    told += [f"by {options.by}"] if options.by else []
    told += [f"from {options.start_from}"] if options.start_from else []
    told += [f"skip {name}: {reason}" for name, reason in options.skip.items()]
    told += [f"set {', '.join(options.changes)}"] if options.changes else []
    return "; ".join(told)[:1000]
