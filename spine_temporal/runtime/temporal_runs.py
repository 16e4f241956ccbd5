"""How runs stand in Temporal, which alone knows whether one is still open."""

from dataclasses import dataclass

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    GetClusterInfoRequest,
    RequestCancelWorkflowExecutionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.definition.errors import ErrorCategory, SpineError

#: What is said of a run that Temporal does not know: deleted, or past its retention.
DELETED = "deleted"
#: What is said of a run that another one of its chain goes on for.
RESET = "reset"

_PREFIX = "WORKFLOW_EXECUTION_STATUS_"
#: A paused run is open: somebody will unpause it. Temporal's Python client does not know the status.
_OPEN = frozenset(
    (
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED,
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED,
    )
)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Whether a run is open, and how it was closed: ``terminated``, ``timed out``, ``deleted`` and the like."""

    is_open: bool
    is_paused: bool = False
    closed_as: str = ""


@dataclass(frozen=True, kw_only=True)
class TemporalRun:
    """Where to find a run in Temporal."""

    workflow_id: str
    #: The Temporal run that began it.
    run_id: str
    #: The first run of its chain of resets; None: not known.
    first_run_id: str | None
    #: Which Temporal has it; None: this one.
    temporal: str | None


class TemporalRuns:
    """Asks one Temporal about its runs. Raises ``SpineError`` where it does not answer."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._place = ""

    async def place(self) -> str:
        """Return which Temporal this is: its cluster's id and the namespace."""
        if not self._place:
            try:
                info = await self._client.workflow_service.get_cluster_info(GetClusterInfoRequest())
            except RPCError as error:
                raise SpineError(f"Temporal does not answer: {error}", ErrorCategory.DEPENDENCY) from error
            self._place = f"{info.cluster_id or info.cluster_name}/{self._client.namespace}"
        return self._place

    async def of(self, run: TemporalRun, *, asked_by: str = "") -> Standing:
        """Return how a run stands. A run that was reset stands as the newest run of its chain of resets does.

        ``asked_by``: the Temporal run that asks. Where it is itself that newest run, the older run counts as closed. A
        run of another Temporal counts as open, as nobody here can know that it has ended.
        """
        if run.temporal is not None and run.temporal != await self.place():
            return Standing(is_open=True)
        newest = await self._described(run.workflow_id, "")
        if newest is not None and _goes_on_for(newest, run):
            if asked_by and newest.workflow_execution_info.execution.run_id == asked_by != run.run_id:
                return Standing(is_open=False, closed_as=RESET)
            return _standing(newest)
        # One run of an id is open at most, so this one is not; only how it was closed is to be asked.
        mine = await self._described(run.workflow_id, run.run_id)
        if mine is None:
            return Standing(is_open=False, closed_as=DELETED)
        standing = _standing(mine)
        return Standing(is_open=False, closed_as=RESET) if standing.is_open else standing

    async def is_working(self, workflow_id: str, run_id: str) -> bool:
        """Return whether this very Temporal run is the open one of its id."""
        newest = await self._described(workflow_id, "")
        return (
            newest is not None
            and newest.workflow_execution_info.execution.run_id == run_id
            and _standing(newest).is_open
        )

    async def cancel(self, workflow_id: str, *, first_run_id: str, reason: str) -> None:
        """Ask the open run of a chain of resets to cancel; one that has ended meanwhile is left alone."""
        request = RequestCancelWorkflowExecutionRequest(
            namespace=self._client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id),
            first_execution_run_id=first_run_id,
            reason=reason,
        )
        try:
            await self._client.workflow_service.request_cancel_workflow_execution(request)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise SpineError(f"Temporal cannot cancel {workflow_id}: {error}", ErrorCategory.DEPENDENCY) from error

    async def _described(self, workflow_id: str, run_id: str) -> DescribeWorkflowExecutionResponse | None:
        """Return the run, the newest where no run id is given; None where Temporal knows none."""
        execution = WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
        request = DescribeWorkflowExecutionRequest(namespace=self._client.namespace, execution=execution)
        try:
            return await self._client.workflow_service.describe_workflow_execution(request)
        except RPCError as error:
            if error.status in {RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT}:
                return None
            raise SpineError(
                f"Temporal cannot say whether {workflow_id} runs: {error}", ErrorCategory.DEPENDENCY
            ) from error


def _goes_on_for(newest: DescribeWorkflowExecutionResponse, run: TemporalRun) -> bool:
    """Return whether two Temporal runs are the same, or of the same chain of resets."""
    info = newest.workflow_execution_info
    return info.execution.run_id == run.run_id or info.first_run_id == (run.first_run_id or run.run_id)


def _standing(description: DescribeWorkflowExecutionResponse) -> Standing:
    status = description.workflow_execution_info.status
    if status in _OPEN:
        return Standing(is_open=True, is_paused=status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED)
    name = WorkflowExecutionStatus.Name(status).removeprefix(_PREFIX)
    return Standing(is_open=False, closed_as=name.lower().replace("_", " "))
