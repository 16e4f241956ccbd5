"""Show a run's steps while it runs."""

import asyncio
import contextlib

from temporalio.service import RPCError

from spine_temporal.cli.printing import progress_console, step_line
from spine_temporal.client.servers import Servers
from spine_temporal.client.spine_client import RunHandle
from spine_temporal.definition.outcome import StepStatus, WorkflowResult, WorkflowStatus

#: Seconds between two looks, and after which a run that nobody answers for is said to wait for a worker.
_INTERVAL = 0.2
_PATIENCE = 5.0


async def follow(handle: RunHandle, servers: Servers) -> WorkflowResult:
    """Wait for the run's end, showing each step as it begins and ends."""
    progress_console.print(f"[bold]{handle.workflow_id}[/]", soft_wrap=True)
    if servers.ui_url:
        progress_console.print(
            f"Web UI: {servers.ui_url}/namespaces/{servers.namespace}/workflows/{_quoted(handle.workflow_id)}",
            soft_wrap=True,
        )
    shown: dict[str, StepStatus] = {}
    ended = asyncio.Event()
    watch = asyncio.create_task(_watch(handle, servers, shown, ended))
    try:
        result = await handle.result()
    finally:
        ended.set()
        await watch
    _show(result, shown)
    return result


async def state_of(handle: RunHandle) -> WorkflowResult:
    """Return how far a run has come; a closed one, what it came to."""
    description = await handle.handle.describe()
    if description.close_time is not None:
        return await handle.result()
    try:
        progress = await asyncio.wait_for(handle.progress(), _PATIENCE)
    except (RPCError, TimeoutError):
        progress = None
    return progress or WorkflowResult(
        workflow_name=description.workflow_type,
        run_id=description.run_id,
        status=WorkflowStatus.RUNNING,
        started_at=description.start_time,
    )


async def _watch(handle: RunHandle, servers: Servers, shown: dict[str, StepStatus], ended: asyncio.Event) -> None:
    said = False
    while not ended.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), _INTERVAL)
            return
        try:
            progress = await asyncio.wait_for(handle.progress(), _PATIENCE)
        except (RPCError, TimeoutError):
            if not said:
                said = True
                progress_console.print(
                    f"waiting for a worker on task queue {servers.task_queue!r}: start one with `spine-temporal worker`"
                )
            continue
        if progress is not None:
            _show(progress, shown)


def _show(progress: WorkflowResult, shown: dict[str, StepStatus]) -> None:
    for step in progress.step_executions:
        if shown.get(step.step_name) is not step.status:
            shown[step.step_name] = step.status
            rows = progress.outputs.get(step.step_name, {}).get("row_count")
            progress_console.print(step_line(step, rows), soft_wrap=True)


def _quoted(text: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - one use

    return quote(text, safe="")
