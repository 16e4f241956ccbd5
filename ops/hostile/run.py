"""Send the starts to a real server, and judge how each ended."""

import asyncio
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import NonInteractiveExampleWarning
from temporalio.api.common.v1 import Payloads, WorkflowType
from temporalio.api.enums.v1 import EventType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from ops.hostile.starts import STARTS, Start
from spine_temporal.definition.errors import ErrorCategory

#: Runs in flight at once, and the seconds in which each must end.
AT_ONCE = 40
PATIENCE = 60
#: A reason speaks of one of these; what the field is called is judged beside it. A fault in a gate's own code names
#: the gate and the line.
_WORDS = ("param", "run option", "argument", "unknown workflow", "step", "partition", "start_from", "read: ", ".py:")
_TASK_FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED


@dataclass
class Verdict:
    """What became of the starts."""

    counts: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    task_failures: int = 0


def generated(count: int, number: int) -> list[Start]:
    """Return that many starts, the same ones for the same number."""
    made: list[Start] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(STARTS)
    def collect(start: Start) -> None:
        made.append(start)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonInteractiveExampleWarning)
        while len(made) < count:
            collect()
    return made[:count]


async def send_all(client: Client, task_queue: str, starts: Sequence[Start]) -> Verdict:
    """Start each and wait for its end."""
    verdict, turn = Verdict(), asyncio.Semaphore(AT_ONCE)

    async def send(start: Start) -> None:
        async with turn:
            await _judge(client, task_queue, start, verdict)

    await asyncio.gather(*(send(start) for start in starts))
    return verdict


async def _judge(client: Client, task_queue: str, start: Start, verdict: Verdict) -> None:
    identity = f"hostile-{uuid4().hex}"
    try:
        await client.workflow_service.start_workflow_execution(_request(client, task_queue, start, identity))
    except (RPCError, ValueError):
        verdict.counts["refused"] += 1
        return
    handle = client.get_workflow_handle(identity)
    try:
        await asyncio.wait_for(handle.result(), PATIENCE)
        verdict.counts["completed"] += 1
    except WorkflowFailureError as error:
        _judge_failure(start, error.cause, verdict)
    except TimeoutError:
        verdict.differences.append(f"does not end: {_shown(start)}")
        await handle.terminate("it did not end")
    await judge_tasks(handle, verdict, _shown(start))


async def judge_tasks(handle: "WorkflowHandle[Any, Any]", verdict: Verdict, what: str) -> None:
    """Count the workflow tasks of a run that have failed: there must be none."""
    async for event in handle.fetch_history_events():
        if event.event_type == _TASK_FAILED:
            verdict.task_failures += 1
            message = event.workflow_task_failed_event_attributes.failure.message
            verdict.differences.append(f"workflow task failed: {message[:300]}: {what}")


def _judge_failure(start: Start, cause: BaseException | None, verdict: Verdict) -> None:
    verdict.counts["failed"] += 1
    message = str(cause)
    if not isinstance(cause, ApplicationError) or cause.type not in ErrorCategory.__members__:
        verdict.differences.append(f"fails without a category: {message[:300]}: {_shown(start)}")
    elif start.field is not None and start.field not in message:
        verdict.differences.append(f"does not name {start.field!r}: {message[:300]}: {_shown(start)}")
    elif "Traceback" in message or not any(word in message for word in _WORDS):
        verdict.differences.append(f"says nothing of use: {message[:300]}: {_shown(start)}")


def _request(client: Client, task_queue: str, start: Start, identity: str) -> StartWorkflowExecutionRequest:
    return StartWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_id=identity,
        request_id=identity,
        workflow_type=WorkflowType(name=start.workflow),
        task_queue=TaskQueue(name=task_queue),
        input=Payloads(payloads=start.payloads),
    )


def _shown(start: Start) -> str:
    payloads = [f"{dict(payload.metadata)} {payload.data[:200]!r}" for payload in start.payloads]
    return f"{start.workflow[:50]}({', '.join(payloads)})"
