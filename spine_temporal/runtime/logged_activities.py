"""Each activity of a worker, with its run as the context of what it logs."""

from collections.abc import Sequence
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from spine_temporal.runtime.log_context import Keep, LogContext, request_context, working_on
from spine_temporal.runtime.tracing import carrier, trace_id_of
from spine_temporal.translation.pipeline_messages import PipelineRequest


class LoggedActivities(Interceptor):
    """Gives the context; ``keep`` is told each record of it."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Return what runs each activity in its context."""
        return _InContext(next, self._keep)


class _InContext(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, keep: Keep) -> None:
        super().__init__(following)
        self._keep = keep

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        with working_on(context_of(activity.info(), input.args), self._keep):
            return await super().execute_activity(input)


def context_of(info: activity.Info, arguments: Sequence[Any]) -> LogContext:
    """Return what an activity works on: its run, and where it asks for a step, the step."""
    request = arguments[0] if arguments else None
    if isinstance(request, PipelineRequest):
        return request_context(request, request.number(info.attempt), trace_id_of(carrier()))
    key = getattr(request, "key", None)
    return LogContext(
        workflow=info.workflow_type or "",
        workflow_id=info.workflow_id or "",
        run_id=key.run_id if key is not None else info.workflow_run_id or "",
        step=getattr(request, "step", ""),
        partition=dict(key.partition) if key is not None else {},
        trace_id=trace_id_of(carrier()),
    )
