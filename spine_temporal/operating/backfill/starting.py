"""Starts a partition's run in Temporal, once however often it is asked for."""

from typing import Any

from temporalio import activity
from temporalio.api.common.v1 import Link, Priority, WorkflowType
from temporalio.api.enums.v1 import EventType, WorkflowIdConflictPolicy, WorkflowIdReusePolicy
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.common import TypedSearchAttributes
from temporalio.converter import encode_search_attributes
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.definition.errors import PartitionBusyError
from spine_temporal.operating.backfill.messages import PRIORITY, backfill_workflow_id
from spine_temporal.recording.backfill_partitions import BackfillPartition
from spine_temporal.recording.backfills import BackfillRow

#: Memo key of a run that a backfill has started.
MEMO = "spine_backfill"


async def start_run(
    client: Client,
    backfill: BackfillRow,
    row: BackfillPartition,
    arguments: list[Any],
    attributes: TypedSearchAttributes | None,
) -> str:
    """Start the run under its usual workflow id, and return its Temporal run id.

    The request has the id of the partition's turn, so that Temporal answers a second one with the run of the first,
    also when that has ended. Python's client gives each call an id of its own, so the request is made without it.
    Raises ``PartitionBusyError`` where another run of the id is open.
    """
    request = StartWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_id=row.workflow_id or "",
        workflow_type=WorkflowType(name=backfill.workflow),
        task_queue=TaskQueue(name=backfill.task_queue),
        identity=client.identity,
        request_id=f"{backfill.backfill_id}-{row.position}-{row.turn}",
        workflow_id_reuse_policy=WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
        workflow_id_conflict_policy=WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
        priority=Priority(priority_key=PRIORITY),
    )
    request.input.payloads.extend(await client.data_converter.encode(arguments))
    request.memo.fields[MEMO].CopyFrom((await client.data_converter.encode([backfill.backfill_id]))[0])
    if attributes is not None:
        encode_search_attributes(attributes, request.search_attributes)
    request.links.extend(_links(client, backfill.backfill_id))
    try:
        return await _started(client, request)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
        raise PartitionBusyError(f"another run of {row.workflow_id} is open in Temporal") from None


async def _started(client: Client, request: StartWorkflowExecutionRequest) -> str:
    """Start the run; where a host of the cluster does not know the search attributes yet, the run sets its own."""
    try:
        return (await client.workflow_service.start_workflow_execution(request, retry=True)).run_id
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT or not request.HasField("search_attributes"):
            raise
    request.ClearField("search_attributes")
    return (await client.workflow_service.start_workflow_execution(request, retry=True)).run_id


def _links(client: Client, backfill_id: str) -> list[Link]:
    """Return what the Web UI shows with the run's first event: the way to the backfill that is being tended."""
    if not activity.in_activity():
        return []
    begin = Link.WorkflowEvent.EventReference(event_id=1, event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED)
    backfill = Link.WorkflowEvent(
        namespace=client.namespace,
        workflow_id=backfill_workflow_id(backfill_id),
        run_id=activity.info().workflow_run_id or "",
        event_ref=begin,
    )
    return [Link(workflow_event=backfill)]
