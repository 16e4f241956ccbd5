"""The open runs of a namespace, as Temporal tells of them: also paused ones, which its Python client cannot read."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    ListWorkflowExecutionsRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

_PAGE = 1000
_PAUSED = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED
_OPEN = (WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING, _PAUSED)
_STARTED = EventType.EVENT_TYPE_TIMER_STARTED
_ENDED = (EventType.EVENT_TYPE_TIMER_FIRED, EventType.EVENT_TYPE_TIMER_CANCELED)


@dataclass(frozen=True, kw_only=True)
class OpenRun:
    """An open run, and what of it is pending in Temporal."""

    workflow: str
    workflow_id: str
    run_id: str
    #: The first run of its chain of resets.
    first_run_id: str
    is_paused: bool
    activities: int
    children: int
    has_workflow_task: bool
    #: Attempts of that task; above 1 it fails.
    task_attempt: int


async def list_open_runs(client: Client, workflows: Sequence[str]) -> AsyncIterator[OpenRun]:
    """Yield the open runs of these workflow types."""
    names = ", ".join(f"'{name}'" for name in workflows)
    query = f"ExecutionStatus IN ('Running', 'Paused') AND WorkflowType IN ({names})"
    token = b""
    while names:
        page = await client.workflow_service.list_workflow_executions(
            ListWorkflowExecutionsRequest(
                namespace=client.namespace, query=query, page_size=_PAGE, next_page_token=token
            )
        )
        for info in page.executions:
            run = await open_run(client, info.execution.workflow_id)
            if run is not None:
                yield run
        token = page.next_page_token
        if not token:
            return


async def open_run(client: Client, workflow_id: str) -> OpenRun | None:
    """Return the open run of a workflow id; None where it has none."""
    described = await describe(client, workflow_id)
    if described is None or not is_open(described):
        return None
    return _open_run(described, described.workflow_execution_info)


async def describe(client: Client, workflow_id: str, run_id: str = "") -> DescribeWorkflowExecutionResponse | None:
    """Return Temporal's description of a run, the newest of its id where no run id is given; None: it knows none."""
    execution = WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
    request = DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=execution)
    try:
        return await client.workflow_service.describe_workflow_execution(request)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


def is_open(described: DescribeWorkflowExecutionResponse) -> bool:
    """Return whether the run is open; a paused one is."""
    return described.workflow_execution_info.status in _OPEN


async def has_open_timer(client: Client, run: OpenRun) -> bool:
    """Return whether the run waits for a time; only its history says so."""
    open_timers: set[int] = set()
    async for event in client.get_workflow_handle(run.workflow_id, run_id=run.run_id).fetch_history_events():
        if event.event_type == _STARTED:
            open_timers.add(event.event_id)
        elif event.event_type == _ENDED[0]:
            open_timers.discard(event.timer_fired_event_attributes.started_event_id)
        elif event.event_type == _ENDED[1]:
            open_timers.discard(event.timer_canceled_event_attributes.started_event_id)
    return bool(open_timers)


def _open_run(described: DescribeWorkflowExecutionResponse, info: WorkflowExecutionInfo) -> OpenRun:
    return OpenRun(
        workflow=info.type.name,
        workflow_id=info.execution.workflow_id,
        run_id=info.execution.run_id,
        first_run_id=info.first_run_id or info.execution.run_id,
        is_paused=info.status == _PAUSED,
        activities=len(described.pending_activities),
        children=len(described.pending_children),
        has_workflow_task=described.HasField("pending_workflow_task"),
        task_attempt=described.pending_workflow_task.attempt,
    )
