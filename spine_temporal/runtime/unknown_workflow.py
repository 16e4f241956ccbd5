"""What answers a start of a workflow that no module defines: an error, where Temporal alone would wait for ever."""

from collections.abc import Sequence

from temporalio import workflow as temporal
from temporalio.common import RawValue
from temporalio.exceptions import FailureError, is_cancelled_exception

from spine_temporal.translation import bookkeeping, failures
from spine_temporal.translation.messages import BEGIN, BeginRequest, Begun
from spine_temporal.translation.shown_details import ShownDetails


class NotHereError(RuntimeError):
    """Raised to hand a workflow task back, so that a worker that has the workflow may take it."""


@temporal.defn(dynamic=True)
class UnknownWorkflow:
    """Fails a run whose workflow type this worker does not have."""

    @temporal.run
    async def run(self, _args: Sequence[RawValue]) -> None:
        """Let the beginning refuse the run; hand back one that another worker, which has its code, has begun."""
        info = temporal.info()
        request = BeginRequest(
            workflow=info.workflow_type,
            workflow_id=info.workflow_id,
            run_id=info.run_id,
            started_at=info.start_time,
        )
        try:
            await bookkeeping.record(BEGIN, request, Begun, f"begin {info.workflow_type}", shown=ShownDetails())
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            raise failures.failure_of(error) from error
        raise NotHereError(f"this worker has no workflow {info.workflow_type!r}; a worker that has it must take it")
