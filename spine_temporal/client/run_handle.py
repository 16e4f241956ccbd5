"""``RunHandle``: one run, followed and steered from a program."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from pydantic import ValidationError
from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.client.ending import cancel_run, terminate_run
from spine_temporal.client.results import result_of
from spine_temporal.client.task_queues import refuse_standstill
from spine_temporal.definition.errors import ErrorCategory, ParamsError, SpineError
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.recording.database import Database
from spine_temporal.translation.decisions import decision_digest
from spine_temporal.translation.gate_messages import Claimed
from spine_temporal.translation.messages import DECIDER

#: Seconds before the patience for a decision has passed, from which on it is too late for it.
_LAST_MOMENT = 2.0
#: What a worker gets to take a decision.
_PATIENCE = timedelta(seconds=20)


@dataclass(frozen=True, kw_only=True)
class RunHandle:
    """A run that was started, or joined."""

    workflow_id: str
    handle: WorkflowHandle[Any, Any]
    client: Client

    async def result(self) -> WorkflowResult:
        """Wait for the run's end and return what it came to; a failed run is a result too."""
        return await result_of(self.client, self.handle)

    async def progress(self) -> WorkflowResult | None:
        """Return how far the run has come; asks the worker, so one must be there.

        None before it has begun, and where its worker does not know the workflow.
        """
        try:
            answer = await self.handle.query("progress")
            return None if answer is None else WorkflowResult.model_validate(answer)
        except (WorkflowQueryFailedError, ValidationError):
            return None

    async def decide(
        self,
        action: str,
        step: str | None,
        *,
        by: str,
        reason: str,
        start_from: str | None = None,
        evidence: str | None = None,
    ) -> str:
        """Decide of a held gate: ``waive``, ``retry`` or ``abort``; return what was decided.

        No step: the only one that is held. ``evidence``: what a waiver rests on, where the gate asks for it. Where
        Temporal's server knows its caller (mTLS, JWT), the decision is that person's, whatever ``by`` says. Raises
        ``ParamsError`` where it is not held, or the decision does not fit, ``StandstillError`` where nobody asks for
        the tasks of the run.
        """
        await refuse_standstill(self.handle, self.client)
        # After it nobody may act on what is said here to have been heard by nobody.
        until = time.time() + _PATIENCE.total_seconds() - _LAST_MOMENT
        given = {"step": step, "by": by, "reason": reason, "from": start_from, "evidence": evidence, "until": until}
        told = {name: value for name, value in given.items() if value is not None}
        update_id = uuid4().hex
        claimed = Claimed(update_id=update_id, digest=decision_digest(action, told))
        try:
            await self.handle.signal(DECIDER, claimed)
            return str(await self.handle.execute_update(action, told, id=update_id, rpc_timeout=_PATIENCE))
        except WorkflowUpdateFailedError as error:
            raise ParamsError(getattr(error.cause, "message", str(error.cause))) from None
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise SpineError(
                f"no worker has taken the decision of {self.workflow_id} within {_PATIENCE.total_seconds():g} s, "
                "and it is void",
                ErrorCategory.DEPENDENCY,
                advice="look with `spine-temporal why` whether the gate is still held, and decide again",
            ) from None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise ParamsError(
                    f"{self.workflow_id} is not running: only a held gate of a run can be decided"
                ) from None
            raise

    async def cancel(self, *, reason: str = "") -> None:
        """Ask the run to stop: its pipeline is rolled back, the partition freed. ``result`` waits until it has.

        Raises ``ParamsError`` where it has ended.
        """
        await cancel_run(self.client, self.handle, reason)

    async def terminate(self, *, reason: str, database: Database | None = None) -> bool:
        """Stop the run where it is; its pipeline is rolled back, nothing more of it runs.

        With a ``database``, its end is recorded and its partition given back at once, else by a worker within a
        minute; return whether that is done. Raises ``ParamsError`` where the run has ended.
        """
        return await terminate_run(self.client, self.handle, reason, database)
