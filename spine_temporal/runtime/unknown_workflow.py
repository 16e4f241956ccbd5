"""What answers a start of a workflow that no module defines: an error, where Temporal alone would wait for ever."""

from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow as temporal
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

#: Time in which another worker, of a newer deployment, may know the workflow.
_ROLLOUT = timedelta(seconds=10)


class NotHereError(RuntimeError):
    """Raised to hand a workflow task back, so that a worker that has the workflow may take it."""


@temporal.defn(dynamic=True)
class UnknownWorkflow:
    """Fails a run whose workflow type this worker does not have."""

    @temporal.run
    async def run(self, args: Sequence[RawValue]) -> None:
        """Fail the run if it is new and stays unknown; hand back one that was begun where its code was."""
        info = temporal.info()
        begun_elsewhere = info.get_current_history_length() > 3
        if begun_elsewhere or temporal.now() - info.start_time < _ROLLOUT:
            raise NotHereError(f"this worker has no workflow {info.workflow_type!r}; a worker that has it must take it")
        raise ApplicationError(
            f"unknown workflow {info.workflow_type!r}: no module of the workers on task queue {info.task_queue!r} "
            "defines it; check the name with `spine-temporal info`",
            type="CONFIGURATION",
            non_retryable=True,
        )
