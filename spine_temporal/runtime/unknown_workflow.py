"""What answers a start of a workflow that no module defines: an error, where Temporal alone would wait for ever."""

from collections.abc import Sequence

from temporalio import workflow as temporal
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError


class NotHereError(RuntimeError):
    """Raised to hand a workflow task back, so that a worker that has the workflow may take it."""


@temporal.defn(dynamic=True)
class UnknownWorkflow:
    """Fails a run whose workflow type this worker does not have."""

    @temporal.run
    async def run(self, _args: Sequence[RawValue]) -> None:
        """Fail a new run; hand back one that was begun by a worker that has its code, and must wait for such a one."""
        info = temporal.info()
        if temporal.unsafe.is_replaying():
            raise NotHereError(f"this worker has no workflow {info.workflow_type!r}; a worker that has it must take it")
        raise ApplicationError(
            f"unknown workflow {info.workflow_type!r}: no module of the workers on task queue {info.task_queue!r} "
            "defines it; `spine-temporal info` lists those that there are",
            type="CONFIGURATION",
            non_retryable=True,
        )
