"""What Temporal says of a run, also of a paused one, whose status its Python client does not know."""

import shlex
from collections.abc import AsyncIterator
from datetime import UTC
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    ListWorkflowExecutionsRequest,
)
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowHandle
from temporalio.client import WorkflowExecution as ListedExecution

from spine_temporal.sdk_private import description_of, execution_of


async def described(client: Client, handle: WorkflowHandle[Any, Any]) -> WorkflowExecutionDescription:
    """Return the run's description; a paused run is RUNNING, and ``is_paused`` tells it. Raises ``RPCError``."""
    answer = await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=handle.id, run_id=handle.run_id or ""),
        ),
        retry=True,
    )
    _as_running(answer.workflow_execution_info)
    return await description_of(answer, client)


def is_paused(description: WorkflowExecutionDescription) -> bool:
    """Return whether somebody has paused the run: it is open, and does nothing until it is unpaused."""
    return is_paused_info(description.raw_description)


def is_paused_info(described: DescribeWorkflowExecutionResponse) -> bool:
    """Return the same of a description as Temporal answers it."""
    return described.workflow_extended_info.HasField("pause_info")


def paused_by(description: WorkflowExecutionDescription) -> str:
    """Return who has paused the run, since when and why."""
    pause = description.raw_description.workflow_extended_info.pause_info
    since = pause.paused_time.ToDatetime(UTC)
    reason = f": {pause.reason}" if pause.reason else ""
    return f"{pause.identity or 'somebody'} has paused it, {since:%Y-%m-%d %H:%M:%S} UTC{reason}"


def how_to_unpause(description: WorkflowExecutionDescription) -> str:
    """Return the command that lets the run go on."""
    return f"`temporal workflow unpause --workflow-id {shlex.quote(description.id)}`"


async def listed_executions(client: Client, query: str, *, limit: int) -> AsyncIterator[ListedExecution]:
    """Yield what Temporal lists, newest first; a paused run is RUNNING. Raises ``RPCError``."""
    request = ListWorkflowExecutionsRequest(namespace=client.namespace, query=query, page_size=min(limit, 1000))
    while limit > 0:
        page = await client.workflow_service.list_workflow_executions(request, retry=True)
        for info in page.executions[:limit]:
            _as_running(info)
            yield execution_of(info, client)
        limit -= len(page.executions)
        request.next_page_token = page.next_page_token
        if not page.next_page_token:
            return


def _as_running(info: WorkflowExecutionInfo) -> None:
    if info.status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED:
        info.status = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
