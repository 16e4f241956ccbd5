"""The person who decides of held gates: what is decided stands in the gate's name, so that it is the same each time."""

import asyncio
import contextlib

from temporalio.client import Client, WorkflowHandle, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError as UpdateTimeoutError
from temporalio.service import RPCError

from spine_temporal.definition.run_result import StepStatus, WorkflowResult

#: Seconds between two looks, and that an answer may take while everything dies.
_INTERVAL = 0.5
_PATIENCE = 5.0
_HELD = "SpineOutcome = 'HELD' AND ExecutionStatus = 'Running'"


async def decide_all(client: Client, every: float = _INTERVAL) -> None:
    """Decide whatever is held, at once, for ever; a decision that is lost is given again.

    A person does not go away for what he does not understand: he says it, and looks again.
    """
    while True:
        try:
            held = [run async for run in client.list_workflows(_HELD)]
            await asyncio.gather(*(_decide(client.get_workflow_handle(run.id, run_id=run.run_id)) for run in held))
        except (RPCError, RuntimeError):  # Temporal is away
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, gates are still held
            print(f"  the person wonders: {type(error).__name__}: {error}", flush=True)
        await asyncio.sleep(every)


async def _decide(handle: "WorkflowHandle[object, object]") -> None:
    with contextlib.suppress(
        RPCError, TimeoutError, WorkflowQueryFailedError, WorkflowUpdateFailedError, UpdateTimeoutError
    ):
        progress = await asyncio.wait_for(handle.query("progress", result_type=WorkflowResult), _PATIENCE)
        for step in progress.step_executions:
            if step.status is StepStatus.HELD:
                await asyncio.wait_for(_decide_step(handle, step.step_name), _PATIENCE)


async def _decide_step(handle: "WorkflowHandle[object, object]", gate: str) -> None:
    name, _, action = gate.rpartition("_")
    decision = {"step": gate, "by": "ann", "reason": "as its name says"}
    if action == "retry":
        decision["from"] = f"{name}_source"
    await handle.execute_update(action, decision, id=f"{action}-{gate}")
