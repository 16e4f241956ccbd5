"""Go on from a run that has ended: in its own history where Temporal has it, else as a new run of its workflow id."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import Priority, WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType, WorkflowExecutionStatus
from temporalio.api.workflow.v1 import PostResetOperation, VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.common import Priority as RunPriority
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.definition.errors import ErrorCategory, ParamsError, PartitionBusyError, SpineError
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.resumed_run import resumed
from spine_temporal.recording.database import Database
from spine_temporal.recording.ended_runs import ended_run
from spine_temporal.recording.resume_requests import request_resume, withdraw_resume
from spine_temporal.recording.runs import RunRow, latest_run, run_of
from spine_temporal.runtime.resets import Resets, reset_reason

#: Nothing that came to the run after the point of its reset is repeated.
_NOTHING_AGAIN = (
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST,
)
#: Seconds that a resume may take from its request to the reset; then somebody else may try.
REQUEST_PATIENCE = 60.0
_OPEN = (
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED,
)
#: Where nobody knows whether Temporal has done what it was asked.
_UNKNOWN = (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.UNAVAILABLE, RPCStatusCode.CANCELLED, RPCStatusCode.UNKNOWN)
_CANCEL_REQUESTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
_TASK_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED


async def resume_run(
    client: Client,
    database: Database,
    task_queue: str,
    row: RunRow,
    options: ResumeOptions,
    *,
    priority: int | None = None,
) -> WorkflowHandle[Any, Any]:
    """Resume the run, whose options have been checked; return the run that goes on, on the run's own task queue.

    ``task_queue`` is that of a run which neither Temporal nor Postgres knows the queue of; ``priority`` is Temporal's,
    where it is to be another than the run had. A caller who may ask twice for the same resume, as it can be killed
    before it has the answer, gives ``options.request_id`` itself. Raises ``PartitionBusyError`` where the run is
    running, or somebody else is resuming it.
    """
    description = await _described(client, row.workflow_id)
    if description is not None and description.status in _OPEN:
        raise PartitionBusyError(
            f"{row.workflow_id} is running (run {description.run_id}): a run is resumed when it has ended"
        )
    options = options.model_copy(update={"request_id": options.request_id or uuid4().hex})
    spent = None if description is None else await Resets(client).request_of(row.workflow_id, description.run_id)
    await asyncio.to_thread(_request, database, row, options, spent)
    try:
        return await _gone_on(client, task_queue, row, options, description, time.monotonic(), priority)
    except RPCError as error:
        if error.status not in _UNKNOWN:
            await asyncio.to_thread(_withdraw, database, row, options)
        raise
    except (SpineError, WorkflowAlreadyStartedError):
        await asyncio.to_thread(_withdraw, database, row, options)
        raise


async def _gone_on(
    client: Client,
    task_queue: str,
    row: RunRow,
    options: ResumeOptions,
    description: "_Described | None",
    requested: float,
    priority: int | None,
) -> WorkflowHandle[Any, Any]:
    """Reset the run, while the request is this one's; ``requested``: when it was made, on the monotonic clock."""
    point = None if description is None else await _reset_point(client, row.workflow_id, description.run_id)
    if time.monotonic() - requested > REQUEST_PATIENCE / 2:
        raise SpineError(
            f"Temporal took too long to show the history of {row.workflow_id}: resume it again",
            ErrorCategory.DEPENDENCY,
        )
    if description is None or point is None:
        return await _started(client, task_queue, row, options, priority)
    return await _reset(client, description, point, options, priority)


