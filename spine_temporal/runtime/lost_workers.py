"""Attempts that were lost with their worker: Temporal knows of them, the ledger counts them, and there is a limit.

A pipeline cannot end the worker from the process that it runs in; what still does, such as a local pipeline or the
memory of a whole machine, would otherwise be tried again for ever, one worker after the other.
"""

import asyncio
import logging
from collections import OrderedDict
from uuid import UUID

from temporalio import activity
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowExecutionDescription
from temporalio.service import RPCError

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.recording.database import Database
from spine_temporal.recording.executions import Execution, count_lost
from spine_temporal.runtime.attempt import Attempt
from spine_temporal.runtime.older_attempts import end_older

_log = logging.getLogger(__name__)

#: Workers that a step may lose, whatever its policy: most are lost to a deployment or a machine, and not to the step.
LEAST_LOST = 5
#: The same where it runs in the worker itself, which it may well have ended.
LEAST_LOST_LOCALLY = 3
#: Executions whose attempts in this worker are remembered.
_REMEMBERED = 10_000
_LOST = frozenset({TimeoutType.TIMEOUT_TYPE_HEARTBEAT, TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE})


class LostTooOftenError(SpineError):
    """Raised when a step has lost as many workers as it may: it is not tried again."""

    def __init__(self, lost: int) -> None:
        super().__init__(
            f"{lost} attempts were lost with their workers, which ended or gave no sign of life: look at what the step "
            "does to its machine, such as memory, and start the run again, or resume it",
            ErrorCategory.INTERNAL,
            code="WORKER_LOST",
        )


class LostWorkers:
    """Counts the attempts that came before one of this worker's and were lost."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: By execution: the last attempt in this worker, which therefore was not lost.
        self._here: OrderedDict[UUID, int] = OrderedDict()

    async def count(self, attempt: Attempt) -> None:
        """Count the attempt before this one where it was lost; raises ``LostTooOftenError``.

        Costs nothing for a first attempt. A brief one in its process cannot end the worker, and what lost its workflow
        task was something else; the same is so of one that this worker has outlived.
        """
        info, request = activity.info(), attempt.request
        execution = attempt.execution.execution_id
        before = self._here.pop(execution, 0)
        self._here[execution] = info.attempt
        if len(self._here) > _REMEMBERED:
            self._here.popitem(last=False)
        if info.is_local:
            may_be_lost = request.task_may_repeat and not request.is_brief and not before
            was_lost = may_be_lost and await _repeats_its_task()
        else:
            was_lost = info.attempt > 1 and before != info.attempt - 1 and await _follows_a_lost_one()
        if was_lost:
            lost = await asyncio.to_thread(_counted, self._database, attempt.execution)
            limit = max(request.retry.max_attempts, LEAST_LOST_LOCALLY if info.is_local else LEAST_LOST)
            _log.warning("step %s of run %s: %d attempts lost", request.step, request.key.run_id, lost)
            if lost >= limit:
                raise LostTooOftenError(lost)


def _counted(database: Database, execution: Execution) -> int:
    """End the older attempt where it still lives, then count it as lost; return how many were lost."""
    end_older(database, execution)
    with database.begin() as connection:
        return count_lost(connection, execution)


async def _follows_a_lost_one() -> bool:
    """Return whether Temporal has given the previous attempt up because it heard nothing of it in time."""
    description = await _described()
    if description is None:
        return False
    pending = description.raw_description.pending_activities
    return any(one.activity_id == activity.info().activity_id and _was_lost(one) for one in pending)


def _was_lost(pending: PendingActivityInfo) -> bool:
    failure = pending.last_failure
    return failure.HasField("timeout_failure_info") and failure.timeout_failure_info.timeout_type in _LOST


async def _repeats_its_task() -> bool:
    """Return whether the workflow task that a local attempt runs in was begun before."""
    description = await _described()
    return description is not None and description.raw_description.pending_workflow_task.attempt > 1


async def _described() -> WorkflowExecutionDescription | None:
    info = activity.info()
    handle = activity.client().get_workflow_handle(info.workflow_id or "", run_id=info.workflow_run_id)
    try:
        return await handle.describe()
    except RPCError:  # it is not counted, then
        return None
