"""How runs stand in Temporal, which alone knows whether one is still open."""

from dataclasses import dataclass

from temporalio.api.workflowservice.v1 import GetClusterInfoRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.definition.errors import ErrorCategory, SpineError

#: What is said of a run that Temporal does not know: deleted, or past its retention.
DELETED = "deleted"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Whether a run is open, and how it was closed: ``terminated``, ``timed out``, ``deleted`` and the like."""

    is_open: bool
    closed_as: str = ""


class Standings:
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

    async def of(self, workflow_id: str, run_id: str, place: str | None) -> Standing:
        """Return how a run stands; one that was reset stands as the run that goes on for it.

        A run of another Temporal counts as open: nobody here knows better.
        """
        if place is not None and place != await self.place():
            return Standing(is_open=True)
        try:
            description = await self._client.get_workflow_handle(workflow_id, run_id=run_id).describe()
        except RPCError as error:
            if error.status in {RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT}:
                return Standing(is_open=False, closed_as=DELETED)
            raise SpineError(
                f"Temporal cannot say whether {workflow_id} runs: {error}", ErrorCategory.DEPENDENCY
            ) from error
        later = description.raw_description.workflow_extended_info.reset_run_id
        if later and later != run_id:
            return await self.of(workflow_id, later, place)
        if description.status is WorkflowExecutionStatus.RUNNING or description.status is None:
            return Standing(is_open=True)
        return Standing(is_open=False, closed_as=description.status.name.lower().replace("_", " "))
