"""Where in the user's code the steps of a run failed: gates tell it in the run's result, pipelines in the ledger."""

import asyncio
from dataclasses import dataclass

from temporalio.client import WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.service import RPCError

from spine_temporal.client.descriptions import described
from spine_temporal.client.run_handle import RunHandle
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.recording.database import Database
from spine_temporal.recording.ended_executions import FailedExecution, failed_executions


@dataclass(frozen=True, kw_only=True)
class StepFailure:
    """A step that has failed, as far as it is known now."""

    step: str
    error: str
    #: The user's frames; None: its code raised nothing, and the error says what there is to say.
    traceback: str | None
    #: How many attempts of a pipeline have failed.
    attempt: int = 1


async def step_failures(handle: RunHandle, database: Database) -> list[StepFailure]:
    """Return the failures of the newest run of the workflow id; a pipeline's that is tried again is among them."""
    description = await described(handle.client, handle.handle)
    result = await _result(handle, is_running=description.status is WorkflowExecutionStatus.RUNNING)
    run_id = result.run_id if result is not None else description.run_id
    ledger = await asyncio.to_thread(_ledger, database, run_id)
    known = {execution.step for execution in ledger}
    told = [
        StepFailure(step=step.step_name, error=step.error, traceback=step.traceback)
        for step in (result.step_executions if result is not None else ())
        if step.error is not None and step.step_name not in known and step.step_type != "parallel"
    ]
    return told + [
        StepFailure(step=each.step, error=each.error or "", traceback=each.traceback, attempt=each.attempt)
        for each in ledger
    ]


async def _result(handle: RunHandle, *, is_running: bool) -> WorkflowResult | None:
    if not is_running:
        return await handle.result()
    try:
        return await handle.progress()
    except (RPCError, WorkflowQueryFailedError):  # no worker answers; what is in Postgres is told all the same
        return None


def _ledger(database: Database, run_id: str) -> list[FailedExecution]:
    with database.begin() as connection:
        return failed_executions(connection, run_id)
