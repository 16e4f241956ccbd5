"""Whether a worker asks for a run's tasks: each run has a task queue of its own, which need not be the caller's."""

import asyncio
import contextlib
import os
import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import TaskQueueType, WorkerStatus
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.worker.v1 import WorkerHeartbeat
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, ListWorkersRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from spine_temporal.client.descriptions import described, how_to_unpause, is_paused, paused_by
from spine_temporal.definition.errors import ErrorCategory, SpineError

WORKFLOW_TASKS = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
ACTIVITY_TASKS = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY

#: Seconds after which a worker that has not asked for work counts as gone; an idle one asks every minute.
_WORKER_GONE = 75
#: Seconds that a queue must be without workers to be said to have none.
_MOMENT = 2.0
#: Seconds between two looks at whether a joined run has a worker.
_LOOK = 10.0
_EVER = datetime.min.replace(tzinfo=UTC)
_STOPPED = {WorkerStatus.WORKER_STATUS_SHUTTING_DOWN, WorkerStatus.WORKER_STATUS_SHUTDOWN}
#: The SDK's own name of a worker: process id and host.
_IDENTITY = re.compile(r"(\d+)@(.+)")


class StandstillError(SpineError):
    """Raised when a run that somebody must do something about cannot hear of it: paused, or without workers."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ErrorCategory.DEPENDENCY)


def runner_queue(task_queue: str, workflow: str) -> str:
    """Return the task queue of scripts that run a workflow: other workers may not know a script's code."""
    return f"{task_queue}-runner/{workflow}"


def is_runner_queue(task_queue: str, workflow: str) -> bool:
    """Return whether the queue carries that workflow alone, so that any process which knows it may serve it."""
    return task_queue.endswith(runner_queue("", workflow))


def what_to_start(task_queue: str, workflow: str) -> str:
    """Return what to do about a queue that nobody polls."""
    script = " (or run the script again that started the run)" if is_runner_queue(task_queue, workflow) else ""
    return f"start one: `spine-temporal worker --task-queue {task_queue}`{script}"


async def refuse_standstill(handle: WorkflowHandle[Any, Any], client: Client) -> None:
    """Raise ``StandstillError`` where the run is open and nothing can happen to it now."""
    told = await standstill(handle, client)
    if told:
        raise StandstillError(told)


async def standstill(handle: WorkflowHandle[Any, Any], client: Client, *, but: str = "") -> str:
    """Return a sentence on why an open run stands still and what to do; empty if it can go on.

    Somebody has paused it, or nobody polls its own task queue.
    """
    description = await described(client, handle)
    queue = description.task_queue
    if is_paused(description):
        return f"{handle.id}: {paused_by(description)}; {how_to_unpause(description)}"
    if description.status is not WorkflowExecutionStatus.RUNNING or queue == but:
        return ""
    if await is_polled(client, queue, WORKFLOW_TASKS):
        return ""
    advice = what_to_start(queue, description.workflow_type)
    return f"{handle.id} waits for a worker: none asks for work on task queue {queue!r}; {advice}"


async def tell_of_standstills(
    handle: WorkflowHandle[Any, Any], client: Client, tell: Callable[[str], None], *, but: str
) -> None:
    """Look from time to time, until cancelled, and tell of each time that the run comes to a standstill.

    Nothing is told of the queue ``but``, which the caller serves.
    """
    last = ""
    while True:
        with contextlib.suppress(RPCError):  # Temporal is away: who waits for the run is told so by others
            told = await standstill(handle, client, but=but)
            if told and not last:
                tell(told)
            last = told
        await asyncio.sleep(_LOOK)


async def is_polled(client: Client, task_queue: str, kind: TaskQueueType.ValueType) -> bool:
    """Return whether a worker asks for this kind of tasks; one that has just started may take a moment to."""
    until = time.monotonic() + _MOMENT
    while True:
        if await workers_of(client, task_queue, kind):
            return True
        if time.monotonic() > until:
            return False
        await asyncio.sleep(_MOMENT / 10)


async def workers_of(client: Client, task_queue: str, kind: TaskQueueType.ValueType) -> frozenset[str]:
    """Return the identities of the workers that ask for this kind of tasks on the queue.

    Temporal lists a worker for minutes after its end: one that has told its end, one that has not asked for longer
    than an idle one would, and one of this machine whose process is gone do not count. One that has no free slot does
    not ask; it counts by what it tells of itself each minute.
    """
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=task_queue), task_queue_type=kind
        )
    )
    told = await _heartbeats(client, task_queue)
    stopped = _stopped_at(told)
    asking = {
        poller.identity
        for poller in answer.pollers
        if _age(poller.last_access_time) < _WORKER_GONE
        and poller.last_access_time.ToDatetime(UTC) > stopped.get(poller.identity, _EVER)
    }
    working = {worker.worker_identity for worker in told if _works(worker, kind)}
    return frozenset(identity for identity in asking | working if not _is_dead(identity))


async def _heartbeats(client: Client, task_queue: str) -> list[WorkerHeartbeat]:
    """Return what workers of the queue have told of themselves; nothing from a server that keeps no such thing."""
    try:
        answer = await client.workflow_service.list_workers(
            ListWorkersRequest(namespace=client.namespace, query=f"TaskQueue={_quoted(task_queue)}")
        )
    except RPCError:
        return []
    return [info.worker_heartbeat for info in answer.workers_info]


def _works(worker: WorkerHeartbeat, kind: TaskQueueType.ValueType) -> bool:
    """Return whether a worker that runs has tasks of this kind in hand, by what it told last."""
    slots = worker.activity_task_slots_info if kind == ACTIVITY_TASKS else worker.workflow_task_slots_info
    is_there = worker.status not in _STOPPED and _age(worker.heartbeat_time) < _WORKER_GONE
    return is_there and slots.current_used_slots > 0


def _stopped_at(told: Sequence[WorkerHeartbeat]) -> Mapping[str, datetime]:
    """Return when workers told that they stop, by identity; a process that has another worker there has not."""
    running = {worker.worker_identity for worker in told if worker.status not in _STOPPED}
    return {
        worker.worker_identity: worker.heartbeat_time.ToDatetime(UTC)
        for worker in told
        if worker.status in _STOPPED and worker.worker_identity not in running
    }


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _age(moment: Timestamp) -> float:
    return (datetime.now(UTC) - moment.ToDatetime(UTC)).total_seconds()


def _is_dead(identity: str) -> bool:
    """Return whether the identity names a process of this machine that is no more."""
    named = _IDENTITY.fullmatch(identity)
    if named is None or named[2] != socket.gethostname():
        return False
    pid = int(named[1])
    try:
        os.kill(pid, 0)
        return not Path(f"/proc/{pid}/cmdline").read_bytes()  # a killed process that nobody has reaped has none
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
