"""From how Temporal says that a run ended to a ``WorkflowResult``."""

from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, CancelledError, FailureError

from spine_temporal.client.descriptions import described
from spine_temporal.client.ours import not_ours
from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.run_result import WorkflowResult, WorkflowStatus


async def result_of(client: Client, handle: WorkflowHandle[Any, Any]) -> WorkflowResult:
    """Wait for the run's end; a failed run gives a result too. Raises ``ParamsError`` where it is no run of ours."""
    try:
        return WorkflowResult.model_validate(await handle.result())
    except ValidationError:
        raise not_ours(await described(client, handle)) from None
    except WorkflowFailureError as error:
        return await _failed(client, handle, error.cause)


async def _failed(client: Client, handle: WorkflowHandle[Any, Any], cause: BaseException | None) -> WorkflowResult:
    if isinstance(cause, ApplicationError):
        for detail in cause.details:
            try:
                return WorkflowResult.model_validate(detail)
            except ValidationError:
                continue
    description = await described(client, handle)
    cancelled = isinstance(cause, CancelledError) or description.status is WorkflowExecutionStatus.CANCELED
    ended = description.close_time or datetime.now(UTC)
    started = description.start_time
    return WorkflowResult(
        workflow_name=description.workflow_type,
        run_id=description.run_id,
        status=WorkflowStatus.CANCELLED if cancelled else WorkflowStatus.FAILED,
        started_at=started,
        completed_at=ended,
        duration_seconds=(ended - started).total_seconds(),
        error=None if cancelled else _message(cause),
        error_category=None if cancelled else _category(cause),
    )


def _message(cause: BaseException | None) -> str:
    return cause.message if isinstance(cause, FailureError) else str(cause or "the run ended without a failure")


def _category(cause: BaseException | None) -> str:
    known = isinstance(cause, ApplicationError) and cause.type
    return known or ErrorCategory.INTERNAL.value
