"""Why a run was reset: its history says so, and with it whether a person resumed it through us."""

import re
from collections import OrderedDict

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client
from temporalio.service import RPCError

from spine_temporal.definition.errors import ErrorCategory, SpineError

#: How many reset runs are remembered.
_MOST = 1000
_TASK_FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
_RESET = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
_REASON = re.compile(r"spine-temporal resume ([0-9a-f]{32})\b")


def reset_reason(request_id: str, told: str) -> str:
    """Return the reason of a reset that is made for a request to resume."""
    return f"spine-temporal resume {request_id} {told}"[:1000]


class Resets:
    """Finds the request that a Temporal run was reset for. A reset never changes, so it is looked for once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: OrderedDict[str, str | None] = OrderedDict()

    async def request_of(self, workflow_id: str, execution_run_id: str) -> str | None:
        """Return the id of the request; None where somebody reset the run for another reason."""
        if execution_run_id not in self._known:
            self._known[execution_run_id] = await self._found(workflow_id, execution_run_id)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return self._known[execution_run_id]

    async def _found(self, workflow_id: str, execution_run_id: str) -> str | None:
        found: str | None = None
        handle = self._client.get_workflow_handle(workflow_id, run_id=execution_run_id)
        try:
            async for event in handle.fetch_history_events():
                failed = event.workflow_task_failed_event_attributes
                if event.event_type == _TASK_FAILED and failed.cause == _RESET:
                    reason = _REASON.match(failed.failure.message)
                    found = reason[1] if reason else None
        except RPCError as error:
            raise SpineError(
                f"Temporal does not say why run {execution_run_id} was reset: {error}", ErrorCategory.DEPENDENCY
            ) from error
        return found
