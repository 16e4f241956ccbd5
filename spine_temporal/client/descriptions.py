"""What Temporal says of a run, also of a paused one, whose status its Python client does not know."""

from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowHandle


async def described(client: Client, handle: WorkflowHandle[Any, Any]) -> WorkflowExecutionDescription:
    """Return the run's description; a paused run is RUNNING, and ``is_paused`` tells it. Raises ``RPCError``."""
    answer = await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=handle.id, run_id=handle.run_id or ""),
        ),
        retry=True,
    )
    if answer.workflow_execution_info.status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED:
        answer.workflow_execution_info.status = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
    return await WorkflowExecutionDescription._from_raw_description(answer, client.namespace, client.data_converter)


def is_paused(description: WorkflowExecutionDescription) -> bool:
    """Return whether somebody has paused the run: it is open, and does nothing until it is unpaused."""
    return description.raw_description.workflow_extended_info.HasField("pause_info")
