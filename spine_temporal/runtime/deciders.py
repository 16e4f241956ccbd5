"""Who has sent a decision, as Temporal's server knows it: from mTLS or a JWT, and not from what the sender says."""

from collections.abc import Iterable

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client
from temporalio.service import RPCError

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.translation.gate_messages import Claimed
from spine_temporal.translation.messages import DECIDER

#: Events that are looked through, the newest first: the claim of a decision comes right before it.
_EVENTS = 200


class Deciders:
    """Asks one Temporal. Raises ``SpineError`` where it does not answer."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def name_of(self, workflow_id: str, run_id: str, update_id: str, digest: str) -> str | None:
        """Return who has sent the update of that id and content; None: Temporal knows nobody.

        An update's own event is the worker's. So the sender claims the update by a signal first, whose event has the
        principal that the server has found.
        """
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=self._client.namespace,
            execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            maximum_page_size=_EVENTS,
        )
        try:
            answer = await self._client.workflow_service.get_workflow_execution_history_reverse(request)
        except RPCError as error:
            raise SpineError(f"Temporal does not answer: {error.message}", ErrorCategory.DEPENDENCY) from None
        converter = self._client.data_converter
        for event in claims_among(answer.history.events):
            signal = event.workflow_execution_signaled_event_attributes
            try:
                [claimed] = await converter.decode(signal.input.payloads, [Claimed])
            except Exception:  # noqa: BLE001, S112 - anybody may send a signal of any form
                continue
            if (claimed.update_id, claimed.digest) == (update_id, digest):
                return event.principal.name or None
        return None


def claims_among(events: Iterable[HistoryEvent]) -> list[HistoryEvent]:
    """Return the signals that claim decisions, and whose sender the server knows."""
    return [
        event
        for event in events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        and event.HasField("principal")
        and event.workflow_execution_signaled_event_attributes.signal_name == DECIDER
    ]