async def _started(
    client: Client, task_queue: str, row: RunRow, options: ResumeOptions, priority: int | None
) -> WorkflowHandle[Any, Any]:
    """Start a new run of the id, as Temporal has no history to go on from."""
    return await client.start_workflow(
        row.workflow,
        args=[dict(row.params), {"resume": options.model_dump(exclude_defaults=True)}],
        id=row.workflow_id,
        task_queue=row.task_queue or task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        priority=RunPriority(priority_key=priority),
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
        raise ParamsError(
            f"workflow {row.workflow!r} of {workflow_id!r} is in none of the loaded modules: name its module in "
            "SPINE_MODULES, or give the id as FILE.py:NAME/..."
        )
    options = ResumeOptions(run_id=row.run_id, start_from=start_from, changes=dict(changes), skip=dict(skip), by=by)
    resumed(workflow, ended, options)
    return row, options


@dataclass(frozen=True, kw_only=True)
class _Described:
    """The newest run of a workflow id."""

    workflow_id: str
    run_id: str
    status: WorkflowExecutionStatus.ValueType
    #: Whether it is pinned to a build of its workers.
    is_versioned: bool


async def _described(client: Client, workflow_id: str) -> _Described | None:
    """Return the newest run of the id; None where Temporal knows none any more."""
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
    )
    try:
        answer = await client.workflow_service.describe_workflow_execution(request)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    info = answer.workflow_execution_info
    return _Described(
        workflow_id=workflow_id,
        run_id=info.execution.run_id,
        status=info.status,
        is_versioned=bool(info.versioning_info.behavior),
    )


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
    client: Client, description: _Described, point: int, options: ResumeOptions, priority: int | None
) -> WorkflowHandle[Any, Any]:
    """Reset the run to that task; the reason names the request, by which the run finds out how it is to go on."""
    answer = await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=description.workflow_id, run_id=description.run_id),
            workflow_task_finish_event_id=point,
            request_id=options.request_id,
            reason=reset_reason(options.request_id, _told(options)),
            reset_reapply_exclude_types=_NOTHING_AGAIN,
            post_reset_operations=_changed_options(description, priority),
            identity=client.identity,
        ),
        timeout=timedelta(seconds=REQUEST_PATIENCE / 4),
    )
    handle = client.get_workflow_handle(description.workflow_id, run_id=answer.run_id)
    try:
        await handle.signal("resume")  # it may be waiting: for a time, for a person
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    return handle


def _changed_options(description: _Described, priority: int | None) -> list[PostResetOperation]:
    """Let a run that is pinned to a build go on with the current one, where its cause was mended; set its priority."""
    options, paths = WorkflowExecutionOptions(), list[str]()
    if description.is_versioned:
        options.versioning_override.CopyFrom(VersioningOverride(auto_upgrade=True))
        paths.append("versioning_override")
    if priority is not None:
        options.priority.CopyFrom(Priority(priority_key=priority))
        paths.append("priority.priority_key")
    if not paths:
        return []
    update = PostResetOperation.UpdateWorkflowOptions(
        workflow_execution_options=options, update_mask=FieldMask(paths=paths)
    )
    return [PostResetOperation(update_workflow_options=update)]


def _request(database: Database, row: RunRow, options: ResumeOptions, spent: str | None) -> None:
    """Record that the run is being resumed; raise if another person is resuming it.

    ``spent``: the request of a run that was reset for it and has ended before it could take it up.
    """
    with database.begin() as connection:
        mine = request_resume(
            connection,
            row.run_id,
            request_id=options.request_id,
            by=options.by,
            options=options.model_dump(mode="json"),
            patience=REQUEST_PATIENCE,
            replaces=spent,
        )
        if mine:
            return
        found = run_of(connection, row.run_id)
    other = (found.resume_request if found else None) or {}
    who = other.get("by") or "somebody"
    if "taken_by" in other:
        raise PartitionBusyError(f"{row.workflow_id} was resumed by {who} meanwhile, as run {other['taken_by']}")
    raise PartitionBusyError(
        f"{row.workflow_id} is being resumed by {who} since {str(other.get('at'))[:19]} UTC: wait for that, or until "
        f"{str(other.get('expires_at'))[:19]} UTC, when the request expires"
    )


def _withdraw(database: Database, row: RunRow, options: ResumeOptions) -> None:
    with database.begin() as connection:
        withdraw_resume(connection, row.run_id, options.request_id)


def _told(options: ResumeOptions) -> str:
    told = [f"of run {options.run_id}"]
    told += [f"by {options.by}"] if options.by else []
    told += [f"from {options.start_from}"] if options.start_from else []
    told += [f"skip {name}: {reason}" for name, reason in options.skip.items()]
    told += [f"set {', '.join(options.changes)}"] if options.changes else []
    return "; ".join(told)
