"""``status``: how far a run has come, without waiting for it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import typer
from temporalio.client import WorkflowQueryFailedError
from temporalio.service import RPCError

from spine_temporal.cli.layout import width_of
from spine_temporal.cli.printing import how_to_decide, print_json, print_result, say
from spine_temporal.cli.progress import step_text
from spine_temporal.client.attempts import Attempt, attempts_of
from spine_temporal.client.descriptions import described
from spine_temporal.client.pending import place_awaited
from spine_temporal.client.run_handle import RunHandle
from spine_temporal.client.task_queues import standstill
from spine_temporal.definition.run_result import StepExecution, StepStatus, WorkflowResult, WorkflowStatus

#: Seconds that a worker gets to answer.
_PATIENCE = 5.0


@dataclass(frozen=True, kw_only=True)
class Situation:
    """How far a run has come, and what it waits for."""

    workflow_id: str
    result: WorkflowResult
    #: Whether the run itself was asked; else its steps are what Temporal knows to be pending.
    is_whole: bool = True
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    #: That no worker serves it, and what to start; or that it waits for a place of its backfill.
    waits: str = ""

    @property
    def held(self) -> list[str]:
        """The gates that wait for a person."""
        return [step.step_name for step in self.result.step_executions if step.status is StepStatus.HELD]


async def situation_of(run: RunHandle) -> Situation:
    """Return how far the run has come, or its result if it is closed."""
    description = await described(run.client, run.handle)
    if description.close_time is not None:
        return Situation(workflow_id=run.workflow_id, result=await run.result())
    waits = await standstill(run.handle, run.client)
    attempts = await attempts_of(run.client, description)
    progress = None if waits else await _progress(run)
    known = progress or WorkflowResult(
        workflow_name=description.workflow_type,
        run_id=description.run_id,
        status=WorkflowStatus.RUNNING,
        started_at=description.start_time,
        step_executions=[_pending(attempt) for attempt in attempts.values()],
    )
    return Situation(
        workflow_id=run.workflow_id,
        result=known,
        is_whole=progress is not None,
        attempts=attempts,
        waits=waits or place_awaited(description),
    )


def _pending(attempt: Attempt) -> StepExecution:
    """Return a step as Temporal itself knows it, where no worker can be asked."""
    return StepExecution(
        step_name=attempt.step, step_type="pipeline", status=StepStatus.RUNNING, started_at=attempt.started_at
    )


async def _progress(run: RunHandle) -> WorkflowResult | None:
    try:
        return await asyncio.wait_for(run.progress(), _PATIENCE)
    except (RPCError, WorkflowQueryFailedError, TimeoutError):
        return None


def print_situation(situation: Situation, *, as_json: bool) -> None:
    """Print it, with what a person can do about it."""
    result = situation.result
    if as_json:
        told = {"workflow_id": situation.workflow_id, "held_steps": situation.held, "waits": situation.waits or None}
        print_json(result.model_dump(mode="json") | told)
        return
    if situation.is_whole:
        print_result(result, as_json=False)
    else:
        say(f"Status: {result.status}")
        say(f"Run: {result.run_id}")
    for step in result.step_executions:
        if step.status is StepStatus.RUNNING:
            typer.echo(step_text(step, None, situation.attempts.get(step.step_name), width_of()).plain)
    for step_name in situation.held:
        for line in how_to_decide(situation.workflow_id, step_name):
            say(line)
    if situation.waits:
        say(situation.waits)
