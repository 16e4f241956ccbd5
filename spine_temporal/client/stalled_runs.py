"""Every open run that does not move, in one pass: Temporal describes each, and Postgres is asked once for all."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse, ListWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.service import RPCError

from spine_temporal.client.open_runs import describe, is_open
from spine_temporal.client.stalls import Queues, Stall, StallCause, queues_of, stall_of
from spine_temporal.client.task_queues import ACTIVITY_TASKS, WORKFLOW_TASKS, workers_of
from spine_temporal.recording.database import Database
from spine_temporal.recording.stalls import OpenRow, open_rows

#: Descriptions that are asked for at once.
_AT_ONCE = 20
_PAGE = 1000
#: Open runs of ours; where the namespace lacks our search attributes, it refuses the question.
_OPEN = "ExecutionStatus IN ('Running', 'Paused') AND SpineDomain IS NOT NULL"


async def stalled_runs(client: Client, database: Database, *, workflow: str | None = None) -> list[Stall]:
    """Return the open runs of a workflow, or of all, that do not move: by cause, and then by workflow id.

    Runs that no worker has begun are known to Temporal's list alone, and all others to Postgres as well. No worker is
    asked, so that it tells of runs that have none; the whole takes some milliseconds for each run.
    """
    rows = await asyncio.to_thread(partial(_rows, database, workflow))
    identities = dict.fromkeys([*rows, *await _listed(client, workflow)])
    slots = asyncio.Semaphore(_AT_ONCE)

    async def described(identity: str) -> DescribeWorkflowExecutionResponse | None:
        async with slots:
            found = await describe(client, identity)
        return found if found is not None and is_open(found) else None

    found = [each for each in await asyncio.gather(*map(described, identities)) if each is not None]
    queues, now = await _queues(client, found), datetime.now(UTC)
    stalls = [stall_of(each, _row(rows, each), queues, now) for each in found]
    order = list(StallCause)
    return sorted((each for each in stalls if each), key=lambda each: (order.index(each.cause), each.workflow_id))


def _rows(database: Database, workflow: str | None) -> Mapping[str, OpenRow]:
    with database.begin() as connection:
        return open_rows(connection, workflow)


def _row(rows: Mapping[str, OpenRow], described: DescribeWorkflowExecutionResponse) -> OpenRow | None:
    """Return what Postgres has of the run; nothing where its row is of an older run of its workflow id."""
    info = described.workflow_execution_info
    row = rows.get(info.execution.workflow_id)
    return row if row is not None and row.run_id in {info.execution.run_id, info.first_run_id} else None


async def _listed(client: Client, workflow: str | None) -> list[str]:
    """Return the workflow ids of open runs in Temporal's list."""
    kind = "" if workflow is None else f" AND WorkflowType = '{workflow.replace(chr(39), chr(39) * 2)}'"
    request = ListWorkflowExecutionsRequest(namespace=client.namespace, query=_OPEN + kind, page_size=_PAGE)
    found: list[str] = []
    while True:
        try:
            page = await client.workflow_service.list_workflow_executions(request, retry=True)
        except RPCError:
            return found
        found += [info.execution.workflow_id for info in page.executions]
        request.next_page_token = page.next_page_token
        if not page.next_page_token:
            return found


async def _queues(client: Client, found: Iterable[DescribeWorkflowExecutionResponse]) -> Queues:
    """Return how many workers each task queue has that a run waits on."""
    named = [queues_of(each) for each in found]
    own, steps = {one for one, _ in named if one}, {one for _, of_run in named for one in of_run}
    return Queues(
        workflow_tasks=await _workers(client, own, WORKFLOW_TASKS),
        activity_tasks=await _workers(client, steps, ACTIVITY_TASKS),
    )


async def _workers(client: Client, queues: set[str], kind: TaskQueueType.ValueType) -> Mapping[str, int]:
    counts = await asyncio.gather(*(workers_of(client, queue, kind) for queue in queues))
    return {queue: len(workers) for queue, workers in zip(queues, counts, strict=True)}
