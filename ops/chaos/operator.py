"""The operator: pauses runs, resets them, and cancels or terminates them to resume them twice at once.

The seed says when.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import (
    PauseWorkflowExecutionRequest,
    ResetWorkflowExecutionRequest,
    UnpauseWorkflowExecutionRequest,
)
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from ops.chaos.work import Job
from ops.chaos.world import TASK_QUEUE
from spine_temporal.client.spine_client import SpineClient
from spine_temporal.definition.errors import SpineError
from spine_temporal.recording.database import Database

#: Seconds between two acts, that a run stays paused, and in which a terminated run must have been resumed.
_BETWEEN = (0.5, 4.0)
_PAUSED = (0.5, 5.0)
_PATIENCE = 180
_OPEN = {WorkflowExecutionStatus.RUNNING}
_DEEDS = ("pause", "reset", "cancel", "terminate")
_TASK_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED


@dataclass
class Operated:
    """What the operator did, and to which runs something that their records tell of."""

    events: Counter[str] = field(default_factory=Counter)
    touched: set[str] = field(default_factory=set)
    #: What an operator was told and should not have been.
    wrong: list[str] = field(default_factory=list)


class Operator:
    """One who acts on runs while everything dies."""

    def __init__(self, client: Client, database_url: str, jobs: Sequence[Job], seed: int) -> None:
        self._client = client
        self._url = database_url
        self._jobs = {job.key: job for job in jobs if job.may_be_interrupted}
        self._draw = random.Random(f"operator/{seed}")
        self._acting: set[asyncio.Task[None]] = set()
        self.operated = Operated()

    async def operate(self, seconds: float) -> Operated:
        """Act for that long, and come back when everything that was begun has been done."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            await asyncio.sleep(self._draw.uniform(*_BETWEEN))
            deed = self._draw.choice(_DEEDS)
            with contextlib.suppress(RPCError, RuntimeError, psycopg.Error):
                await self._act(deed)
        await asyncio.gather(*self._acting)
        return self.operated

    async def _act(self, deed: str) -> None:
        found = [one.id async for one in self._client.list_workflows("ExecutionStatus = 'Running'")]
        begun = await asyncio.to_thread(self._begun, [identity for identity in found if identity in self._jobs])
        free = sorted({*begun} - self.operated.touched)
        if not free:
            return
        identity = self._draw.choice(free)
        handle = self._client.get_workflow_handle(identity)
        if deed == "pause":
            await self._pause(identity)
            self._later(self._unpause(identity))
        elif deed == "reset":
            self.operated.touched.add(identity)
            await self._reset(handle)
        else:
            self.operated.touched.add(identity)
            await (handle.cancel() if deed == "cancel" else handle.terminate("the operator stops it"))
            self._later(self._resume(identity))
        self.operated.events[deed] += 1
        print(f"  the operator: {deed} {identity}", flush=True)

    def _later(self, work: Any) -> None:
        self._acting.add(asyncio.create_task(work))

    def _begun(self, identities: list[str]) -> list[str]:
        """Return those that Postgres knows, and so can resume."""
        with psycopg.connect(self._url, connect_timeout=2) as connection:
            query = "SELECT workflow_id FROM core_runs WHERE status = 'RUNNING' AND workflow_id = ANY(%s)"
            return [identity for (identity,) in connection.execute(query, (identities,))]

    async def _pause(self, identity: str) -> None:
        await self._client.workflow_service.pause_workflow_execution(
            PauseWorkflowExecutionRequest(
                namespace=self._client.namespace, workflow_id=identity, identity="ann", reason="to look at it"
            )
        )

    async def _unpause(self, identity: str) -> None:
        await asyncio.sleep(self._draw.uniform(*_PAUSED))
        request = UnpauseWorkflowExecutionRequest(
            namespace=self._client.namespace, workflow_id=identity, identity="ann", reason="it is well"
        )
        await _persist(lambda: self._client.workflow_service.unpause_workflow_execution(request))

    async def _reset(self, handle: WorkflowHandle[Any, Any]) -> None:
        """Send it back to any of its workflow tasks."""
        description = await handle.describe()
        events = (await self._client.get_workflow_handle(handle.id, run_id=description.run_id).fetch_history()).events
        points = [event.event_id for event in events if event.event_type == _TASK_COMPLETED]
        if points:
            await self._client.workflow_service.reset_workflow_execution(
                ResetWorkflowExecutionRequest(
                    namespace=self._client.namespace,
                    workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=description.run_id),
                    workflow_task_finish_event_id=self._draw.choice(points),
                    reason="the operator sends it back",
                    request_id=str(self._draw.getrandbits(64)),
                )
            )

    async def _resume(self, identity: str) -> None:
        """Resume it twice at once, once it has ended, until it goes on: one of the two is told that the other does it.

        A run that was cancelled in vain has its end, as it had come to it before.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE
        told: list[str] = []
        while await self._is_open(identity) is not False and loop.time() < until:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.3)
        while loop.time() < until:
            if await self._goes_on(identity):
                return
            database = Database(self._url)
            try:
                answers = await asyncio.gather(*(self._resumed(identity, database) for _ in range(2)))
            finally:
                database.close()
            if "" in answers:
                return
            told = answers
            await asyncio.sleep(1)
        self.operated.wrong.append(f"{identity} could not be resumed: {told}")

    async def _resumed(self, identity: str, database: Database) -> str:
        client = SpineClient(self._client, task_queue=TASK_QUEUE)
        try:
            await client.resume(identity, [self._jobs[identity].workflow], database, by="ann")
        except (SpineError, RPCError, RuntimeError) as error:
            return f"{type(error).__name__}: {error}"
        return ""

    async def _goes_on(self, identity: str) -> bool:
        """Whether it is open, or had recorded its end before it was cancelled or terminated."""
        with contextlib.suppress(psycopg.Error):
            return bool(await self._is_open(identity)) or await asyncio.to_thread(self._has_ended, identity)
        return False

    async def _is_open(self, identity: str) -> bool | None:
        """Whether Temporal has it open; None where Temporal is away."""
        with contextlib.suppress(RPCError, RuntimeError):
            return (await self._client.get_workflow_handle(identity).describe()).status in _OPEN
        return None

    def _has_ended(self, identity: str) -> bool:
        with psycopg.connect(self._url, connect_timeout=2) as connection:
            query = "SELECT status FROM core_runs WHERE workflow_id = %s ORDER BY started_at DESC LIMIT 1"
            row = connection.execute(query, (identity,)).fetchone()
            return row is not None and row[0] in {"COMPLETED", "PARTIAL", "FAILED"}


async def _persist(call: Callable[[], Awaitable[Any]]) -> None:
    """Call until Temporal answers; a run that has ended meanwhile is none of the operator's concern."""
    for _ in range(_PATIENCE * 2):
        try:
            await call()
        except (RPCError, RuntimeError) as error:
            if isinstance(error, RPCError) and error.status.name in {"NOT_FOUND", "FAILED_PRECONDITION"}:
                return
            await asyncio.sleep(0.5)
        else:
            return
