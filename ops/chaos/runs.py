"""Starting the jobs and waiting for them, whatever is down at the moment."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

import psycopg
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from ops.chaos.work import Job
from ops.chaos.world import TASK_QUEUE
from spine_temporal.client.doctor import findings
from spine_temporal.client.results import result_of
from spine_temporal.client.spine_client import SpineClient
from spine_temporal.client.why import reasons
from spine_temporal.recording.database import Database

Answer = TypeVar("Answer")

#: Seconds that a run may take once everything is back.
PATIENCE = 180
#: Status of one that has taken longer.
OPEN = "OPEN"
#: Looks for what does not fit; workers close orphaned runs within a minute.
_LOOKS = 45
#: Why Temporal gives a workflow task out again though nothing is wrong: the run was sent back to it, or was told
#: something while the worker answered.
_AGAIN = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended, as far as it does not depend on the moment."""

    status: str
    error_category: str | None
    error_step: str | None

    @property
    def gave_way(self) -> bool:
        """Whether another run held the partition."""
        return self.error_category == "PARTITION_BUSY"


async def connected(address: str) -> Client:
    """Return a client that connects when it is first used."""
    return await Client.connect(address, data_converter=pydantic_data_converter, lazy=True)


async def start_all(client: Client, jobs: Sequence[Job], seconds: float) -> list[str]:
    """Start the jobs, spread over that time; return their workflow ids."""
    started = []
    for job in jobs:
        identities = [job.key, f"{job.key}-again"] if job.twice else [job.key]
        await asyncio.gather(*(_start(client, job, identity) for identity in identities))
        started += identities
        await asyncio.sleep(seconds / len(jobs))
    return started


async def await_all(client: Client, identities: Sequence[str]) -> dict[str, Outcome]:
    """Wait for the runs; one that does not end in time is ``OPEN``."""
    outcomes = await asyncio.gather(*(_outcome(client, identity) for identity in identities))
    return dict(zip(identities, outcomes, strict=True))


async def _start(client: Client, job: Job, identity: str) -> None:
    async def start() -> None:
        with contextlib.suppress(WorkflowAlreadyStartedError):
            await client.start_workflow(
                job.workflow.name,
                args=[job.params],
                id=identity,
                task_queue=TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            )

    await _until_answered(start)


async def _outcome(client: Client, identity: str) -> Outcome:
    try:
        result = await asyncio.wait_for(
            _until_answered(lambda: result_of(client, client.get_workflow_handle(identity))), PATIENCE
        )
    except TimeoutError:
        return Outcome(status=OPEN, error_category=None, error_step=None)
    return Outcome(status=result.status.value, error_category=result.error_category, error_step=result.error_step)


async def _until_answered(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Repeat a call while Temporal is away."""
    while True:
        try:
            return await call()
        except (RPCError, RuntimeError):
            await asyncio.sleep(0.3)


async def still_open(client: Client) -> list[str]:
    """Return the workflow ids of runs that Temporal has open, once its lists have caught up."""
    found: list[str] = []
    for _ in range(20):
        found = [run.id async for run in client.list_workflows("ExecutionStatus = 'Running'")]
        if not found:
            break
        await asyncio.sleep(0.5)
    return found


async def told_why(client: Client, identity: str) -> list[str]:
    """Return why an open run is where it is, as `spine-temporal why` tells it."""
    handle = await SpineClient(client).handle_of(identity)
    return [f"{reason.kind}: {reason.text}" for reason in await reasons(client, handle)]


async def examined(client: Client, database_url: str) -> list[str]:
    """Return what does not fit between Temporal and Postgres, once the workers have closed what was left behind."""
    database = Database(database_url)
    found: list[str] = []
    try:
        for _ in range(_LOOKS):
            found = [
                f"{finding.workflow_id} (run {finding.run_id}) {finding.problem}"
                async for finding in findings(client, database)
            ]
            if not found:
                break
            await asyncio.sleep(2)
    finally:
        database.close()
    return found


async def workflow_task_failures(client: Client, identities: Sequence[str]) -> list[str]:
    """Return each failure of a workflow task that is more than a worker's death or a server's absence."""
    found: list[str] = []
    for identity in identities:
        async for event in client.get_workflow_handle(identity).fetch_history_events():
            failed = event.workflow_task_failed_event_attributes
            failure = "" if failed.cause in _AGAIN else failed.failure.message
            if failure and "POSTGRES_AWAY" not in failure and "core_payloads" not in failure:
                found.append(f"{identity}: {failure[:300]}")
    return found


def recorded(database_url: str, identities: Collection[str]) -> dict[str, Outcome]:
    """Return how the newest run of each workflow id has ended by its row; one that has not ended is ``OPEN``."""
    query = """
        SELECT DISTINCT ON (workflow_id) workflow_id, status, result ->> 'error_category', result ->> 'error_step'
        FROM core_runs WHERE workflow_id = ANY(%s) ORDER BY workflow_id, started_at DESC
    """
    with psycopg.connect(database_url) as connection:
        return {
            identity: Outcome(status=OPEN if status == "RUNNING" else status, error_category=category, error_step=step)
            for identity, status, category, step in connection.execute(query, (list(identities),))
        }
